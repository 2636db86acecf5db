import MultimodalPathway
import PathwayData
import PathwayKernels
import PathwayMedia
import PathwayProbing

/// A name with a line break and a control character.
let hostileText = "a\nb\u{1B}c"

/// Errors with a value for every case. The exhaustive switch of `next` does not compile after a case is added.
protocol Enumerated: CodedError {
  static var first: Self { get }
  /// A value of the next case; nil after the last.
  var next: Self? { get }
}

extension Enumerated {
  static var examples: [any CodedError] { Array(sequence(first: first) { $0.next }) }
}

extension MemoryError: Enumerated {
  static var first: Self { MemoryError(.start, needed: 1, available: nil) }
  var next: Self? {
    let purpose: Purpose? =
      switch purpose {
      case .start: .weights
      case .weights: .pass(batch: 2)
      case .pass: .results
      case .results: .inputs
      case .inputs: .file
      case .file: .verification
      case .verification: nil
      }
    return purpose.map { MemoryError($0, needed: 1, available: 0) }
  }
}

extension NotFiniteError: Enumerated {
  static var first: Self { Self(.model) }
  var next: Self? {
    switch origin {
    case .model: Self(.auxiliary(0))
    case .auxiliary: Self(.sum)
    case .sum: nil
    }
  }

  private init(_ origin: Origin) {
    self.init(tensor: hostileText, origin: origin, index: [0], found: "NaN", count: 1, total: 2, storedType: nil)
  }
}

extension BindingError: Enumerated {
  static var first: Self {
    var error = BindingError()
    error.unexpected = [hostileText]
    return error
  }
  var next: Self? { nil }
}

extension AudioError: Enumerated {
  static var first: Self { .invalid(key: hostileText, found: hostileText, expected: hostileText) }

  var next: Self? {
    switch self {
    case .invalid: .tooShort(samples: 1, expected: 1)
    case .tooShort: .rate(found: 1, expected: 1)
    case .rate: .tooManyWindows(found: 1, limit: 1)
    case .tooManyWindows: nil
    }
  }
}

extension AudioFileError: Enumerated {
  static var first: Self { .unreadable(file: hostileText, reason: hostileText) }

  var next: Self? {
    switch self {
    case .unreadable: .empty(file: hostileText)
    case .empty: .silent(file: hostileText)
    case .silent: .unsupportedFormat(file: hostileText, found: hostileText)
    case .unsupportedFormat: .unrecognized(file: hostileText, firstBytes: hostileText)
    case .unrecognized: .limitExceeded(file: hostileText, quantity: .rate, found: 1, limit: 1)
    case .limitExceeded: .truncated(file: hostileText, finding: hostileText)
    case .truncated: .damaged(file: hostileText, finding: hostileText)
    case .damaged: .unsupportedVariant(file: hostileText, finding: hostileText)
    case .unsupportedVariant: .noSuchChannel(file: hostileText, found: 1, channels: 1)
    case .noSuchChannel: .notFinite(file: hostileText, sample: 1)
    case .notFinite: .rate(file: hostileText, found: 1, expected: 1)
    case .rate: nil
    }
  }
}

extension BatchNormError: Enumerated {
  static var first: Self { .negativeVariance(tensor: hostileText, index: 1, found: -1) }

  var next: Self? {
    switch self {
    case .negativeVariance: nil
    }
  }
}

extension CalibrationError: Enumerated {
  static var first: Self { .bound(found: -1) }

  var next: Self? {
    switch self {
    case .bound: .noInputs
    case .noInputs: .notFinite(input: 1, layer: hostileText)
    case .notFinite: nil
    }
  }
}

extension CheckpointError: Enumerated {
  static var first: Self { .unreadable(file: hostileText, reason: hostileText) }

