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
  /// What the file has in other forms than tensors, as `name is a list`; no problem by itself.
  public var others: [String] = []

  public var isEmpty: Bool { missing.isEmpty && unexpected.isEmpty && mismatched.isEmpty && notNumbers.isEmpty }

  /// One line, whatever names the file has in it.
  public var description: String { text.onOneLine() }

  private var text: String {
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
      + (missing.isEmpty ? [] : list(others, "no tensors"))
    return "the checkpoint does not fit the configuration: " + parts.joined(separator: ". ") + hint
  }

  /// Weights that are there and not as plain tensors, told by the ends of names.
  private static let forms: [(ending: String, name: String, advice: String)] = [
    (".weight_g", "split by weight norm", "call torch.nn.utils.remove_weight_norm before saving"),
    (".parametrizations.weight.original", "parametrized", Self.removal),
    (".parametrizations.weight.original0", "parametrized", Self.removal),
    (".weight_orig", "pruned or under spectral norm", "remove the reparametrization before saving"),
    (".base_layer.weight", "with adapters apart", "merge them before saving (PEFT: merge_and_unload)"),
    (".lora_A.weight", "with adapters apart", "merge them before saving (PEFT: merge_and_unload)"),
    (".weight_packed", "quantized", "take the checkpoint that it was made from"),
    (".qweight", "quantized", "take the checkpoint that it was made from"),
    (".weight.absmax", "quantized", "take the checkpoint that it was made from"),
    (".weight_scale", "quantized", "take the checkpoint that it was made from"),
    (".SCB", "quantized", "take the checkpoint that it was made from"),
    ("._packed_params._packed_params", "quantized", "take the checkpoint that it was made from"),
  ]
  private static let removal = "call torch.nn.utils.parametrize.remove_parametrizations before saving"

  /// What the commonest mistakes look like.
  private var hint: String {
    if missing.isEmpty, !unexpected.isEmpty, Set(unexpected).isSubset(of: ["head.weight", "head.bias"]) {
      return ". The configuration says 0 classes, the file has a head: correct num_classes"
    }
    if unexpected.contains(where: { $0.hasSuffix(".running_mean") }) {
      return ". The file has batch norms (running_mean), the configuration has none: it is of another model"
    }
    func hasForm(_ ending: String) -> Bool { unexpected.contains { $0.hasSuffix(ending) } }
    if !missing.isEmpty, let form = Self.forms.first(where: { hasForm($0.ending) }) {
      return ". The file has weights in another form, \(form.name): \(form.advice)"
    }
    if mismatched.map(\.name) == ["pos_embed"], missing.isEmpty, unexpected.isEmpty {
      return ". The file is for another image size: correct it, then resample to the size you want"
    }
    return ""
  }
}
