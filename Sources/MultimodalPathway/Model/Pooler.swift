import Foundation
import PathwayCheckpoints
import PathwayKernelTemplates
import PathwayKernels

// What comes between pooled tokens and logits where it is more than one linear layer: the dense layer with tanh of
// Hugging Face's ViTModel (`pooler_output`), and the two heads of distilled models.

extension VisionTransformerConfiguration {
  /// On disk, the tokens after the class token: registers, or a distilled model's one.
  var registerName: String { isDistilled ? "dist_token" : "reg_token" }
  /// Where a row of the workspace's pooled features has the tokens that are kept apart.
  var tokenRowOffset: Int { (pooledWidth + 15) / 16 * 16 }
}

extension ModelWeights {
  /// The linear head, (classes, K) and (classes): `head`, or of a distilled model both heads as one that reads both
  /// tokens, K = 2C: half of each, which is exact, side by side.
  ///
  /// - Throws: `BindingError` where there is no head.
  func linearHead() throws -> (weight: Tensor, bias: [Float]) {
    let (weight, bias) = (try tensor("head.weight"), try tensor("head.bias").float32())
    guard configuration.isDistilled else { return (weight, bias) }
    let width = configuration.width
    let (first, second) = (try weight.float32(), try tensor("head_dist.weight").float32())
    let rows = (0..<configuration.classCount).flatMap { row in
      [first, second].flatMap { $0[row * width..<(row + 1) * width].map { 0.5 * $0 } }
    }
    let sums = zip(bias, try tensor("head_dist.bias").float32()).map { 0.5 * ($0 + $1) }
    return (Tensor(rows, shape: [configuration.classCount, 2 * width]), sums)
  }
}

extension VisionTransformer {
  /// The tokens that are kept apart, of every input, with the stride of pooled features.
  func tokenRows(_ w: Workspace.Buffers) -> UnsafeMutablePointer<Float> { w.pooled + configuration.tokenRowOffset }

  /// Keeps the first tokens of one input where something reads them that is not pooled features.
  func keepTokens(_ tokens: UnsafePointer<Float>, _ w: Workspace.Buffers, _ image: Int) {
    let c = configuration
    let row = tokenRows(w) + image * w.pooledStride
    for token in 0..<c.tokenRowWidth / c.width {
      (row + token * c.width).update(from: tokens + token * w.stride, count: c.width)
    }
  }

  /// tanh(W x + b) of the class token, into the pooled features.
  func pool(throughPooler member: inout Member, _ kernels: KernelTable, _ w: Workspace.Buffers) {
    guard let pooler, let width = configuration.poolerWidth else { return }
    member.begin(.head)
    pooler.run(
      &member, kernels, a: tokenRows(w), lda: w.pooledStride, m: w.batch, c: w.pooled, ldc: w.pooledStride,
      epilogue: Epilogue(), partial: w.partial, scratch: w.scratch + member.index * w.scratchStride)
    member.parallelFor(w.batch) { image in
      let row = w.pooled + image * w.pooledStride
      for column in 0..<width { row[column] = tanh(row[column]) }
    }
  }
}
