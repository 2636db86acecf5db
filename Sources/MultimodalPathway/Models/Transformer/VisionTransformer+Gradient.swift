import PathwayKernelTemplates
import PathwayKernels

/// Where the gradients of a transformer's parameters go.
struct TransformerGradients {
  let embedding: PatchEmbedding.Gradients
  let blocks: [Block.Gradients]
  let finalNorm: LayerNorm.Gradients?
  let headNorm: LayerNorm.Gradients?
  let head: Linear.Gradients?
  /// The first block whose input's or own gradient is wanted: everything below is frozen.
  let firstBlock: Int

  /// - Throws: `GradientError` for parts without a gradient.
  init(_ layers: TransformerLayers, in places: GradientPlaces) throws {
    guard let tokenizer = layers.tokenizer as? PatchEmbedding else {
      throw GradientError(part: "the tokenizer of point clouds")
    }
    guard layers.pooler == nil else { throw GradientError(part: "a pooler") }
    embedding = tokenizer.gradients(in: places)
    blocks = layers.blocks.map { $0.gradients(in: places) }
    firstBlock = embedding.isEmpty ? blocks.firstIndex { !$0.isEmpty } ?? blocks.count : 0
    finalNorm = layers.finalNorm?.gradients(in: places)
    headNorm = layers.headNorm?.gradients(in: places)
    head = try layers.head.map { head in
      guard let head = head as? LinearHead else { throw GradientError(part: "a head of more than one layer") }
      return head.layer.gradients(in: places)
    }
  }
}

extension VisionTransformer {
  /// Makes `g.stream` the gradient of the last block's output, of `logitGradients`, (B, classes); parameters get theirs
  /// added.
  ///
  ///     logits = head(head_norm(fc_norm(pool(norm(x)))))
  ///
  /// - Parameters:
  ///   - w: as `readOut` left it.
  ///   - head: the model's; nil: logits are the pooled features.
  func readOutGradient(
    _ member: inout Member, _ kernels: KernelTable, _ w: Workspace.Buffers, _ g: GradientBuffers,
    logitGradients: UnsafePointer<Float>, head: Linear.Loaded?, into gradients: TransformerGradients
  ) {
    let c = configuration
    let rows = w.batch * w.tokens
    if let head, let places = gradients.head {
      let classes = head.weight.n
      head.addGradients(
        &member, kernels, dy: logitGradients, dyStride: classes, x: w.pooled, xStride: w.pooledStride, m: w.batch,
        into: places, scratch: w.scratch(member))
      head.inputGradient(
        &member, kernels, dy: logitGradients, dyStride: classes, m: w.batch, dx: g.pooled, dxStride: w.pooledStride,
        scratch: w.scratch(member))
    } else {
      member.parallelFor(w.batch) { input in
        (g.pooled + input * w.pooledStride).update(from: logitGradients + input * c.pooledWidth, count: c.pooledWidth)
      }
    }
    func normalize(
      _ norm: LayerNorm.Loaded?, _ x: UnsafePointer<Float>, into gradients: LayerNorm.Gradients?,
      _ member: inout Member
    ) {
      guard let norm, let gradients else { return }
      norm.runGradient(
        &member, kernels, x: x, xStride: w.pooledStride, dy: g.pooled, dyStride: w.pooledStride, dx: g.pooled,
        dxStride: w.pooledStride, residual: nil, rows: w.batch, into: gradients, partial: g.partial)
    }
    normalize(headNorm, w.pooledNormalized, into: gradients.headNorm, &member)
    if c.normalizesAfterPooling { normalize(finalNorm, w.pooledTokens, into: gradients.finalNorm, &member) }

    member.begin(.rowGradient)
    let isNormalized = finalNorm != nil && !c.normalizesAfterPooling
    let target = isNormalized ? g.inner : g.stream
    member.parallelForRows(rows) { range in
      for row in range.start..<range.end {
        (target + row * g.stride).update(repeating: 0, count: c.width)
        (g.stream + row * g.stride).update(repeating: 0, count: c.width)
      }
    }
    layers.pooling.runGradient(
      &member, kernels, tokens: isNormalized ? w.y : w.x, isMean: readsMeanOnly(Taps()), w, g, into: target)
    guard isNormalized, let finalNorm, let places = gradients.finalNorm else { return }
    let spacing = readsFirstTokenOnly(Taps()) ? w.tokens : 1
    finalNorm.runGradient(
      &member, kernels, x: w.x, xStride: w.stride * spacing, dy: g.inner, dyStride: g.stride * spacing, dx: g.stream,
      dxStride: g.stride * spacing, residual: nil, rows: rows / spacing, into: places, partial: g.partial)
  }
}
