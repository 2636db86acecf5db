import PathwayCheckpoints

/// Why a recipe cannot be read or followed.
public enum ImagePreprocessingError: Error, Hashable {
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
  /// The caller's memory does not hold the result.
  case destination(found: Int, expected: Int)
}

extension ImagePreprocessingError: CustomStringConvertible {
  /// What was found, what was expected, and what to do.
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
      "the destination holds \(found) values, the image has \(expected)"
    }
  }
}
