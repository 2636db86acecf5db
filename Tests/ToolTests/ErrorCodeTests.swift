import MultimodalPathway
import PathwayData
import PathwayKernels
import PathwayMedia
import PathwayProbing
import PathwayTraining
import Testing

/// The errors of all libraries: their texts and codes.
@Suite struct ErrorCodeTests {
  private static let types: [any Enumerated.Type] = [
    AudioError.self, AudioFileError.self, BatchNormError.self, BindingError.self, CalibrationError.self,
    CheckpointError.self, CheckpointLayoutError.self, ConfigurationError.self, DataError.self, EngineError.self,
    ImagePreprocessingError.self, InferenceError.self, MediaError.self, MemoryError.self, NotFiniteError.self,
    PathwayError.self, PixelImageError.self, PointCloudError.self, PointFileError.self, RidgeError.self,
    TableError.self, TrainingError.self, VideoError.self,
  ]

  private static let errors: [any CodedError] = types.flatMap { $0.examples }

  /// The codes that are stable within a major version, grouped by the part before the dot.
  private static let promised = """
    audio invalid too-short rate too-many-windows
    audio-file unreadable empty silent unsupported-format unrecognized limit-exceeded truncated damaged
    audio-file unsupported-variant no-such-channel not-finite rate
    batch-norm negative-variance
    binding mismatch
    calibration bound no-inputs not-finite
    checkpoint unreadable unwritable unknown-kind too-short header-too-long header-beyond-file malformed-header
    checkpoint duplicate-name unknown-element-type bad-shape bad-offsets data-beyond-file size-mismatch
    checkpoint uncovered-bytes bad-index malformed-archive malformed-pickle unsupported-pickle executable-pickle
    checkpoint bad-storage no-tensors ambiguous-tensors unknown-weights unreadable-tensor checksum not-floating-point
    configuration invalid unknown-architecture lacking unknown-tag not-applicable no-architecture malformed
    configuration missing-key bad-value unsupported
    data not-applicable invalid not-prepared not-finite spectrogram-not-finite no-match
    data unlistable no-files no-class-folders unknown-class no-classes answers-per-point answers-whole no-categories
    data part-out-of-range class-out-of-range score-count prediction-count
    engine thread-count thread-variable instruction-set threads-unavailable
    image extent sample-count
    image-file unreadable empty unsupported-format unrecognized unsupported-variant limit-exceeded truncated damaged
    image-file unwritable
    image-preprocessing invalid bad-value malformed unsupported size destination missing-frames
    inference input-shape input-not-finite block-out-of-range workspace-too-small output-count categories
    layout unrecognized ambiguous refused outside chunks missing duplicate shapes not-a-vision-transformer
    layout unsupported-head
    memory start weights pass results inputs file verification
    not-finite model auxiliary sum
    pathway bad-block-map depth-mismatch shape-mismatch missing-auxiliary auxiliary-shape not-a-layer never-quantized
    pathway not-joined scale-not-finite bad-scales bias-missing beyond-range not-a-float-type overwrites-input
    pathway no-such-auxiliary
    point-file empty unsupported-format unsupported-variant limit-exceeded malformed truncated no-cloud
    point-file no-labels bad-label label-count
    points empty not-finite no-such-point single-place
    ridge feature-shape label too-few-classes fold-count too-few-samples ridge not-finite not-positive-definite
    ridge ill-conditioned lapack
    table unreadable too-large encoding malformed vocabulary
    training unknown-key bad-setting bad-recipe unsupported too-few-classes too-few-files unreadable occupied
    training nothing-to-resume bad-checkpoint other-recipe other-data diverged unknown-recipe not-applicable
    training several-labels unlistable bad-log no-effect other-categories
    video-file unreadable no-library empty not-a-video unsupported limit-exceeded truncated damaged no-frames
    """

  @Test func everyCodeIsPromised() {
    let promised = Self.promised.split(separator: "\n").flatMap { line in
      let words = line.split(separator: " ")
      return words.dropFirst().map { "\(words[0]).\($0)" }
    }
    #expect(Self.errors.map(\.code).sorted() == promised.sorted())
  }

  @Test func codesAreUnique() {
    #expect(Set(Self.errors.map(\.code)).count == Self.errors.count)
  }

  @Test func codesAreTwoNamesInLowercase() {
    for error in Self.errors { #expect(error.code.wholeMatch(of: /[a-z-]+\.[a-z-]+/) != nil, "\(error.code)") }
  }

  @Test func localizedDescriptionsAreTheDescriptions() {
    for error in Self.errors {
      #expect((error as any Error).localizedDescription == error.description, "\(error.code)")
    }
  }

  @Test func descriptionsAreOneLineWithoutControlCharacters() {
    for error in Self.errors {
      #expect(!error.description.isEmpty, "\(error.code)")
      #expect(error.description.unicodeScalars.allSatisfy { !$0.isUnfitForALine }, "\(error.code)")
    }
  }

  /// Users of the library have no command line.
  @Test func descriptionsNameNoOptions() {
    for error in Self.errors { #expect(!error.description.contains(" --"), "\(error)") }
  }
}
