/// The precision of every joined linear layer of a model. Patch embedding and head are float32 in any.
public struct PrecisionPlan: Sendable, Equatable {
  /// Of layers that `overrides` does not name.
  public var standard: Precision
  /// By layer, `blocks.3.mlp.fc2`.
  public var overrides: [String: Precision]

  public init(_ standard: Precision, overrides: [String: Precision] = [:]) {
    self.standard = standard
    self.overrides = overrides
  }

  public static let float32 = PrecisionPlan(.float32)
  public static let bfloat16 = PrecisionPlan(.bfloat16)
  public static let int8 = PrecisionPlan(.int8)

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
