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
  /// A matrix, (n, k), that is made of several parameters (`derived`), without pathways.
  ///
  /// - Throws: as `linear`.
  func matrix(_ weight: FloatBuffer, n: Int, k: Int, bias: FloatBuffer?) throws -> Linear.Loaded
  /// A part that is made of parameters' values in Double: once, or again by `TrainingPass.update`.
  func made<Part>(_ make: @escaping (ParameterValues) throws -> Part) throws -> MadePart<Part>
}

/// The values of parameters, for parts that are made of them.
struct ParameterValues {
  let engine: Engine
  /// float32.
  ///
  /// - Throws: `BindingError` where the model has no such tensor.
  let read: (Parameter) throws -> [Float]
}

/// What a loader made of parameters' values.
final class MadePart<Part>: @unchecked Sendable {
  // SAFETY: a part changes in `TrainingPass.update` alone, whose caller has no pass running.

  private(set) var part: Part
  private let make: (() throws -> Part)?

  /// A part that is never made again.
  init(fixed part: Part) {
    self.part = part
    make = nil
  }

  init(making make: @escaping () throws -> Part) throws {
    self.make = make
    part = try make()
  }

  func makeAgain() throws { if let make { part = try make() } }
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
  /// Layers that need not be loaded again.
  var shared: SharedLayers?

  var target: ModelWeights { weights.target }

  func vector(_ parameter: Parameter) throws -> FloatBuffer {
    FloatBuffer(copying: try target.tensor(parameter.name).float32())
  }

  func derived(_ count: Int, _ compute: @escaping (UnsafeMutablePointer<Float>) -> Void) throws -> FloatBuffer {
    let buffer = try FloatBuffer(count: count, for: .weights)
    compute(buffer.base)
    return buffer
  }

  func made<Part>(_ make: @escaping (ParameterValues) throws -> Part) throws -> MadePart<Part> {
    let part = try make(ParameterValues(engine: engine) { try target.tensor($0.name).float32() })
    return MadePart(fixed: part)
  }

  /// The weights of one linear layer, packed or ready to fold.
  func linear(_ layer: Linear, _ precision: Precision) throws -> Linear.Loaded {
    if let loaded = try shared?.linear(layer, in: weights) { return loaded }
    return try Linear.Loaded(
      try target.tensor(layer.weight.name), terms: try weights.terms(of: layer), bias: try weights.bias(of: layer),
      execution: execution, precision: precision, arena: arena, engine: engine)
  }

  func matrix(_ weight: FloatBuffer, n: Int, k: Int, bias: FloatBuffer?) throws -> Linear.Loaded {
    func values(_ buffer: FloatBuffer) -> [Float] { (0..<buffer.count).map { buffer.base[$0] } }
    return try Linear.Loaded(
      Tensor(values(weight), shape: [n, k]), terms: [], bias: bias.map(values), execution: .merged,
      precision: .float32, arena: arena, engine: engine)
  }
}

// MARK: - Memory

extension WeightLoader {
  /// Bytes that the weights of a linear layer will take.
  func byteCount(_ layer: Linear, _ precision: Precision = .float32) throws -> Int {
    if try shared?.linear(layer, in: weights) != nil { return 0 }
    let terms = try weights.terms(of: layer).count
    let copies = execution == .folded && terms > 0 ? 0 : execution == .twoBranch ? 1 + terms : 1
    return SystemMemory.product(copies, byteCount(layer.outputs, layer.inputs, precision))
  }

  /// Bytes that a packed matrix, (out, in), will take.
  func byteCount(_ outputs: Int, _ inputs: Int, _ precision: Precision = .float32) -> Int {
    PackedMatrix.byteCount(n: outputs, k: inputs, precision: precision, engine: engine)
  }
}
