import PathwayCheckpoints
import PathwayKernels

/// Brings the parameters that layers declare into memory, in the form that their forward passes read: from a model's
/// tensors, once (`WeightLoader`), or in place, where training changes them (`ArenaLoader`).
protocol ParameterLoader {
  /// What every linear layer is computed in.
  var precision: PrecisionPlan { get }
  /// A parameter's values, float32.
  ///
  /// - Throws: `BindingError` where the model has no such tensor.
  func vector(_ parameter: Parameter) throws -> FloatBuffer
  /// `count` floats that are computed from other parameters: once, or again whenever those change.
  func derived(_ count: Int, _ compute: @escaping (UnsafeMutablePointer<Float>) -> Void) throws -> FloatBuffer
  /// The weights of one linear layer, with its pathways.
  ///
  /// - Throws: `WeightNotFinite`; `EngineError`; `MemoryError`; `BindingError`.
  func linear(_ layer: Linear, _ precision: Precision) throws -> Linear.Loaded
  /// The loader of tensors that do not change, for parts that are made of them once.
  ///
  /// - Throws: `TrainingPassError.unsupported` where parameters change.
  func fixed(for part: String) throws -> WeightLoader
}

extension ParameterLoader {
  func vector(_ parameter: Parameter?) throws -> FloatBuffer? { try parameter.map { try vector($0) } }
  func linear(_ layer: Linear) throws -> Linear.Loaded { try linear(layer, .float32) }
}

/// Brings a model's tensors into memory.
struct WeightLoader: ParameterLoader {
  let weights: PathwayWeights
  let execution: PathwayExecution
  let precision: PrecisionPlan
  /// Where packed weights go.
  let arena: WeightArena
  let engine: Engine

  var target: ModelWeights { weights.target }

  func vector(_ parameter: Parameter) throws -> FloatBuffer {
    FloatBuffer(copying: try target.tensor(parameter.name).float32())
  }

  func derived(_ count: Int, _ compute: @escaping (UnsafeMutablePointer<Float>) -> Void) throws -> FloatBuffer {
    let buffer = FloatBuffer(count: count)
    compute(buffer.base)
    return buffer
  }

  func fixed(for part: String) throws -> WeightLoader { self }

  /// The weights of one linear layer, packed or ready to fold.
  func linear(_ layer: Linear, _ precision: Precision) throws -> Linear.Loaded {
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
