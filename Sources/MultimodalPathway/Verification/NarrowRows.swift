import PathwayCheckpoints
import PathwayKernelTemplates
import PathwayKernels

/// What layers of float32 read, made narrow as a narrow model's own steps make it.
struct NarrowRows {
  private let model: VisionTransformer
  private let source: Workspace.Buffers
  private let rows: Int
  /// For attention, whose q, k and v are bfloat16.
  private let workspace: Workspace
  private let words: FloatBuffer
  private let scaleMemory: FloatBuffer
  /// (rows).
  private let scales: UnsafeMutablePointer<RowScale>

  /// - Parameter source: where a model of float32 does its blocks.
  init(_ model: VisionTransformer, of source: Workspace.Buffers) throws {
    self.model = model
    self.source = source
    rows = source.batch * source.tokens
    workspace = try model.workspace(batch: source.batch, tokens: source.tokens)
    let widest = max(model.configuration.width, model.configuration.hiddenWidth)
    words = try FloatBuffer(count: rows * Workspace.padded(widest), for: .pass(batch: source.batch))
    scaleMemory = try FloatBuffer(count: 2 * rows, for: .pass(batch: source.batch))
    scales = UnsafeMutableRawPointer(scaleMemory.base).bindMemory(to: RowScale.self, capacity: rows)
  }

  /// `input`, (rows, width) float32, in `precision`; valid until the next call.
  ///
  /// - Parameter isHandedOn: whether a layer stored it: what becomes int8 was bfloat16 before.
  func rounded(
    _ input: Activations, width: Int, _ precision: Precision, isHandedOn: Bool
  ) throws -> Activations {
    let (a, stride) = (input.base.assumingMemoryBound(to: Float.self), input.stride)
    let kernels = model.engine.kernels
    let target = Workspace.padded(kernels.products(precision).words(width))
    let halves = workspace.buffers.hidden
    let halfStride = Workspace.padded(kernels.bfloat16.words(width))
    try model.engine.run { member in
      member.parallelFor(rows) { row in
        let span = Span1D(row, row + 1)
        switch precision {
        case .int8 where isHandedOn:
          roundToBFloat16(a + row * stride, width, to: halves + row * halfStride)
          kernels.quantizeRows(halves, halfStride * 4, true, words.base, target, span, width, scales)
        case .int8: kernels.quantizeRows(a, stride * 4, false, words.base, target, span, width, scales)
        default: roundToBFloat16(a + row * stride, width, to: words.base + row * target)
        }
      }
    }
    return activations(words.base, target, precision)
  }

  /// Attention of the q, k and v that stand in the source, in bfloat16 or int8, (rows, C) in `precision`; valid until
  /// the next call.
  func attended(_ precision: Precision) throws -> Activations {
    let (c, kernels, w) = (model.configuration, model.engine.kernels, workspace.buffers)
    let stride = Workspace.padded(kernels.bfloat16.words(c.width))
    let qkvStride = Workspace.padded(kernels.bfloat16.words(3 * c.width))
    let target = Workspace.padded(kernels.products(precision).words(c.width))
    let buffers = w.block
    let attention = precision == .int8 ? kernels.integerAttention : kernels.bfloat16Activations.attention
    try model.engine.run { member in
      member.parallelFor(rows) { row in
        roundToBFloat16(source.qkv + row * source.qkvStride, 3 * c.width, to: w.qkv + row * qkvStride)
      }
      let scratch = w.scratch + member.index * w.scratchStride
      member.parallelFor(w.batch * c.heads) { item in
        var arguments = Attention.Loaded.arguments(
          input: item / c.heads, head: item % c.heads, heads: c.heads, headSize: c.headSize, .bfloat16, buffers)
        attention(&arguments, Span1D(0, w.tokens), scratch)
      }
      guard precision == .int8 else { return }
      member.parallelFor(rows) { row in
        kernels.quantizeRows(w.y, stride * 4, true, words.base, target, Span1D(row, row + 1), c.width, scales)
      }
    }
    return precision == .int8 ? activations(words.base, target, precision) : activations(w.y, stride, precision)
  }

  private func activations(_ base: UnsafePointer<Float>, _ stride: Int, _ precision: Precision) -> Activations {
    Activations(base, stride: stride, scales: precision == .int8 ? UnsafePointer(scales) : nil)
  }
}
