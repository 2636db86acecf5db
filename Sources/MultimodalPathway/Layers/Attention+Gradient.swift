import PathwayKernelTemplates
import PathwayKernels

extension Attention.Loaded {
  /// Gradients of q, k and v in `g.qkv`, of those of the output in `g.inner`, of the first `queries` tokens of every
  /// input, all in the format that attention computes in. An item of work is one head.
  ///
  ///     attended = softmax(q k^T / sqrt(D)) v
  func runGradient(
    _ member: inout Member, _ kernels: KernelTable, _ b: BlockBuffers, _ g: GradientBuffers, queries: Int
  ) {
    member.begin(.attentionGradient)
    let scratch = b.scratch(member)
    let width = heads * headSize
    let bytes = precision == .float32 ? 4 : 2
    let (stride, outputStride) = (
      Block.rowStride(3 * width, precision, kernels) * 4, Block.rowStride(width, precision, kernels) * 4
    )
    let product = kernels.gradients(of: precision).attention
    member.parallelFor(b.batch * heads) { item in
      let (input, head) = (item / heads, item % heads)
      let row = input * b.tokens
      let first = UnsafeMutableRawPointer(g.qkv) + row * stride
      let place = first + head * headSize * bytes
      var arguments = AttentionGradientArguments(
        forward: arguments(input: input, head: head, b),
        outputGradient: UnsafeRawPointer(g.inner) + row * outputStride + head * headSize * bytes,
        dq: place, dk: place + width * bytes, dv: place + 2 * width * bytes, queries: queries)
      product(&arguments, scratch)
      guard head == heads - 1, bytes == 2, 3 * width % 2 == 1 else { return }
      // The other half of a row's last word, which products read.
      for token in 0..<b.tokens {
        (first + token * stride).storeBytes(of: 0, toByteOffset: 6 * width, as: UInt16.self)
      }
    }
  }
}
