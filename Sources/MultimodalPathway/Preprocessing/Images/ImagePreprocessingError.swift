import PathwayCheckpoints
import PathwayKernels

/// Why a recipe cannot be read or followed.
public enum ImagePreprocessingError: CodedError, Hashable {
  /// A number that makes no sense.
  case invalid(key: String, found: String, expected: String)
  /// The same of a file, by the file's own key.
  case badValue(file: String, key: String, found: String, expected: String)
  /// A file that is not what it should be.
  case malformed(file: String, reason: String)
  /// Something that a configuration asks for and that does not exist here.
  case unsupported(file: String, key: String, found: String, supported: String)
  /// A recipe that does not resize got a picture of another size than the model's.
  case size(found: Extent, expected: Extent)
  /// The memory of the caller does not have the size of the result.
  case destination(found: Int, expected: Int)
  /// A view of a video lacks frames.
  case missingFrames(found: Int, expected: Int)
}

extension ImagePreprocessingError {
  /// The identifier of the case, stable within a major version.
  public var code: String {
    switch self {
    case .invalid: "image-preprocessing.invalid"
    case .badValue: "image-preprocessing.bad-value"
    case .malformed: "image-preprocessing.malformed"
    case .unsupported: "image-preprocessing.unsupported"
    case .size: "image-preprocessing.size"
    case .destination: "image-preprocessing.destination"
    case .missingFrames: "image-preprocessing.missing-frames"
    }
  }

  /// What was found, what was expected and what to do, on one line: text from files is escaped.
  public var description: String { text.onOneLine() }

  private var text: String {
    switch self {
    case .invalid(let key, let found, let expected):
      "image preprocessing: '\(key)' is \(found), expected \(expected)"
    case .badValue(let file, let key, let found, let expected):
      "\(file): '\(key)' is \(found), expected \(expected)"
    case .malformed(let file, let reason):
      "\(file): \(reason)"
    case .unsupported(let file, let key, let found, let supported):
      "\(file): '\(key)' is \(found), which is not supported; supported: \(supported)"
    case .size(let found, let expected):
      "the image has \(found) pixels and the model expects \(expected), but its configuration does not resize; "
        + "resize the image first"
    case .destination(let found, let expected):
      "the destination has room for \(found) values, expected \(expected)"
    case .missingFrames(let found, let expected):
      "the view has \(found) of its \(expected) frames; add every frame that `needed` lists"
    }
  }
}