  var next: Self? {
    switch self {
    case .unreadable: .unwritable(file: hostileText, reason: hostileText)
    case .unwritable: .unknownKind(file: hostileText, found: hostileText, advice: hostileText)
    case .unknownKind: .tooShort(file: hostileText, bytes: 1)
    case .tooShort: .headerTooLong(file: hostileText, bytes: 1, limit: 1)
    case .headerTooLong: .headerBeyondFile(file: hostileText, header: 1, size: 1)
    case .headerBeyondFile: .malformedHeader(file: hostileText, reason: hostileText)
    case .malformedHeader: .duplicateName(file: hostileText, name: hostileText)
    case .duplicateName: .unknownElementType(file: hostileText, tensor: hostileText, found: hostileText)
    case .unknownElementType: .badShape(file: hostileText, tensor: hostileText, reason: hostileText)
    case .badShape: .badOffsets(file: hostileText, tensor: hostileText, reason: hostileText)
    case .badOffsets: .dataBeyondFile(file: hostileText, tensor: hostileText, end: 1, data: 1)
    case .dataBeyondFile: .sizeMismatch(file: hostileText, tensor: hostileText, expected: 1, found: 1)
    case .sizeMismatch: .uncoveredBytes(file: hostileText, from: 1, to: 1)
    case .uncoveredBytes: .badIndex(file: hostileText, reason: hostileText)
    case .badIndex: .malformedArchive(file: hostileText, reason: hostileText)
    case .malformedArchive: .malformedPickle(file: hostileText, offset: 1, reason: hostileText)
    case .malformedPickle: .unsupportedPickle(file: hostileText, found: hostileText)
    case .unsupportedPickle: .code(file: hostileText, name: hostileText)
    case .code: .badStorage(file: hostileText, tensor: hostileText, reason: hostileText)
    case .badStorage: .noTensors(file: hostileText, found: hostileText)
    case .noTensors: .ambiguousTensors(file: hostileText, keys: [hostileText])
    case .ambiguousTensors: .unknownWeights(file: hostileText, key: hostileText, known: [hostileText])
    case .unknownWeights: .unreadableTensor(file: hostileText, tensor: hostileText, found: hostileText)
    case .unreadableTensor: .checksum(file: hostileText, entry: hostileText)
    case .checksum: .notFloatingPoint(found: .int8)
    case .notFloatingPoint: nil
    }
  }
}

extension ConfigurationError: Enumerated {
  static var first: Self { .invalid(key: hostileText, found: hostileText, expected: hostileText) }

  var next: Self? {
    switch self {
    case .invalid: .unknownArchitecture(hostileText, nearest: [hostileText])
    case .unknownArchitecture: .lacking(architecture: hostileText, features: hostileText)
    case .lacking: .unknownTag(architecture: hostileText, tag: hostileText, known: [hostileText])
    case .unknownTag: .notApplicable(setting: hostileText, for: hostileText, found: .audio)
    case .notApplicable: .noArchitecture(file: hostileText)
    case .noArchitecture: .malformed(file: hostileText, reason: hostileText)
    case .malformed: .missingKey(file: hostileText, key: hostileText)
    case .missingKey: .badValue(file: hostileText, key: hostileText, found: hostileText, expected: hostileText)
    case .badValue: .unsupported(file: hostileText, key: hostileText, found: hostileText, supported: hostileText)
    case .unsupported: nil
    }
  }
}

extension EngineError: Enumerated {
  static var first: Self { .threadCount(found: hostileText) }

  var next: Self? {
    switch self {
    case .threadCount: .threadVariable(name: hostileText, found: hostileText)
    case .threadVariable: .instructionSet(found: hostileText, available: [.baseline])
    case .instructionSet: .threadsUnavailable(wanted: 1)
    case .threadsUnavailable: nil
    }
  }
}

extension PixelImageError: Enumerated {
  static var first: Self { .extent(found: Extent(height: 1, width: 2)) }

  var next: Self? {
    switch self {
    case .extent: .sampleCount(found: 1, expected: 1, extent: Extent(height: 1, width: 2))
    case .sampleCount: nil
    }
  }
}

extension MediaError: Enumerated {
  static var first: Self { .unreadable(file: hostileText, reason: hostileText) }

  var next: Self? {
    switch self {
    case .unreadable: .empty(file: hostileText)
    case .empty: .unsupportedFormat(file: hostileText, found: hostileText)
    case .unsupportedFormat: .unrecognized(file: hostileText, firstBytes: hostileText)
    case .unrecognized: .unsupportedVariant(file: hostileText, finding: hostileText)
    case .unsupportedVariant: .limitExceeded(file: hostileText, quantity: .pixels, found: nil, limit: 1)
    case .limitExceeded: .truncated(file: hostileText, finding: hostileText)
    case .truncated: .damaged(file: hostileText, finding: hostileText)
    case .damaged: .unwritable(file: hostileText, reason: hostileText)
    case .unwritable: nil
    }
  }
}

