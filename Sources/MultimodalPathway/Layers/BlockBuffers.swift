import PathwayKernelTemplates
import PathwayKernels

/// Where a block reads and writes: rows of all tokens of a pass, token by token.
///
/// The plan of buffers is the caller's. Inference lets them share memory (`Workspace.Buffers.block`): a buffer is free
/// again as soon as its reader is done, and the residual stream is one buffer. Training keeps what the backward pass
/// reads in buffers of their own.
///
/// Strides of float32 rows are in floats. Rows in narrower formats are closer together: `Block.rowStride`.
struct BlockBuffers {
  var batch: Int
  /// N of every input.
  let tokens: Int
  /// The residual stream, (B N, C) float32, before the block, between attention and MLP, and after the block. All three
  /// may be one.
  let input: UnsafeMutablePointer<Float>
  let middle: UnsafeMutablePointer<Float>
  let output: UnsafeMutablePointer<Float>
  let stride: Int
  /// norm1(input), (B N, C), in the format of the qkv layer.
  let normalized1: UnsafeMutablePointer<Float>
  /// q, k and v of all heads, (B N, 3C).
  let qkv: UnsafeMutablePointer<Float>
  /// Attention's output, (B N, C). May be `normalized1`.
  let attended: UnsafeMutablePointer<Float>
  /// norm2(middle), (B N, C), in the format of fc1. May be `attended`.
  let normalized2: UnsafeMutablePointer<Float>
  /// fc1's output after GELU, (B N, M).
  let hidden: UnsafeMutablePointer<Float>
  /// Attention's output in int8, where the projection reads that. May be `hidden`.
  let narrowAttended: UnsafeMutablePointer<Float>
  /// What fc2 reads where that is not `hidden`: int8, or means in bfloat16. May be `qkv`.
  let narrowHidden: UnsafeMutablePointer<Float>
  /// Scales of activations in int8, (B N).
  let rowScales: UnsafeMutablePointer<RowScale>
  /// Sums of branches in two-branch execution, (B N, widest layer).
  let partial: UnsafeMutablePointer<Float>
  /// Of all members, `scratchStride` floats each.
  let scratch: UnsafeMutablePointer<Float>
  let scratchStride: Int

  // What the backward pass reads in addition; absent: not kept.

  /// fc1's output before the activation, (B N, M) float32.
  var preActivation: UnsafeMutablePointer<Float>?
  /// Both branches before LayerScale, (B N, C), rows `stride` apart.
  var branch1: UnsafeMutablePointer<Float>?
  var branch2: UnsafeMutablePointer<Float>?
  /// Attention's row statistics, (B, H, 2, N).
  var statistics: UnsafeMutablePointer<Float>?
  /// (2, B): what both branches of an input are multiplied by; absent: 1.
  var dropPath: UnsafePointer<Float>?
  /// Room for the panels of a layer whose weights are folded (`LinearProduct.run`).
  var panels: UnsafeMutablePointer<Float>?

  /// The memory of one member.
  func scratch(_ member: borrowing Member) -> UnsafeMutablePointer<Float> { scratch + member.index * scratchStride }
}

/// What of a block's output is read afterwards. What is not read is not computed.
enum BlockOutput {
  case allTokens
  /// The first token of every input. K and V are of all tokens, the rest is of one.
  ///
  /// A last block before class-token pooling then does 1/N of its queries, projection and MLP: 7 % of ViT-B's work is
  /// saved.
  case firstToken
  /// The mean of some tokens, which replaces the first token of every input.
  ///
  /// fc2 commutes with the mean, mean(x + gamma (W h + b)) = mean(x) + gamma (W mean(h) + b). A last block before mean
  /// pooling then does 1/N of its fc2, a third of its linear layers. Means are float32: where fc2 is narrow, the mean
  /// of h is rounded, and not every h.
  case mean(of: Range<Int>)
}
