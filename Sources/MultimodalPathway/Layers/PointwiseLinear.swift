import PathwayCheckpoints
import PathwayKernelTemplates
import PathwayKernels

/// A linear layer on every point, or a convolution of size 1, with the batch norm after it, as a point transformer
/// declares it.
package struct PointwiseLinear: Sendable {
  /// The four vectors of a batch norm, (out) each.
  struct BatchNorm: Sendable {
    let name: String
    let gain: Parameter
    let shift: Parameter
    let mean: Parameter
    let variance: Parameter

    init(_ scope: ParameterScope, _ channels: Int) {
      name = scope.path
      gain = scope.parameter("weight", [channels], .gain)
      shift = scope.parameter("bias", [channels], .bias)
      mean = scope.parameter("running_mean", [channels], .mean)
      variance = scope.parameter("running_var", [channels], .variance)
    }
  }

  /// K.
  let inputs: Int
  /// N.
  let outputs: Int
  /// (out, in), or of a convolution (out, in, 1).
  let weight: Parameter
  /// (out).
  let bias: Parameter?
  let norm: BatchNorm?

  /// - Parameters:
  ///   - name: of the layer, within `scope`.
  ///   - norm: of the batch norm after it, within `scope`.
  package init(
    _ scope: ParameterScope, _ name: String, _ inputs: Int, _ outputs: Int, isConvolution: Bool = true,
    hasBias: Bool = true, norm: String? = nil
  ) {
    let own = scope(name)
    self.inputs = inputs
    self.outputs = outputs
    weight = own.parameter("weight", [outputs, inputs] + (isConvolution ? [1] : []), .weight)
    bias = hasBias ? own.parameter("bias", [outputs], .bias) : nil
    self.norm = norm.map { BatchNorm(scope($0), outputs) }
  }

  /// Multiply-adds of `rows` rows.
  func products(rows: Int) -> Double { Double(rows) * Double(inputs) * Double(outputs) }
}

/// Such a layer with its batch norm folded in, before its weights are packed.
///
/// With gain, shift, mean and variance of the norm: `W_hat = s W`, `b_hat = s (b - mean) + shift`,
/// `s = gain / sqrt(variance + 1e-5)`, computed in Double and rounded once.
package struct FoldedWeights {
  /// Output channels.
  let rows: Int
  /// Input channels.
  let columns: Int
  /// (rows, columns).
  package private(set) var weight: [Double]
  /// (rows).
  package private(set) var bias: [Double]

  /// - Throws: `BindingError`; `BatchNormError`.
  package init(_ layer: PointwiseLinear, _ weights: ModelWeights) throws {
    try self.init(layer) { try weights.tensor($0.name).float32() }
  }

  /// The same of the values that `read` gives of a parameter.
  init(_ layer: PointwiseLinear, _ read: (Parameter) throws -> [Float]) throws {
    (rows, columns) = (layer.outputs, layer.inputs)
    func numbers(_ parameter: Parameter) throws -> [Double] { try read(parameter).map(Double.init) }
    weight = try numbers(layer.weight)
    bias = try layer.bias.map(numbers) ?? [Double](repeating: 0, count: layer.outputs)
    guard let norm = layer.norm else { return }
    let (gain, shift) = (try numbers(norm.gain), try numbers(norm.shift))
    let (mean, variance) = (try numbers(norm.mean), try numbers(norm.variance))
    for row in 0..<rows {
      guard variance[row] >= 0 else {
        throw BatchNormError.negativeVariance(tensor: norm.variance.name, index: row, found: variance[row])
      }
      let scale = gain[row] / (variance[row] + 1e-5).squareRoot()
      for column in row * columns..<(row + 1) * columns { weight[column] *= scale }
      bias[row] = scale * (bias[row] - mean[row]) + shift[row]
    }
  }

  /// W, rounded, as a model has it.
  var tensor: Tensor { Tensor(weight.map { Float($0) }, shape: [rows, columns]) }

  /// The columns `range` of W.
  func part(_ range: Range<Int>) -> [Double] {
    (0..<rows).flatMap { row in weight[row * columns + range.lowerBound..<row * columns + range.upperBound] }
  }
}

/// Statistics that no batch can have had.
public enum BatchNormError: CodedError, Equatable {
  /// A running variance below 0 or NaN.
  case negativeVariance(tensor: String, index: Int, found: Double)

  /// The identifier of the case, stable within a major version.
  public var code: String {
    switch self {
    case .negativeVariance: "batch-norm.negative-variance"
    }
  }

  /// What was found, what was expected and what to do, on one line: text from files is escaped.
  public var description: String { text.onOneLine() }

  private var text: String {
    switch self {
    case .negativeVariance(let tensor, let index, let found):
      "\(tensor)[\(index)] is \(found), expected a variance of at least 0; the checkpoint is damaged"
    }
  }
}

/// The packed weights of a layer on every point, for one thread at a time or for a team.
struct FoldedLayer: Sendable {
  let matrix: PackedMatrix
  let bias: FloatBuffer?

  /// W, (n, k), and b.
  init(_ weight: [Double], n: Int, bias: [Double]?, engine: Engine) throws {
    let tensor = Tensor(weight.map { Float($0) }, shape: [n, weight.count / max(1, n)])
    matrix = try WeightPointers(tensor, []).use { pointer, _ in
      try PackedMatrix(pointer, n: n, k: tensor.shape[1], engine: engine)
    }
    self.bias = bias.map { FloatBuffer(copying: $0.map { Float($0) }) }
  }

  init(_ weights: FoldedWeights, engine: Engine) throws {
    try self.init(weights.weight, n: weights.rows, bias: weights.bias, engine: engine)
  }

  /// Bytes of the packed weights of `layers`.
  static func byteCount(_ layers: [FoldedLayer]) -> Int { layers.reduce(0) { $0 + $1.matrix.byteCount } }

  /// Floats of scratch for `run` on up to `rows` rows.
  static func scratchCount(_ kernels: KernelTable, rows: Int) -> Int { rows * kernels.panelColumns }

  /// c = epilogue(a W^T + b) for `rows` rows, by the calling thread.
  ///
  /// - Parameter addend: (rows, n) with row stride `addendStride`, added first; may be `c`.
  @inline(__always)
  func run(
    _ kernels: KernelTable, _ a: UnsafePointer<Float>, lda: Int, rows: Int, _ c: UnsafeMutablePointer<Float>, ldc: Int,
    addend: UnsafePointer<Float>? = nil, addendStride: Int = 0, relu: Bool = false, gelu: Bool = false,
    scratch: UnsafeMutablePointer<Float>
  ) {
    var epilogue = Epilogue()
    epilogue.addend = addend
    epilogue.addendStride = addendStride
    epilogue.bias = bias.map { UnsafePointer($0.base) }
    epilogue.appliesReLU = relu
    epilogue.appliesGELU = gelu
    var arguments = GEMMArguments(
      a: a, lda: lda, panels: a, c: c, ldc: ldc, n: matrix.n, k: matrix.k, epilogue: epilogue)
    matrix.place(&arguments, panel: 0)
    let panels = (matrix.n + kernels.panelColumns - 1) / kernels.panelColumns
    // SAFETY: the caller has `rows` rows of both sides and `scratchCount` floats of scratch of its own.
    kernels.float32.gemm(&arguments, Span1D(0, panels), Span1D(0, rows), kernels.kBlock, scratch)
  }
}
