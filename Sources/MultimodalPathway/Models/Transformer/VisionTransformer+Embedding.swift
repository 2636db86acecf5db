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
          tokenizer.embed(&member, engine.kernels, inputs: source.assumingMemoryBound(to: Float.self), w)
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
    guard let patches = tokenizer as? PatchEmbedding.Loaded else { return nil }
    let workspace = try workspace(batch: images.shape[0])
    defer { withExtendedLifetime(workspace) {} }
    let w = workspace.buffers
    try images.withUnsafeBytes { bytes in
      guard let source = bytes.baseAddress?.assumingMemoryBound(to: Float.self) else { return }
      try engine.run { patches.gatherPatches(&$0, engine.kernels, inputs: source, w) }
    }
    return try patches.projection.output(
      patches.patchRows(w, engine.kernels), rows: w.batch * configuration.patchCount, engine: engine)
  }
}
