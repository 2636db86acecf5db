/// The precision of every linear layer of a model's blocks, and of the patch embedding. Heads, and what makes tokens of
/// points, are float32 in any.
public struct PrecisionPlan: Sendable, Equatable, Encodable {
  /// Of layers that `overrides` does not name.
  public var standard: Precision
  /// By layer, `blocks.3.mlp.fc2`, or `patch_embed.proj`.
  public var overrides: [String: Precision]

  /// One precision for all layers but those of `overrides`; whether their names exist is checked where a model is made.
  public init(_ standard: Precision, overrides: [String: Precision] = [:]) {
    self.standard = standard
    self.overrides = overrides
  }

  /// The formats that it names, the narrowest last.
  public var formats: [Precision] {
    let named = Set([standard] + overrides.values)
    return Precision.allCases.filter(named.contains)
  }

  /// All layers in float32.
  public static let float32 = PrecisionPlan(.float32)
  /// All layers in bfloat16, attention and the patch embedding too.
  public static let bfloat16 = PrecisionPlan(.bfloat16)
  /// All layers of the blocks in int8, attention too, the patch embedding in bfloat16. Layers of the last block that are
  /// done for one row an image, because the head reads one token or a mean, are bfloat16 too, where no override says
  /// otherwise: they take hardly any time, and no later block evens their losses out.
  public static let int8 = PrecisionPlan(.int8)

  /// What a layer of a block is computed in; of a model, `VisionTransformer.precision` knows its last block.
  public subscript(block: Int, layer: PathwayLayer) -> Precision {
    overrides[layer.name(inBlock: block)] ?? standard
  }

  /// What a layer of a block is computed in.
  subscript(layer: Linear) -> Precision { overrides[layer.name] ?? standard }

  /// What the patch embedding is computed in: never int8, which would gain next to nothing here, and whose
  /// losses all blocks would pass on.
  public var patchEmbedding: Precision {
    overrides[Self.patchEmbeddingName] ?? (standard == .float32 ? .float32 : .bfloat16)
  }

  /// How `overrides` names the patch embedding.
  public static let patchEmbeddingName = "patch_embed.proj"

  /// The plan with all that it means for such a model in `overrides`.
  func completed(for c: VisionTransformerConfiguration) -> PrecisionPlan {
    guard standard == .int8 else { return self }
    let names = c.singleRowLayers.map { $0.name(inBlock: c.depth - 1) }
    return PrecisionPlan(
      standard, overrides: overrides.merging(names.map { ($0, .bfloat16) }) { named, _ in named })
  }

  /// Checks that every override names a layer of such a model, which has the format.
  ///
  /// - Throws: `PathwayError.notALayer`, `.neverInt8`.
  func validate(_ c: VisionTransformerConfiguration) throws {
    var names = Set((0..<c.depth).flatMap { block in PathwayLayer.allCases.map { $0.name(inBlock: block) } })
    if c.points == nil { names.insert(Self.patchEmbeddingName) }
    for name in overrides.keys.sorted() where !names.contains(name) {
      throw PathwayError.notALayer(found: name, nearest: nearest(to: name, among: names, limit: 1).first)
    }
    if patchEmbedding == .int8 { throw PathwayError.neverInt8(layer: Self.patchEmbeddingName) }
  }
}
