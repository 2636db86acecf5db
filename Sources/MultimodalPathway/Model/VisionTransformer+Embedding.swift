import PathwayCheckpoints
import PathwayKernelTemplates
import PathwayKernels

// Images and point clouds to tokens.

extension VisionTransformer {
  /// Tokens as they come before the first block, (B, N, C), of normalised images or point clouds that `forward` has
  /// checked; and what is added to them before every block, (B, N, C), where there is such a thing.
  package func embedded(_ images: Tensor) throws -> (tokens: Tensor, positions: Tensor?) {
    let batch = images.shape[0]
    let workspace = try workspace(batch: batch)
    let w = workspace.buffers
    let shape = [batch, w.tokens, configuration.width]
    let tokens = try Tensor(shape: shape) { destination in
      guard let base = destination.baseAddress else { return }
      try images.withUnsafeBytes { bytes in
        guard let source = bytes.baseAddress else { return }
        try engine.run { member in
          embed(&member, engine.kernels, images: source.assumingMemoryBound(to: Float.self), w)
          copyRows(&member, from: w.x, w, to: base)
        }
      }
    }
    let positions = try w.points.map { points in
      try Tensor(shape: shape) { destination in
        guard let base = destination.baseAddress else { return }
        try engine.run { copyRows(&$0, from: points.positions, w, to: base) }
      }
    }
    withExtendedLifetime(workspace) {}
    return (tokens, positions)
  }

  /// The patch embedding alone, x W^T + b, (B patches, C) contiguous, of normalised images that `forward` has checked;
  /// nil where tokens are made of points.
  func patchOutputs(_ images: Tensor) throws -> FloatBuffer? {
    guard let patchEmbedding else { return nil }
    let workspace = try workspace(batch: images.shape[0])
    defer { withExtendedLifetime(workspace) {} }
    let w = workspace.buffers
    try images.withUnsafeBytes { bytes in
      guard let source = bytes.baseAddress?.assumingMemoryBound(to: Float.self) else { return }
      try engine.run { gatherPatches(&$0, engine.kernels, images: source, w) }
    }
    return try patchEmbedding.output(patchRows(w), rows: w.batch * configuration.patchCount, engine: engine)
  }

  /// Tokens in `w.x`, and what is added to them before every block where they are made of points.
  func embed(
    _ member: inout Member, _ kernels: KernelTable, images: UnsafePointer<Float>, _ w: Workspace.Buffers
  ) {
    if let pointTokenizer, let points = w.points {
      return pointTokenizer.embed(&member, kernels, clouds: images, w, points)
    }
    guard let patchEmbedding else { return }
    let c = configuration
    gatherPatches(&member, kernels, images: images, w)
    let scratch = w.scratch + member.index * w.scratchStride
    for image in 0..<w.batch {
      var epilogue = Epilogue()
      epilogue.residual = UnsafePointer(positions.base) + c.prefixTokens * c.width
      epilogue.residualStride = c.width
      patchEmbedding.run(
        &member, kernels, a: patchRows(w, from: image * c.patchCount), m: c.patchCount,
        c: w.x + (image * w.tokens + c.prefixTokens) * w.stride, ldc: w.stride, epilogue: epilogue, partial: w.partial,
        scratch: scratch)
    }
    member.parallelFor(w.batch * c.prefixTokens) { item in
      let (image, token) = (item / c.prefixTokens, item % c.prefixTokens)
      (w.x + (image * w.tokens + token) * w.stride).update(from: positions.base + token * c.width, count: c.width)
    }
    preNorm?.run(
      &member, kernels, x: w.x, xStride: w.stride, y: w.x, yStride: w.stride, rows: w.batch * w.tokens, width: c.width)
  }

  /// Flattened patches, (B patches, values of one), as the patch embedding reads them.
  func patchRows(_ w: Workspace.Buffers, from row: Int = 0) -> Activations {
    let words = engine.kernels.products(precision.patchEmbedding).words(configuration.patchValues)
    let stride = Workspace.padded(words)
    return Activations(w.hidden + row * stride, stride: stride)
  }

  /// Brings the patches of normalised images to where `patchRows` says. An item of work is a row of patches.
  func gatherPatches(
    _ member: inout Member, _ kernels: KernelTable, images: UnsafePointer<Float>, _ w: Workspace.Buffers
  ) {
    let c = configuration
    let (rows, columns) = (c.grid.height, c.grid.width)
    let (height, width) = (c.imageSize.height, c.imageSize.width)
    let gather = kernels.activations(precision.patchEmbedding).gatherPatches
    let elementBytes = precision.patchEmbedding == .bfloat16 ? 2 : 4
    // A channel's part of a tubelet is a patch of an image whose channels are the tubelet's frames.
    let channelBytes = c.patchValues / c.channels * elementBytes
    member.parallelFor(w.batch * c.slices * rows) { item in
      let (slice, first) = (item / rows, item % rows * columns)
      let (image, time) = (slice / c.slices, slice % c.slices * c.tubelet)
      let patches = patchRows(w, from: slice * rows * columns)
      let base = UnsafeMutableRawPointer(mutating: patches.base)
      for channel in 0..<c.channels {
        let source = images + ((image * c.channels + channel) * c.frames + time) * height * width
        let target = base + channel * channelBytes
        guard let step = c.patchStride else {
          gather(
            source, c.tubelet, height, width, c.patchSize.height, c.patchSize.width, Span1D(first, first + columns),
            target, patches.stride)
          continue
        }
        // Every overlapping patch is the first one of an image that begins at its corner.
        for column in 0..<columns {
          gather(
            source + item % rows * step.height * width + column * step.width, c.tubelet, height, width,
            c.patchSize.height, c.patchSize.width, Span1D(0, 1), target + (first + column) * patches.stride * 4,
            patches.stride)
        }
      }
      guard elementBytes == 2, c.patchValues % 2 == 1 else { return }
      // The other half of a last word.
      for patch in first..<first + columns {
        (base + patch * patches.stride * 4).storeBytes(of: 0, toByteOffset: c.patchValues * 2, as: UInt16.self)
      }
    }
  }
}
