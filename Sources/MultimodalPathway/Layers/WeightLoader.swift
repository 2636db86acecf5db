import PathwayCheckpoints
import PathwayKernels

/// Brings the parameters that layers declare into memory, in the form that their forward passes read.
struct WeightLoader {
  let weights: PathwayWeights
  let execution: PathwayExecution
  let precision: PrecisionPlan
  /// Where packed weights go.
  let arena: WeightArena
  let engine: Engine

  var target: ModelWeights { weights.target }

  /// A parameter's values, float32.
  ///
  /// - Throws: `BindingError` where the model has no such tensor.
  func vector(_ parameter: Parameter) throws -> FloatBuffer {
    FloatBuffer(copying: try target.tensor(parameter.name).float32())
  }

  func vector(_ parameter: Parameter?) throws -> FloatBuffer? { try parameter.map { try vector($0) } }

  /// The weights of one linear layer, packed or ready to fold.
  ///
  /// - Throws: `WeightNotFinite`; `EngineError`; `MemoryError`; `BindingError`.
  func linear(_ layer: Linear, _ precision: Precision = .float32) throws -> Linear.Loaded {
    try Linear.Loaded(
      try target.tensor(layer.weight.name), terms: try weights.terms(of: layer), bias: try weights.bias(of: layer),
      execution: execution, precision: precision, arena: arena, engine: engine)
  }

  /// A matrix that is made of several tensors, without pathways.
  ///
  /// - Parameter weight: (out, in).
  func matrix(_ weight: Tensor, bias: [Float]?) throws -> Linear.Loaded {
    try Linear.Loaded(
      weight, terms: [], bias: bias, execution: .merged, precision: .float32, arena: arena, engine: engine)
  }
}

// MARK: - Memory

extension WeightLoader {
  /// Bytes that the weights of a linear layer will take.
  func byteCount(_ layer: Linear, _ precision: Precision = .float32) throws -> Int {
    let terms = try weights.terms(of: layer).count
    let copies = execution == .folded && terms > 0 ? 0 : execution == .twoBranch ? 1 + terms : 1
    return SystemMemory.product(copies, byteCount(layer.outputs, layer.inputs, precision))
  }

  /// Bytes that a packed matrix, (out, in), will take.
  func byteCount(_ outputs: Int, _ inputs: Int, _ precision: Precision = .float32) -> Int {
    PackedMatrix.byteCount(n: outputs, k: inputs, precision: precision, engine: engine)
  }
}
