import PathwayKernelTemplates
import PathwayKernels
import PathwayLoops

/// LayerNorm over the channels of a row, y = gain (x - mean) / sqrt(variance + epsilon) + shift (Ba et al. 2016, arXiv
/// 1607.06450).
struct LayerNorm: Sendable {
  /// timm's name, `blocks.0.norm1`.
  let name: String
  /// C.
  let width: Int
  let epsilon: Float
  /// (C) each.
  let gain: Parameter
  let shift: Parameter

  init(_ scope: ParameterScope, _ width: Int, epsilon: Float) {
    name = scope.path
    self.width = width
    self.epsilon = epsilon
    gain = scope.parameter("weight", [width], .gain)
    shift = scope.parameter("bias", [width], .bias)
  }

  func loaded(by loader: some ParameterLoader) throws -> Loaded {
    Loaded(gain: try loader.vector(gain), shift: try loader.vector(shift), epsilon: epsilon, width: width)
  }
}

// MARK: - Forward

extension LayerNorm {
  /// The parameters in memory.
  struct Loaded: Sendable {
    let gain: FloatBuffer
    let shift: FloatBuffer
    let epsilon: Float
    let width: Int

    /// The work on `rows` rows.
    ///
    /// - Parameter rowBytes: of an output row; absent: float32's.
    func work(rows: Int, rowBytes: Int? = nil) -> ForwardWork {
      .moving(rows * width, bytes: rows * (rowBytes ?? 4 * width), operations: 8 * rows * width)
    }

    /// y = norm(x) for `rows` rows, float32, shared by the team.
    @inline(__always)
    func run(
      _ member: inout Member, _ kernels: KernelTable, x: UnsafePointer<Float>, xStride: Int,
      y: UnsafeMutablePointer<Float>, yStride: Int, rows: Int
    ) {
      member.parallelForRows(rows) { range in
        kernels.float32Activations.layerNorm(x, xStride, y, yStride, range, width, gain.base, shift.base, epsilon)
      }
    }

    /// The same in the format that a layer of `precision` reads.
    ///
    /// - Parameters:
    ///   - yStride: in words.
    ///   - scales: of int8, (rows).
    ///   - scratch: `Member.rowsPerItem` rows of C floats of this member.
    func run(
      _ member: inout Member, _ kernels: KernelTable, precision: Precision, x: UnsafePointer<Float>, xStride: Int,
      y: UnsafeMutablePointer<Float>, yStride: Int, rows: Int, scales: UnsafeMutablePointer<RowScale>,
      scratch: UnsafeMutablePointer<Float>
    ) {
      switch precision {
      case .float32: run(&member, kernels, x: x, xStride: xStride, y: y, yStride: yStride, rows: rows)
      case .bfloat16:
        member.parallelForRows(rows) { range in
          kernels.bfloat16Activations.layerNorm(x, xStride, y, yStride, range, width, gain.base, shift.base, epsilon)
        }
      case .int8:
        member.parallelForRows(rows) { range in
          let count = range.end - range.start
          kernels.float32Activations.layerNorm(
            x + range.start * xStride, xStride, scratch, width, Span1D(0, count), width, gain.base, shift.base,
            epsilon)
          kernels.quantizeRows(
            scratch, width * 4, false, y + range.start * yStride, yStride, Span1D(0, count), width,
            scales + range.start)
        }
      }
    }
  }
}

extension Member {
  /// Rows of an item of work of what is done row by row: enough to make taking an item cheap.
  static var rowsPerItem: Int { 16 }

  /// Shares rows among the team, some at a time.
  @inline(__always)
  mutating func parallelForRows(_ rows: Int, _ body: (Span1D) -> Void) {
    let piece = Self.rowsPerItem
    parallelFor((rows + piece - 1) / piece) { index in body(Span1D(index * piece, min(rows, (index + 1) * piece))) }
  }
}

// MARK: - Reference

extension LayerNorm {
  /// y of `rows` rows of every copy.
  func reference(_ pass: ReferencePass, _ x: DoubleBuffer, rows: Int) throws -> DoubleBuffer {
    let target = pass.weights.target
    let norm = try DoubleNorm(
      gain: target.tensor(gain.name).float32(), shift: target.tensor(shift.name).float32(), epsilon: epsilon,
      signs: pass.signs, step: pass.nextStep())
    let y = try DoubleBuffer.zeros(pass.copies * rows * width)
    let items = pass.copies * rows
    try pass.engine.run { member in
      member.parallelFor(items) { norm.row($0, rows: rows, x.base, y.base) }
    }
    return y
  }
}
