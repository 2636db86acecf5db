import PathwayKernelTemplates
import PathwayKernels

extension Attention.Loaded {
  /// Gradients of q, k and v in `g.qkv`, of those of the output in `g.inner`, of the first `queries` tokens of every
  /// input. An item of work is one head.
  ///
  ///     attended = softmax(q k^T / sqrt(D)) v
  func runGradient(
    _ member: inout Member, _ kernels: KernelTable, _ b: BlockBuffers, _ g: GradientBuffers, queries: Int
  ) {
    member.begin(.attentionGradient)
    let scratch = b.scratch(member)
    let width = heads * headSize
    member.parallelFor(b.batch * heads) { item in
      let (input, head) = (item / heads, item % heads)
      let (row, column) = (input * b.tokens, head * headSize)
      let place = g.qkv + row * g.qkvStride + column
      var arguments = AttentionGradientArguments(
        forward: arguments(input: input, head: head, b), outputGradient: g.inner + row * g.stride + column,
        dq: place, dk: place + width, dv: place + 2 * width, queries: queries)
      kernels.gradients.attention(&arguments, scratch)
    }
  }
}
