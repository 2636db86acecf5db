import PathwayCheckpoints
import PathwayKernels

/// Everything that keeps tensors from being the ones a configuration calls for.
public struct BindingError: CodedError, Equatable {
  /// A tensor that the configuration calls for and the checkpoint lacks.
  public struct Missing: Equatable, Sendable {
    /// timm's name of it.
    public var name: String
    /// The unexpected name most like it.
    public var nearest: String?
  }

  /// A tensor of another shape than the configuration calls for.
  public struct Mismatched: Equatable, Sendable {
    /// timm's name of it.
    public var name: String
    /// The shape that the configuration calls for.
    public var expected: [Int]
    /// The shape in the checkpoint.
    public var found: [Int]
  }

  /// A tensor of whole numbers or booleans where real numbers are expected.
  public struct NotNumbers: Equatable, Sendable {
    /// timm's name of it.
    public var name: String
    /// The type in the checkpoint.
    public var found: ElementType
  }

  /// Tensors that the checkpoint lacks.
  public var missing: [Missing] = []
  /// Names of tensors that the configuration does not call for.
  public var unexpected: [String] = []
  /// Tensors of another shape.
  public var mismatched: [Mismatched] = []
  /// Tensors of whole numbers or booleans where real ones are expected.
  public var notNumbers: [NotNumbers] = []
  /// What the file has in other forms than tensors, as `name is a list`; no problem by itself.
  public var others: [String] = []

  package init(missing: [Missing] = []) { self.missing = missing }

  /// Whether the tensors are the ones that the configuration calls for.
  public var isEmpty: Bool { missing.isEmpty && unexpected.isEmpty && mismatched.isEmpty && notNumbers.isEmpty }

  /// The identifier of the error, stable within a major version.
  public var code: String { "binding.mismatch" }

  /// What was found, what was expected and what to do, on one line: text from files is escaped.
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
