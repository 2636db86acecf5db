import MultimodalPathway

/// Why files cannot become the input of a model, or why a model cannot give the requested answer.
public enum DataError: Error, Hashable {
  /// A setting of a front end that is for one modality.
  public enum Setting: String, Sendable, Hashable {
    /// More than one segment or crop of a video.
    case segmentsAndCrops = "segments and crops"
    /// A window that slides over sound.
    case hop
    /// One channel of sound.
    case channel
  }

  /// A setting that does not apply to the modality of the model.
  case notApplicable(Setting, found: Modality)
  /// A setting whose value is outside its range.
  case invalid(Setting, found: String, expected: String)
  /// A file that can be read, but not prepared for the model.
  case notPrepared(file: String, reason: String)
  /// A file whose prepared values are NaN or infinite.
  case notFinite(file: String)
  /// A file whose normalised spectrogram is NaN or infinite, and cannot be drawn.
  case spectrogramNotFinite(file: String)
  /// A pattern that matches no file.
  case noMatch(pattern: String)
  /// A directory that cannot be listed.
  case unlistable(directory: String, reason: String)
  /// A directory without files for the front end.
  case noFiles(directory: String, extensions: [String])
  /// A directory without a directory for each class.
  case noClassFolders(directory: String)
  /// A class directory whose name is not one of the expected classes.
  case unknownClass(directory: String, found: String, expected: [String])
  /// A model without a classifier.
  case noClasses
  /// A model that answers for every point, but an answer for the whole input is requested.
  case answersPerPoint
  /// A model that answers for the whole input, but an answer for every point is requested.
  case answersWhole
  /// A per-point model whose configuration has no categories.
  case noCategories
  /// A point, counted from 0, whose label is no part of its object's category.
  case partOutOfRange(file: String, point: Int, found: Int, category: String, expected: [Int])
  /// A label or prediction of a metric that is not the index of a class.
  case classOutOfRange(found: Int, classCount: Int)
  /// A sample of a metric whose scores are not one for each class.
  case scoreCount(found: Int, expected: Int)
  /// Predictions of a metric that are not one for each label.
  case predictionCount(found: Int, expected: Int)
}

extension DataError {
  static func check(class index: Int, classCount: Int) throws {
    guard (0..<classCount).contains(index) else {
      throw DataError.classOutOfRange(found: index, classCount: classCount)
    }
  }

  static func check(scores: Int, classCount: Int) throws {
    guard scores == classCount else { throw DataError.scoreCount(found: scores, expected: classCount) }
  }

  static func check(predictions: Int, labels: Int) throws {
    guard predictions == labels else { throw DataError.predictionCount(found: predictions, expected: labels) }
  }
}

extension DataError: CodedError {
  /// A stable name of the case.
  public var code: String {
    switch self {
    case .notApplicable: "data.not-applicable"
    case .invalid: "data.invalid"
    case .notPrepared: "data.not-prepared"
    case .notFinite: "data.not-finite"
    case .spectrogramNotFinite: "data.spectrogram-not-finite"
    case .noMatch: "data.no-match"
    case .unlistable: "data.unlistable"
    case .noFiles: "data.no-files"
    case .noClassFolders: "data.no-class-folders"
    case .unknownClass: "data.unknown-class"
    case .noClasses: "data.no-classes"
    case .answersPerPoint: "data.answers-per-point"
    case .answersWhole: "data.answers-whole"
    case .noCategories: "data.no-categories"
    case .partOutOfRange: "data.part-out-of-range"
    case .classOutOfRange: "data.class-out-of-range"
    case .scoreCount: "data.score-count"
    case .predictionCount: "data.prediction-count"
    }
  }

  /// What was found, what was expected, and what to do, on one line.
  public var description: String { text.onOneLine() }

  private var text: String {
    switch self {
    case .notApplicable(let setting, let found):
      "\(setting.rawValue) \(setting.applies); the model is for \(found.rawValue)"
    case .invalid(let setting, let found, let expected):
      "\(setting.rawValue) is \(found), expected \(expected)"
    case .notPrepared(let file, let reason):
      "\(file): \(reason)"
    case .notFinite(let file):
      "\(file): its prepared values are not finite: NaN, or too large for float32"
    case .spectrogramNotFinite(let file):
      "\(file): the normalized spectrogram is not finite; check mean and std in the configuration of the model"
    case .noMatch(let pattern):
      "\(pattern): no file has such a name"
    case .unlistable(let directory, let reason):
      "\(directory): cannot be listed: \(reason)"
    case .noFiles(let directory, let extensions):
      "\(directory): a directory without \(Self.list(extensions.map { "." + $0 })) files"
    case .noClassFolders(let directory):
      "\(directory): has no folders; put each class's files into a folder of its name"
    case .unknownClass(let directory, let found, let expected):
      "\(directory): class '\(found)' is not among the training classes: \(expected.joined(separator: ", "))"
    case .noClasses:
      "the model has no head and so no classes; use its features"
    case .answersPerPoint:
      "the model names the parts of a cloud, not the whole cloud"
    case .answersWhole:
      "the model does not answer for every point"
    case .noCategories:
      "the model has no categories"
    case .partOutOfRange(let file, let point, let found, let category, let expected):
      "\(file): the label of point \(point), counted from 0, is \(found), expected a part of \(category): "
        + expected.map(String.init).joined(separator: ", ")
    case .classOutOfRange(let found, let classCount):
      "class \(found) is out of range: there are \(classCount) classes, counted from 0; check the labels"
    case .scoreCount(let found, let expected):
      "a sample has \(found) scores, expected \(expected), one for each class"
    case .predictionCount(let found, let expected):
      "\(found) predictions were given for \(expected) labels; give one for each"
    }
  }

  /// ".a, .b or .c".
  private static func list(_ names: [String]) -> String {
    "\(names.dropLast().joined(separator: ", ")) or \(names.last ?? "")"
  }
}

extension DataError.Setting {
  fileprivate var applies: String {
    switch self {
    case .segmentsAndCrops: "are for videos"
    case .hop, .channel: "is for sound"
    }
  }
}
