import PathwayCheckpoints
import PathwayKernels

/// Why a configuration cannot be used: what was found, what was expected, what to do.
public enum ConfigurationError: CodedError, Equatable {
  /// Numbers that make no transformer. `key` is timm's name of the first that does not fit.
  case invalid(key: String, found: String, expected: String)
  /// A name that timm's models do not have; `nearest` are names like it.
  case unknownArchitecture(String, nearest: [String])
  /// A model of timm that needs what this engine lacks.
  case lacking(architecture: String, features: String)
  /// A tag that timm does not have for the architecture; `known` in timm's order, empty where it has no tags at all.
  case unknownTag(architecture: String, tag: String, known: [String])
  /// A setting for models of another modality.
  case notApplicable(setting: String, for: String, found: Modality)
  /// A file of weights without a configuration, where no architecture is named.
  case noArchitecture(file: String)
  /// A file that cannot be read, or that is not JSON of the form expected.
  case malformed(file: String, reason: String)
  /// A key that a configuration must have.
  case missingKey(file: String, key: String)
  /// A value that its key cannot have.
  case badValue(file: String, key: String, found: String, expected: String)
  /// A model that exists, but not here.
  case unsupported(file: String, key: String, found: String, supported: String)

  /// The identifier of the case, stable within a major version.
  public var code: String {
    switch self {
    case .invalid: "configuration.invalid"
    case .unknownArchitecture: "configuration.unknown-architecture"
    case .lacking: "configuration.lacking"
    case .unknownTag: "configuration.unknown-tag"
    case .notApplicable: "configuration.not-applicable"
    case .noArchitecture: "configuration.no-architecture"
    case .malformed: "configuration.malformed"
    case .missingKey: "configuration.missing-key"
    case .badValue: "configuration.bad-value"
    case .unsupported: "configuration.unsupported"
    }
  }

  /// What was found, what was expected and what to do, on one line: text from files is escaped.
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
    case .noArchitecture(let file):
      "\(file): has no config.json next to it; name the architecture, such as vit_base_patch16_224"
    case .malformed(let file, let reason): "\(file): \(reason)"
    case .missingKey(let file, let key): "\(file): lacks the key '\(key)'"
    case .badValue(let file, let key, let found, let expected): "\(file): '\(key)' is \(found), expected \(expected)"
    case .unsupported(let file, let key, let found, let supported):
      "\(file): '\(key)' is \(found), which this engine does not have; supported: \(supported)"
    }
  }
}
