/// The precision of every joined linear layer of a model. Patch embedding and head are float32 in any.
public struct PrecisionPlan: Sendable, Equatable, Encodable {
  /// Of layers that `overrides` does not name.
  public var standard: Precision
  /// By layer, `blocks.3.mlp.fc2`.
  public var overrides: [String: Precision]

  /// One precision for all layers but those of `overrides`; whether their names exist is checked where a model is made.
  public init(_ standard: Precision, overrides: [String: Precision] = [:]) {
    self.standard = standard
    self.overrides = overrides
  }

  /// All layers in float32.
  public static let float32 = PrecisionPlan(.float32)
  /// All layers in bfloat16, attention too.
  public static let bfloat16 = PrecisionPlan(.bfloat16)
  /// All layers in int8, attention in bfloat16.
  public static let int8 = PrecisionPlan(.int8)

  /// What a layer of a block is computed in.
  public subscript(block: Int, layer: PathwayLayer) -> Precision {
    overrides[layer.name(inBlock: block)] ?? standard
  }

  /// Checks that every override names a layer of a model of `depth` blocks.
  ///
  /// - Throws: `PathwayError.notALayer`.
  func validate(depth: Int) throws {
    let names = Set((0..<depth).flatMap { block in PathwayLayer.allCases.map { $0.name(inBlock: block) } })
    for name in overrides.keys.sorted() where !names.contains(name) {
      throw PathwayError.notALayer(found: name, nearest: nearest(to: name, among: names, limit: 1).first)
    }
  }
}
