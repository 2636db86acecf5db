import PathwayKernelTemplates
import PathwayKernels

/// Leaves a model's parameters where the caller has them, and computes what is derived from them again in every pass.
final class ArenaLoader: ParameterLoader {
  let precision: PrecisionPlan
  private let places: [String: UnsafeMutablePointer<Float>]
  private let terms: [TrainedTerm]
  let engine: Engine
  /// What a pass begins with, in any order.
  private(set) var refreshes: [() -> Void] = []
  /// What only evaluation reads.
  private(set) var remakes: [() throws -> Void] = []

  /// - Parameters:
  ///   - places: of every parameter, by name.
  ///   - precision: of the blocks' layers and the patch embedding.
  init(
    _ places: [String: UnsafeMutablePointer<Float>], terms: [TrainedTerm], precision: Precision, engine: Engine
  ) {
    (self.places, self.terms, self.precision, self.engine) = (places, terms, PrecisionPlan(precision), engine)
  }

  func vector(_ parameter: Parameter) throws -> FloatBuffer {
    FloatBuffer(viewing: try place(parameter), count: parameter.count)
  }

  func derived(_ count: Int, _ compute: @escaping (UnsafeMutablePointer<Float>) -> Void) throws -> FloatBuffer {
    let buffer = try FloatBuffer(count: count, for: .weights)
    refreshes.append { compute(buffer.base) }
    return buffer
  }

  func linear(_ layer: Linear, _ precision: Precision) throws -> Linear.Loaded {
    let terms =
      layer.joint.map { joint in
        self.terms.filter { $0.block == joint.block && $0.layer == joint.layer }
      } ?? []
    let matrix = FoldedMatrix(
      try place(layer.weight), n: layer.outputs, k: layer.inputs,
      terms: terms.map { FoldTerm(scale: 0, weight: $0.weight) }, precision: precision, owners: [])
    if !terms.isEmpty {
      let scales = terms.map(\.scale)
      refreshes.append { for m in scales.indices { matrix.terms.base[m].scale = scales[m].pointee } }
    }
    return Linear.Loaded(folding: matrix, bias: try bias(of: layer, terms))
  }

  func matrix(_ weight: FloatBuffer, n: Int, k: Int, bias: FloatBuffer?) throws -> Linear.Loaded {
    Linear.Loaded(folding: FoldedMatrix(weight.base, n: n, k: k, terms: [], owners: [weight]), bias: bias)
  }

  func made<Part>(_ make: @escaping (ParameterValues) throws -> Part) throws -> MadePart<Part> {
    let places = places
    let values = ParameterValues(engine: engine) { parameter in
      let place = try Self.place(parameter, places)
      return (0..<parameter.count).map { place[$0] }
    }
    let part = try MadePart<Part>(making: { try make(values) })
    remakes.append { try part.makeAgain() }
    return part
  }

  /// b, or `b_hat = b + sum lambda_m b'_m`, each added by one fused multiply-add; nil where the layer has none.
  private func bias(of layer: Linear, _ terms: [TrainedTerm]) throws -> FloatBuffer? {
    let shares = terms.compactMap { term in term.bias.map { (scale: term.scale, bias: $0) } }
    let parts: [(start: Int, values: FloatBuffer)]
    switch layer.bias {
    case .none: return nil
    case .full(let parameter):
      let values = try vector(parameter)
      if shares.isEmpty { return values }
      parts = [(0, values)]
    case .queryAndValue(let query, let value):
      parts = [(0, try vector(query)), (2 * layer.outputs / 3, try vector(value))]
    }
    // Keys without a bias keep the zeros of the buffer.
    return try derived(layer.outputs) { bias in
      for part in parts {
        let place = bias + part.start
        place.update(from: part.values.base, count: part.values.count)
        for share in shares {
          for index in 0..<part.values.count {
            place[index] = place[index].addingProduct(share.scale.pointee, share.bias[part.start + index])
          }
        }
      }
    }
  }

  func place(_ parameter: Parameter) throws -> UnsafeMutablePointer<Float> { try Self.place(parameter, places) }

  private static func place(
    _ parameter: Parameter, _ places: [String: UnsafeMutablePointer<Float>]
  ) throws -> UnsafeMutablePointer<Float> {
    guard let place = places[parameter.name] else {
      throw BindingError(missing: [.init(name: parameter.name, nearest: nil)])
    }
    return place
  }
}