extension ImagePreprocessingError: Enumerated {
  static var first: Self { .invalid(key: hostileText, found: hostileText, expected: hostileText) }

  var next: Self? {
    switch self {
    case .invalid: .badValue(file: hostileText, key: hostileText, found: hostileText, expected: hostileText)
    case .badValue: .malformed(file: hostileText, reason: hostileText)
    case .malformed: .unsupported(file: hostileText, key: hostileText, found: hostileText, supported: hostileText)
    case .unsupported: .size(found: Extent(height: 1, width: 2), expected: Extent(height: 1, width: 2))
    case .size: .destination(found: 1, expected: 2)
    case .destination: .missingFrames(found: 1, expected: 2)
    case .missingFrames: nil
    }
  }
}

extension InferenceError: Enumerated {
  static var first: Self { .inputShape(expected: hostileText, found: [1]) }

  var next: Self? {
    switch self {
    case .inputShape: .inputNotFinite
    case .inputNotFinite: .blockOutOfRange(found: 1, depth: 1)
    case .blockOutOfRange: .workspaceTooSmall(batch: 1, found: 1)
    case .workspaceTooSmall: .outputCount(expected: 1, found: 1)
    case .outputCount: .categories(expected: hostileText, found: [1])
    case .categories: nil
    }
  }
}

extension CheckpointLayoutError: Enumerated {
  static var first: Self { .unrecognized(names: [hostileText]) }

  var next: Self? {
    switch self {
    case .unrecognized: .ambiguous(prefixes: [hostileText])
    case .ambiguous: .refused(title: hostileText, reason: hostileText)
    case .refused: .outside(prefix: hostileText, names: [hostileText])
    case .outside: .chunks(block: hostileText, found: [hostileText])
    case .chunks: .missing(tensor: hostileText, requiredBy: hostileText)
    case .missing: .duplicate(name: hostileText, sources: [hostileText])
    case .duplicate: .shapes(tensors: [hostileText], shapes: [[1]])
    case .shapes: .notAVisionTransformer(CheckpointLayout.allCases[0])
    case .notAVisionTransformer: .unsupportedHead(feature: hostileText, names: [hostileText])
    case .unsupportedHead: nil
    }
  }
}

extension PathwayError: Enumerated {
  static var first: Self { .badBlockMap(found: hostileText, reason: hostileText) }

  var next: Self? {
    switch self {
    case .badBlockMap: .depthMismatch(target: 1, auxiliary: 1)
    case .depthMismatch: .shapeMismatch(layer: hostileText, target: [1], auxiliary: [1])
    case .shapeMismatch: .missingAuxiliary(tensor: hostileText)
    case .missingAuxiliary: .auxiliaryShape(tensor: hostileText, expected: hostileText, found: [1])
    case .auxiliaryShape: .notALayer(found: hostileText, nearest: hostileText)
    case .notALayer: .neverInt8(layer: hostileText)
    case .neverInt8: .notJoined(layer: hostileText)
    case .notJoined: .noSuchAuxiliary(found: 1, count: 1)
    case .noSuchAuxiliary: .scaleNotFinite(layer: hostileText)
    case .scaleNotFinite: .badScales(file: hostileText, reason: hostileText)
    case .badScales: .biasMissing(layer: hostileText)
    case .biasMissing: .beyondRange(tensor: hostileText, index: [1], count: 1, type: .int8)
    case .beyondRange: .notAFloatType(.int8)
    case .notAFloatType: .overwritesInput(file: hostileText)
    case .overwritesInput: nil
    }
  }
}

extension PointFileError: Enumerated {
  static var first: Self { .empty(file: hostileText) }

  var next: Self? {
    switch self {
    case .empty: .unsupportedFormat(file: hostileText, found: hostileText)
    case .unsupportedFormat: .unsupportedVariant(file: hostileText, finding: hostileText)
    case .unsupportedVariant: .limitExceeded(file: hostileText, quantity: .points, found: 1, limit: 1)
    case .limitExceeded: .malformed(file: hostileText, at: .line(1), finding: hostileText)
    case .malformed: .truncated(file: hostileText, finding: hostileText)
    case .truncated: .noCloud(file: hostileText, reason: .singlePlace(points: 2))
    case .noCloud: .noLabels(file: hostileText, finding: hostileText)
    case .noLabels: .badLabel(file: hostileText, point: 1, found: hostileText)
    case .badLabel: .labelCount(file: hostileText, found: 1, points: 2)
    case .labelCount: nil
    }
  }
}

