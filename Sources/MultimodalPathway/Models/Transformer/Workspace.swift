import PathwayKernelTemplates
import PathwayKernels

/// The memory of one forward pass: activations and every thread's scratch, for up to `batch` images of a model.
///
/// Make one, use it again and again: a forward pass with a workspace allocates nothing. One pass at a time.
public final class Workspace {
  /// Most images of a pass.
  public let batch: Int
  /// N of every image.
  public let tokens: Int
  /// Where the time of its passes went; nil: not measured.
  public let profile: ForwardProfile?
  /// Ends its passes early; nil: nothing does.
  public var cancellation: PassCancellation?
  let buffers: Buffers
  private let memory: FloatBuffer

  /// Bytes it holds.
  public var byteCount: Int { (memory.count + (buffers.points?.floatCount ?? 0)) * 4 }

  /// Strides are in words of 4 bytes. Those of y, qkv and hidden hold for float32; rows in narrower formats stand
  /// closer together (`rowStride`).
  struct Buffers {
    var batch: Int
    let tokens: Int
    /// Residual stream, (B N, C) float32.
    let x: UnsafeMutablePointer<Float>
    /// Tokens before `norm_pre`, (B N, C) float32. Inference: x.
    let embedded: UnsafeMutablePointer<Float>
    /// Normalised activations in the format of the layer that reads them, then attention's output, (B N, C).
    let y: UnsafeMutablePointer<Float>
    let stride: Int
    /// (B N, 3C): q, k, v of all heads; after attention, free for fc2's input in int8, or for means in bfloat16.
    let qkv: UnsafeMutablePointer<Float>
    let qkvStride: Int
    /// (B N, M); before the first block, the flattened patches; before fc1, free for the projection's input in int8.
    let hidden: UnsafeMutablePointer<Float>
    let hiddenStride: Int
    /// Of activations in int8, (B N).
    let rowScales: UnsafeMutablePointer<RowScale>
    /// Branch sums of two-branch execution, as wide as the widest layer.
    let partial: UnsafeMutablePointer<Float>
    /// What pooling makes of tokens, (B, C) or (B, 2C); that after `fc_norm`; and that after `head_norm`, which the
    /// head reads. Without one of the norms, two of the buffers are one; in inference all three are.
    let pooledTokens: UnsafeMutablePointer<Float>
    let pooledNormalized: UnsafeMutablePointer<Float>
    let pooled: UnsafeMutablePointer<Float>
    let pooledStride: Int
    /// Tokens that something else reads than pooling, next to the pooled features: what a pooler or two heads read.
    let keptTokens: UnsafeMutablePointer<Float>
    /// (B, classes), or (B, P, classes).
    let logits: UnsafeMutablePointer<Float>
    let scratch: UnsafeMutablePointer<Float>
    let scratchStride: Int
    /// Of point transformers.
    let points: PointBuffers?
    /// By block: not 0 where the pass ends after it. Written by one member before a barrier of the block, read by all
    /// after it. nil: no pass ends early.
    var ends: UnsafeMutablePointer<Float>?
    /// Of a pass that can be ended; the workspace keeps it.
    var cancellation: Unmanaged<PassCancellation>?

    /// The memory of one member.
    func scratch(_ member: borrowing Member) -> UnsafeMutablePointer<Float> { scratch + member.index * scratchStride }

    /// Where blocks of an inference pass read and write: buffers are reused as soon as their readers are done.
    var block: BlockBuffers {
      BlockBuffers(
        batch: batch, tokens: tokens, input: x, middle: x, output: x, stride: stride, normalized1: y, qkv: qkv,
        attended: y, normalized2: y, hidden: hidden, narrowAttended: hidden, narrowHidden: qkv, rowScales: rowScales,
        partial: partial, scratch: scratch, scratchStride: scratchStride)
    }
  }

  /// Where a pass leaves what the model is asked for: logits, or pooled features where there is no head.
  func results(_ c: VisionTransformerConfiguration) -> (UnsafePointer<Float>, stride: Int, width: Int) {
    c.classCount == 0
      ? (UnsafePointer(buffers.pooled), buffers.pooledStride, c.pooledWidth)
      : (UnsafePointer(buffers.logits), c.answerCount, c.answerCount)
  }

  /// A row stride, in words, of an odd number of cache lines: rows that are a multiple of 4 KiB apart would share L1
  /// sets.
  static func padded(_ width: Int) -> Int { ((width + 15) / 16 | 1) * 16 }

  /// Sizes in whole cache lines, whose sum is a number of bytes.
  ///
  /// - Throws: `MemoryError`.
  static func rounded(_ sizes: [Int], batch: Int) throws -> [Int] {
    let limit = Int.max / 8 / max(1, sizes.count)
    guard sizes.allSatisfy({ $0 < limit }) else {
      throw MemoryError(.pass(batch: batch), needed: .max, available: nil)
    }
    return sizes.map { max(1, ($0 + 15) / 16) * 16 }
  }

  /// - Throws: `MemoryError`.
  init(
    _ c: VisionTransformerConfiguration, _ layers: TransformerLayers, batch: Int, tokens: Int, hasBranches: Bool,
    engine: Engine, profiled: Bool
  ) throws {
    let stride = Self.padded(c.width)
    // Without tokens kept apart, the stride of the pooled features alone.
    let pooledStride = Self.padded(c.tokenRowWidth == 0 ? c.pooledWidth : c.tokenRowOffset + c.tokenRowWidth)
    let qkvStride = Self.padded(3 * c.width)
    let needs = layers.needs(tokens: tokens, engine.kernels)
    let hiddenStride = Self.padded(needs.hidden)
    let scratchStride = Self.padded(needs.scratch)
    let rowStrides = [
      stride, stride, max(qkvStride, Self.padded((c.hiddenWidth + 1) / 2)),
      max(hiddenStride, Self.padded((c.width + 1) / 2)), hasBranches ? max(qkvStride, hiddenStride) : 0,
    ]
    let sizes = try Self.rounded(
      rowStrides.map { SystemMemory.product(batch, tokens, $0) } + [
        SystemMemory.product(batch, pooledStride), SystemMemory.product(batch, max(16, c.answerCount)),
        SystemMemory.product(engine.threads, scratchStride), SystemMemory.product(2, batch, tokens),
        c.depth,
      ], batch: batch)
    memory = try FloatBuffer(count: sizes.reduce(0, +), for: .pass(batch: batch))
    var next = memory.base
    let parts = sizes.map { size in
      defer { next += size }
      return next
    }
    self.batch = batch
    self.tokens = tokens
    profile = profiled ? ForwardProfile(threads: engine.threads) : nil
    buffers = Buffers(
      batch: batch, tokens: tokens, x: parts[0], embedded: parts[0], y: parts[1], stride: stride, qkv: parts[2],
      qkvStride: qkvStride,
      hidden: parts[3], hiddenStride: hiddenStride,
      rowScales: UnsafeMutableRawPointer(parts[8]).bindMemory(to: RowScale.self, capacity: batch * tokens),
      partial: parts[4], pooledTokens: parts[5], pooledNormalized: parts[5],
      pooled: parts[5], pooledStride: pooledStride, keptTokens: parts[5] + c.tokenRowOffset, logits: parts[6],
      scratch: parts[7], scratchStride: scratchStride,
      points: try c.points.map {
        try PointBuffers(c, $0, batch: batch, tokens: tokens, stride: stride, engine: engine)
      }, ends: parts[9])
  }
}
