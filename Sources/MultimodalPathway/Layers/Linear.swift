import PathwayCheckpoints
import PathwayKernels
import PathwayLoops

/// A linear layer, y = x W^T + b, as a model declares it.
///
/// Every linear layer of a block has a place where pathways can join it, `W_hat = W + sum_m lambda_m W'_m`; a layer
/// without pathways is the same layer with no terms.
struct Linear: Sendable {
  /// How the bias is stored.
  enum Bias: Sendable {
    case none
    /// (out).
    case full(Parameter)
    /// Of a fused qkv layer: queries and values, (C) each. The keys have none (BEiT, VideoMAE).
    case queryAndValue(Parameter, Parameter)
  }

  /// Where pathways join.
  struct Joint: Sendable {
    let block: Int
    let layer: PathwayLayer
  }

  /// timm's name, `blocks.0.attn.qkv`.
  let name: String
  /// K: elements of an input row.
  let inputs: Int
  /// N: elements of an output row.
  let outputs: Int
  let weight: Parameter
  let bias: Bias
  let joint: Joint?

  /// - Parameters:
  ///   - kernel: the weight's dimensions after the first, where it is a convolution over patches; their product is K.
  ///   - bias: which outputs have one.
  init(
    _ scope: ParameterScope, _ inputs: Int, _ outputs: Int, kernel: [Int]? = nil,
    bias: VisionTransformerConfiguration.QKVBias = .full, joint: Joint? = nil
  ) {
    name = scope.path
    self.inputs = inputs
    self.outputs = outputs
    self.joint = joint
    weight = scope.parameter("weight", [outputs] + (kernel ?? [inputs]), .weight)
    switch bias {
    case .none: self.bias = .none
    case .full: self.bias = .full(scope.parameter("bias", [outputs], .bias))
    case .queryAndValue:
      // They belong to the attention, whose scope is the one above.
      let outer = scope.parent
      self.bias = .queryAndValue(
        outer.parameter("q_bias", [outputs / 3], .bias), outer.parameter("v_bias", [outputs / 3], .bias))
    }
  }

  /// The bias tensors of (out) values as the model stores them, by name.
  func stored(_ bias: [Float]) -> [String: Tensor] {
    switch self.bias {
    case .none: [:]
    case .full(let parameter): [parameter.name: Tensor(bias, shape: [outputs])]
    case .queryAndValue(let q, let v):
      [
        q.name: Tensor(Array(bias[..<(outputs / 3)]), shape: q.shape),
        v.name: Tensor(Array(bias[(2 * outputs / 3)...]), shape: v.shape),
      ]
    }
  }

  /// (out) values of a model's bias, zeros for keys that have none; nil: no bias.
  ///
  /// - Throws: `BindingError`.
  func bias(from weights: ModelWeights) throws -> [Float]? {
    switch bias {
    case .none: return nil
    case .full(let parameter): return try weights.tensor(parameter.name).float32()
    case .queryAndValue(let query, let value):
      let (q, v) = (try weights.tensor(query.name).float32(), try weights.tensor(value.name).float32())
      return q + [Float](repeating: 0, count: q.count) + v
    }
  }

  /// The bias of all outputs, where the layer has one.
  var fullBias: Parameter? { if case .full(let parameter) = bias { parameter } else { nil } }

  /// Outputs that never have a bias.
  var unbiased: Range<Int> {
    if case .queryAndValue = bias { return outputs / 3..<2 * outputs / 3 }
    return 0..<0
  }

  /// Multiply-adds of `rows` rows.
  func products(rows: Int) -> Double { Double(rows) * Double(inputs) * Double(outputs) }
}

extension PathwayWeights {
  /// The auxiliaries' shares of a layer; none where pathways cannot join it.
  func terms(of layer: Linear) throws -> [Term] {
    try layer.joint.map { try terms($0.block, $0.layer) } ?? []
  }

  /// The bias of a layer with its auxiliaries' shares, `b + sum_m lambda_m b'_m`, each added by one fused multiply-add;
  /// nil where the layer has none.
  func bias(of layer: Linear) throws -> [Float]? {
    guard var bias = try layer.bias(from: target) else { return nil }
    for term in try terms(of: layer) {
      guard let other = try term.bias?.float32() else { continue }
      for index in bias.indices where !layer.unbiased.contains(index) {
        bias[index] = bias[index].addingProduct(term.scale, other[index])
      }
    }
    return bias
  }
}

extension PathwayWeights {
  /// The bias of one layer of a block, (out), with its auxiliaries' shares; nil where the layer has none.
  package func bias(_ block: Int, _ layer: PathwayLayer) throws -> [Float]? {
    try bias(of: Block(ParameterScope(), target.configuration, block).linear(layer))
  }
}

// MARK: - Reference

extension Linear {
  /// The layer in Double with its auxiliaries as branches of their own.
  func product(_ weights: PathwayWeights) throws -> DoubleProduct {
    try DoubleProduct(
      weights.target.tensor(weight.name), terms: weights.terms(of: self), bias: weights.bias(of: self))
  }

  /// y of `rows` rows of every copy, and the deviation of float32's error in every element, (rows, out).
  func reference(
    _ pass: ReferencePass, _ x: DoubleBuffer, rows: Int
  ) throws -> (y: DoubleBuffer, deviation: DoubleBuffer) {
    try pass.apply(product(pass.weights), to: x, rows: rows)
  }
}
