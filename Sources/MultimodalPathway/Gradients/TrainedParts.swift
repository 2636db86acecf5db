import PathwayKernelTemplates
import PathwayKernels

// Tokenizers and heads in training. Each has a forward pass that keeps what its backward pass reads, the places of its
// parameters' gradients, and memory of its own; those of one linear layer share inference's forward pass.

/// A tokenizer in training.
protocol TrainedTokenizer {
  /// Whether none of its parameters has a gradient.
  var isFrozen: Bool { get }
  /// Bytes of its own memory by part.
  var memory: [(part: String, bytes: Int)] { get }
  /// Tokens in `w.x`, as `LoadedTokenizer.embed`.
  func embed(_ member: inout Member, _ kernels: KernelTable, inputs: UnsafePointer<Float>, _ w: Workspace.Buffers)
  /// Notes the gradient of a block's input, (B N, C) in `g.stream`, from the last block to the first: what is added to
  /// the input of every block has the sum of them.
  ///
  /// - Parameter isFirst: whether it is the first to be noted.
  func noteBlockGradient(_ member: inout Member, _ w: Workspace.Buffers, _ g: GradientBuffers, isFirst: Bool)
  /// Adds the gradients of its parameters, of the tokens' in `g.stream`, which it may change.
  ///
  /// - Parameter w: as the forward pass left it.
  func runGradient(
    _ member: inout Member, _ kernels: KernelTable, inputs: UnsafePointer<Float>, _ w: Workspace.Buffers,
    _ g: GradientBuffers)
}

extension TrainedTokenizer {
  var memory: [(part: String, bytes: Int)] { [] }

  func noteBlockGradient(_: inout Member, _: Workspace.Buffers, _: GradientBuffers, isFirst _: Bool) {}
}

/// A head in training.
protocol TrainedHead {
  /// Bytes of its own memory by part.
  var memory: [(part: String, bytes: Int)] { get }
  /// Fewest inputs of a pass: a batch norm over inputs needs two.
  var leastBatch: Int { get }
  /// What it reads of blocks; nil: it reads pooled features.
  var blockFeatures: BlockFeatures? { get }
  /// Logits in `w.logits`, as `LoadedHead.run`.
  func run(_ member: inout Member, _ kernels: KernelTable, inputs: UnsafePointer<Float>, _ w: Workspace.Buffers)
  /// Adds the gradients of its parameters, and makes those of what it reads: of pooled features in `g.pooled`, of
  /// tokens that are kept apart in `g.keptTokens`, or of blocks in `blockFeatures`.
  ///
  /// - Parameters:
  ///   - w: as the forward pass left it.
  ///   - logitGradients: (B, classes), or (B, P, classes), contiguous.
  func runGradient(
    _ member: inout Member, _ kernels: KernelTable, inputs: UnsafePointer<Float>, _ w: Workspace.Buffers,
    _ g: GradientBuffers, logitGradients: UnsafePointer<Float>)
}

extension TrainedHead {
  var memory: [(part: String, bytes: Int)] { [] }
  var leastBatch: Int { 1 }
  var blockFeatures: BlockFeatures? { nil }
}

/// Normalised outputs of blocks that a head reads, in training.
struct BlockFeatures {
  /// Ascending.
  let blocks: [Int]
  /// Of each block, its output before the norm, (B N, C) with the stride of the tokens.
  let outputs: [UnsafeMutablePointer<Float>]
  /// The gradients of the features, side by side, (B N, F C).
  let gradients: UnsafeMutablePointer<Float>
  let stride: Int
  /// (2, C): the gradients of the norm's gain and shift, whose sums over all blocks are added to theirs once.
  let normSums: UnsafeMutablePointer<Float>
}

/// Memory that is taken at once and handed out in pieces of whole cache lines.
struct FloatPieces {
  let pieces: [UnsafeMutablePointer<Float>]
  private let memory: FloatBuffer

  var byteCount: Int { 4 * memory.count }

  /// - Throws: `MemoryError`.
  init(_ counts: [Int], batch: Int) throws {
    let sizes = try Workspace.rounded(counts, batch: batch)
    let memory = try FloatBuffer(count: sizes.reduce(0, +), for: .pass(batch: batch))
    self.memory = memory
    var next = memory.base
    pieces = sizes.map { size in
      defer { next += size }
      return next
    }
  }
}
