import PathwayKernelTemplates
import PathwayKernels

/// Where the gradients of a transformer's parameters go, tokenizer and head excepted, which have their own.
struct TransformerGradients {
  let blocks: [Block.Gradients]
  let finalNorm: LayerNorm.Gradients?
  let pooler: Linear.Gradients?
  let headNorm: LayerNorm.Gradients?
  /// The first block whose input's or own gradient is wanted: everything below is frozen.
  let firstBlock: Int

  init(_ layers: TransformerLayers, tokenizerIsFrozen: Bool, in places: GradientPlaces) {
    blocks = layers.blocks.map { $0.gradients(in: places) }
    firstBlock = tokenizerIsFrozen ? blocks.firstIndex { !$0.isEmpty } ?? blocks.count : 0
    finalNorm = layers.finalNorm?.gradients(in: places)
    pooler = layers.pooler?.dense.gradients(in: places)
    headNorm = layers.headNorm?.gradients(in: places)
  }
}

extension VisionTransformer {
  /// Makes `g.stream` the gradient of the last block's output, of that of the pooled features in `g.pooled`, or of
  /// tokens that are kept apart; parameters get theirs added.
  ///
  ///     pooled = head_norm(pooler(fc_norm(pool(norm(x)))))
  ///
  /// - Parameter w: as `pool` left it.
  func poolGradient(
    _ member: inout Member, _ kernels: KernelTable, _ w: Workspace.Buffers, _ g: GradientBuffers,
    into gradients: TransformerGradients
  ) {
    let c = configuration
    let rows = w.batch * w.tokens
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
    if let pooler, let places = gradients.pooler { pooler.runGradient(&member, kernels, w, g, into: places) }
    if c.normalizesAfterPooling { normalize(finalNorm, w.pooledTokens, into: gradients.finalNorm, &member) }

    member.begin(.rowGradient)
    let isNormalized = finalNorm != nil && !c.normalizesAfterPooling
    let target = isNormalized ? g.inner : g.stream
    clear(&member, g.stream, stride: g.stride, rows: rows)
    if isNormalized { clear(&member, g.inner, stride: g.stride, rows: rows) }
    layers.pooling.runGradient(
      &member, kernels, tokens: isNormalized ? w.y : w.x, isMean: readsMeanOnly(Taps()), w, g, into: target)
    guard isNormalized, let finalNorm, let places = gradients.finalNorm else { return }
    let spacing = readsFirstTokenOnly(Taps()) ? w.tokens : 1
    finalNorm.runGradient(
      &member, kernels, x: w.x, xStride: w.stride * spacing, dy: g.inner, dyStride: g.stride * spacing, dx: g.stream,
      dxStride: g.stride * spacing, residual: nil, rows: rows / spacing, into: places, partial: g.partial)
  }

  /// Makes `g.stream` zero, and the sums of the norm's gradients.
  func beginFeatureGradients(
    _ member: inout Member, _ w: Workspace.Buffers, _ g: GradientBuffers, _ features: BlockFeatures
  ) {
    clear(&member, g.stream, stride: g.stride, rows: w.batch * w.tokens)
    clear(&member, features.normSums, stride: configuration.width, rows: 2)
  }

  /// Adds the gradient of the output of a block that the head reads, of that of its normalised output, to `g.stream`.
  ///
  /// - Parameter place: of the block among those that are read.
  func featureGradient(
    _ member: inout Member, _ kernels: KernelTable, _ w: Workspace.Buffers, _ g: GradientBuffers,
    _ features: BlockFeatures, _ place: Int
  ) {
    let width = configuration.width
    finalNorm?.runGradient(
      &member, kernels, x: features.outputs[place], xStride: w.stride, dy: features.gradients + place * width,
      dyStride: features.stride, dx: g.stream, dxStride: g.stride, residual: g.stream, rows: w.batch * w.tokens,
      into: LayerNorm.Gradients(gain: features.normSums, shift: features.normSums + width), partial: g.partial)
  }

  /// Adds the sums of the norm's gradients to theirs.
  func endFeatureGradients(_ member: inout Member, _ features: BlockFeatures, into gradients: TransformerGradients) {
    let (width, sums) = (configuration.width, features.normSums)
    member.parallelFor(1) { _ in
      for column in 0..<width {
        gradients.finalNorm?.gain?[column] += sums[column]
        gradients.finalNorm?.shift?[column] += sums[width + column]
      }
    }
  }

  private func clear(_ member: inout Member, _ x: UnsafeMutablePointer<Float>, stride: Int, rows: Int) {
    let width = configuration.width
    member.parallelForRows(rows) { range in
      for row in range.start..<range.end { (x + row * stride).update(repeating: 0, count: width) }
    }
  }
}
