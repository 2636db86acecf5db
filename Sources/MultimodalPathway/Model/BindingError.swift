import PathwayCheckpoints

/// Everything that keeps tensors from being the ones a configuration calls for.
public struct BindingError: Error, Equatable, CustomStringConvertible {
  public struct Missing: Equatable, Sendable {
    public var name: String
    /// The unexpected name most like it.
    public var nearest: String?
  }
  public struct Mismatched: Equatable, Sendable {
    public var name: String
    public var expected: [Int]
    public var found: [Int]
  }
  public struct NotNumbers: Equatable, Sendable {
    public var name: String
    public var found: ElementType
  }
  public var missing: [Missing] = []
  public var unexpected: [String] = []
  public var mismatched: [Mismatched] = []
  /// Tensors of whole numbers or booleans where real ones are expected.
  public var notNumbers: [NotNumbers] = []

  public var isEmpty: Bool { missing.isEmpty && unexpected.isEmpty && mismatched.isEmpty && notNumbers.isEmpty }

  public var description: String {
    func list(_ lines: [String], _ title: String) -> [String] {
      let shown = 6
      if lines.isEmpty { return [] }
      let rest = lines.count > shown ? "; ..." : ""
      return ["\(lines.count) \(title): " + lines.prefix(shown).joined(separator: "; ") + rest]
    }
    let parts =
      list(missing.map { $0.name + ($0.nearest.map { " (nearest: \($0))" } ?? "") }, "missing")
      + list(unexpected, "unexpected")
      + list(mismatched.map { "\($0.name) is \($0.found), expected \($0.expected)" }, "of another shape")
      + list(notNumbers.map { "\($0.name) is \($0.found.rawValue)" }, "not of real numbers")
    return "the checkpoint does not fit the configuration: " + parts.joined(separator: ". ") + hint
  }

  /// What the commonest mistakes look like.
  private var hint: String {
    if missing.isEmpty, unexpected.allSatisfy({ $0.hasPrefix("head.") }), !unexpected.isEmpty {
      return ". The configuration says 0 classes, the file has a head: correct num_classes"
    }
    if mismatched.map(\.name) == ["pos_embed"], missing.isEmpty, unexpected.isEmpty {
      return ". The file is for another image size: correct it, then resample to the size you want"
    }
    return ""
  }
}
