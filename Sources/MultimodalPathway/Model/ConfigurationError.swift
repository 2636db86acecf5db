import PathwayCheckpoints

/// Why a configuration cannot be used: what was found, what was expected, what to do.
public enum ConfigurationError: Error, Equatable, CustomStringConvertible {
  /// Numbers that make no transformer. `key` is timm's name of the first that does not fit.
  case invalid(key: String, found: String, expected: String)
  case unknownArchitecture(String, nearest: [String])
  /// A model of timm that needs what this engine lacks.
  case lacking(architecture: String, features: String)
  /// A tag that timm does not have for the architecture; `known` in timm's order, empty where it has no tags at all.
  case unknownTag(architecture: String, tag: String, known: [String])
  /// A setting for models of another modality.
  case notApplicable(setting: String, for: String, found: Modality)
  /// A file that cannot be read, or is not JSON, or lacks a place to come from.
  case malformed(file: String, reason: String)
  case missingKey(file: String, key: String)
  case badValue(file: String, key: String, found: String, expected: String)
  /// A model that exists, but not here.
  case unsupported(file: String, key: String, found: String, supported: String)

  /// One line, whatever names the file has in it.
  public var description: String { text.onOneLine() }

  private var text: String {
    switch self {
    case .invalid(let key, let found, let expected):
      "the configuration is not possible: \(key) is \(found), expected \(expected)"
    case .unknownArchitecture(let name, let nearest):
      "architecture '\(name)' is not known; did you mean \(nearest.joined(separator: ", "))?"
    case .lacking(let name, let features):
      "architecture '\(name)' needs what this engine lacks: \(features); another name would give other answers"
    case .unknownTag(let architecture, let tag, let known):
      "architecture '\(architecture)' has no weights '\(tag)'; "
        + (known.isEmpty ? "its name takes no tag" : "known tags: \(known.joined(separator: ", "))")
    case .notApplicable(let setting, let kind, let found):
      "\(setting) is for models of \(kind); the model is for \(found.rawValue)"
    case .malformed(let file, let reason): "\(file): \(reason)"
    case .missingKey(let file, let key): "\(file): lacks the key '\(key)'"
    case .badValue(let file, let key, let found, let expected): "\(file): '\(key)' is \(found), expected \(expected)"
    case .unsupported(let file, let key, let found, let supported):
      "\(file): '\(key)' is \(found), which this engine does not have; supported: \(supported)"
    }
  }
}
