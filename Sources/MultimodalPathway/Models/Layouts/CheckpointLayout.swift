import PathwayCheckpoints

/// How an origin names a transformer's tensors: one row of `CheckpointLayout.table`.
///
/// A row says by which tensor a layout is recognised, how its names become timm's, where its norms are, and how many
/// heads its models have. No other code knows a foreign name, so the next origin is another row.
public struct CheckpointLayout: Sendable {
  /// What a checkpoint of this layout can be used for.
  enum Kind: Sendable, Equatable {
    /// All of a model's tensors get timm's names: a target or an auxiliary.
    case visionTransformer
    /// Only the blocks' linear layers do: an auxiliary.
    case auxiliary
    /// Nothing; the text says why, and what could be used instead.
    case refused(reason: String)
  }

  /// Where a block's norms are.
  enum NormOrder: Sendable {
    /// Before the layers, as in a vision transformer.
    case before
    /// After the layers and their residuals.
    case after
    /// After them, but before them in files that have one of `tensors` (after the prefix) or whose configuration says
    /// `key`.
    case afterUnless(tensors: [String], key: String? = nil)
  }

  /// How many heads the models of a layout have.
  enum HeadRule: Sendable {
    case unknown
    /// Heads of 64 channels, except at the widths that are listed; 0 where a width has no rule. With `sign`, only in
    /// files that have this tensor.
    case channels64(except: [Int: Int] = [:], sign: String? = nil)
  }

  /// The name in reports and in the metadata of written files.
  public let rawValue: String
  /// The models that have it, for errors.
  let title: String
  let kind: Kind
  /// A tensor of the first block that is named so in this layout alone; absent where another row finds it.
  let signature: String?
  /// Tensors that must be there too, after the same prefix.
  var signs: [String] = []
  /// Tensors that must not be there, after the same prefix.
  var counterSigns: [String] = []
  let names: LayoutNames
  var norms = NormOrder.before
  var heads = HeadRule.unknown
  /// A tensor, after the prefix, and its axis that has one element a head.
  var headTensor: (name: String, axis: Int)?
  /// Whether the stored blocks are used several times, as ALBERT does.
  var sharesBlocks = false
  /// What a pathway's user should know of its meaning.
  var remark: String?

  /// Whether all of a model's tensors get timm's names, or only those of the blocks' linear layers.
  public var isVisionTransformer: Bool { kind == .visionTransformer }

  /// Whether the norms come after the layers and their residuals in models of this layout, as far as it tells; a vision
  /// transformer here has them before.
  public var isPostNorm: Bool {
    if case .before = norms { false } else { true }
  }

  /// The layout of that name.
  public init?(rawValue: String) {
    guard let row = Self.table.first(where: { $0.rawValue == rawValue }) else { return nil }
    self = row
  }

  init(
    _ rawValue: String, _ title: String, _ kind: Kind, signature: String?, signs: [String] = [],
    counterSigns: [String] = [], names: LayoutNames = LayoutNames(block: "", inBlock: [:]),
    norms: NormOrder = .before, heads: HeadRule = .unknown, headTensor: (name: String, axis: Int)? = nil,
    sharesBlocks: Bool = false, remark: String? = nil
  ) {
    self.rawValue = rawValue
    self.title = title
    self.kind = kind
    self.signature = signature
    self.signs = signs
    self.counterSigns = counterSigns
    self.names = names
    self.norms = norms
    self.heads = heads
    self.headTensor = headTensor
    self.sharesBlocks = sharesBlocks
    self.remark = remark
  }

  /// A layout and what its names begin with: wrappers' prefixes like `module.` or `backbone.`.
  public struct Match: Sendable, Equatable {
    /// The row of the table.
    public let layout: CheckpointLayout
    /// With its last dot; empty where names have none.
    public let prefix: String
  }
}

extension CheckpointLayout: Hashable, RawRepresentable, CaseIterable {
  /// Rows are equal where their names are.
  public static func == (a: CheckpointLayout, b: CheckpointLayout) -> Bool { a.rawValue == b.rawValue }
  /// Hashes the name, as `==` compares it.
  public func hash(into hasher: inout Hasher) { hasher.combine(rawValue) }

  /// All layouts that can be loaded.
  public static var allCases: [CheckpointLayout] {
    table.filter { if case .refused = $0.kind { false } else { true } }
  }
}

/// One layout's names and timm's. Names are without `.weight` and `.bias` where a module has both.
struct LayoutNames: Sendable {
  /// What a block's names begin with, before its number.
  var block: String
  /// Inside a block.
  var inBlock: [String: String]
  /// The three modules whose rows are stacked to `attn.qkv`.
  var qkv: [String] = []
  /// Outside the blocks.
  var outside: [String: String] = [:]
  /// Names that begin like this, after the prefix or a part of it, have no place in the model.
  var dropped: [String] = []
  /// Nor do names that end like this.
  var droppedEndings: [String] = []

  /// An auxiliary's: the modules of a block that are `attn.proj`, `mlp.fc1` and `mlp.fc2`, and either three for query,
  /// key and value, the names of a fused weight and bias, or the module that has both.
  static func linear(
    _ block: String, qkv: [String] = [], fused: (weight: String, bias: String)? = nil, joined: String? = nil,
    _ projection: String, _ fc1: String, _ fc2: String
  ) -> LayoutNames {
    var inBlock = [projection: "attn.proj", fc1: "mlp.fc1", fc2: "mlp.fc2"]
    if let joined { inBlock[joined] = "attn.qkv" }
    if let fused {
      inBlock[fused.weight] = "attn.qkv.weight"
      inBlock[fused.bias] = "attn.qkv.bias"
    }
    return LayoutNames(block: block, inBlock: inBlock, qkv: qkv)
  }
}