extension PointCloudError: Enumerated {
  static var first: Self { .empty(values: 1) }

  var next: Self? {
    switch self {
    case .empty: .notFinite(point: 1, found: .infinity)
    case .notFinite: .noSuchPoint(triangle: 1, found: 1, count: 1)
    case .noSuchPoint: .singlePlace(points: 1)
    case .singlePlace: nil
    }
  }
}

extension RidgeError: Enumerated {
  static var first: Self { .featureShape(found: [1], samples: 1) }

  var next: Self? {
    switch self {
    case .featureShape: .label(found: 1, sample: 1, classes: 1)
    case .label: .tooFewClasses(found: 1)
    case .tooFewClasses: .foldCount(found: 1)
    case .foldCount: .tooFewSamples(class: hostileText, found: 1, folds: 1)
    case .tooFewSamples: .ridge(found: -1)
    case .ridge: .notFinite(sample: 1, channel: 1)
    case .notFinite: .notPositiveDefinite(ridge: -1, minor: 1)
    case .notPositiveDefinite: .illConditioned(ridge: -1)
    case .illConditioned: .lapack(routine: hostileText, info: 1)
    case .lapack: nil
    }
  }
}

extension VideoError: Enumerated {
  static var first: Self { .unreadable(file: hostileText, reason: hostileText) }

  var next: Self? {
    switch self {
    case .unreadable: .noLibrary(file: hostileText, reason: hostileText)
    case .noLibrary: .empty(file: hostileText)
    case .empty: .notAVideo(file: hostileText, finding: hostileText)
    case .notAVideo: .unsupported(file: hostileText, finding: hostileText)
    case .unsupported: .limitExceeded(file: hostileText, quantity: .frames, found: nil, limit: 1)
    case .limitExceeded: .truncated(file: hostileText, finding: hostileText)
    case .truncated: .damaged(file: hostileText, finding: hostileText)
    case .damaged: .noFrames(file: hostileText)
    case .noFrames: nil
    }
  }
}

extension DataError: Enumerated {
  static var first: Self { .notApplicable(.hop, found: .image) }

  var next: Self? {
    switch self {
    case .notApplicable: .invalid(.channel, found: hostileText, expected: hostileText)
    case .invalid: .notPrepared(file: hostileText, reason: hostileText)
    case .notPrepared: .notFinite(file: hostileText)
    case .notFinite: .spectrogramNotFinite(file: hostileText)
    case .spectrogramNotFinite: .noMatch(pattern: hostileText)
    case .noMatch: .unlistable(directory: hostileText, reason: hostileText)
    case .unlistable: .noFiles(directory: hostileText, extensions: [hostileText])
    case .noFiles: .noClassFolders(directory: hostileText)
    case .noClassFolders: .unknownClass(directory: hostileText, found: hostileText, expected: [hostileText])
    case .unknownClass: .noClasses
    case .noClasses: .answersPerPoint
    case .answersPerPoint: .answersWhole
    case .answersWhole: .noCategories
    case .noCategories:
      .partOutOfRange(file: hostileText, point: 1, found: 2, category: hostileText, expected: [3])
    case .partOutOfRange: .classOutOfRange(found: 4, classCount: 4)
    case .classOutOfRange: .scoreCount(found: 3, expected: 4)
    case .scoreCount: .predictionCount(found: 3, expected: 4)
    case .predictionCount: nil
    }
  }
}

extension TableError: Enumerated {
  static var first: Self { .unreadable(file: hostileText, reason: hostileText) }

  var next: Self? {
    switch self {
    case .unreadable: .tooLarge(file: hostileText, bytes: 1)
    case .tooLarge: .encoding(file: hostileText, isUTF16: true)
    case .encoding: .malformed(file: hostileText, line: 1, finding: hostileText)
    case .malformed: .vocabulary(name: hostileText, found: 1, expected: 2)
    case .vocabulary: nil
    }
  }
}
