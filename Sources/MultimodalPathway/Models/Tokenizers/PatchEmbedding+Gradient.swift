import PathwayKernelTemplates
import PathwayKernels

extension PatchEmbedding {
  /// Where the gradients of the embedding's parameters go.
  struct Gradients {
    /// Class token and registers, in the order of their rows; the number of rows of each.
    let prefix: [(rows: Int, place: UnsafeMutablePointer<Float>?)]
    let positions: UnsafeMutablePointer<Float>?
    let projection: Linear.Gradients
    let preNorm: LayerNorm.Gradients?

    /// Whether the embedding is frozen.
    var isEmpty: Bool {
      positions == nil && projection.isEmpty && preNorm?.isEmpty ?? true && prefix.allSatisfy { $0.place == nil }
    }
  }

  func gradients(in places: GradientPlaces) -> Gradients {
    Gradients(
      prefix: prefix.parameters.map { ($0.shape[1], places[$0]) }, positions: places[positions],
      projection: projection.gradients(in: places), preNorm: preNorm?.gradients(in: places))
  }
}

extension PatchEmbedding {
  func trained(by loader: ArenaLoader, in places: GradientPlaces, batch: Int) throws -> any TrainedTokenizer {
    Trained(loaded: try weights(by: loader), gradients: gradients(in: places))
  }

  /// Inference's forward pass with a backward pass.
  struct Trained: TrainedTokenizer {
    fileprivate let loaded: Loaded
    fileprivate let gradients: Gradients

    var isFrozen: Bool { gradients.isEmpty }

    func embed(
      _ member: inout Member, _ kernels: KernelTable, inputs: UnsafePointer<Float>, _ w: Workspace.Buffers
    ) {
      loaded.embed(&member, kernels, inputs: inputs, w)
    }

    func runGradient(
      _ member: inout Member, _ kernels: KernelTable, inputs: UnsafePointer<Float>, _ w: Workspace.Buffers,
      _ g: GradientBuffers
    ) {
      loaded.runGradient(&member, kernels, inputs: inputs, w, g, into: gradients)
    }
  }
}

extension PatchEmbedding.Loaded {
  /// Adds the gradients of the embedding's parameters, of the tokens' in `g.stream`, which it changes. Inputs get none.
  ///
  ///     x = norm_pre(prefix tokens and projection(patches) + positions)
  ///
  /// - Parameter w: as the forward pass left it; patches are gathered again.
  func runGradient(
    _ member: inout Member, _ kernels: KernelTable, inputs: UnsafePointer<Float>, _ w: Workspace.Buffers,
    _ g: GradientBuffers, into gradients: PatchEmbedding.Gradients
  ) {
    let (tokens, patches, width) = (w.tokens, c.patchCount, c.width)
    if let preNorm, let places = gradients.preNorm {
      preNorm.runGradient(
        &member, kernels, x: w.embedded, xStride: w.stride, dy: g.stream, dyStride: g.stride, dx: g.stream,
        dxStride: g.stride, residual: nil, rows: w.batch * tokens, into: places, partial: g.partial)
    }
    func addToken(_ token: Int, into place: UnsafeMutablePointer<Float>) {
      kernels.gradients.addRows(g.stream + token * g.stride, tokens * g.stride, w.batch, width, place)
    }
    if let positions = gradients.positions {
      let uncovered = c.prefixTokens - c.positionPrefix
      member.parallelFor(tokens - uncovered) { addToken(uncovered + $0, into: positions + $0 * width) }
    }
    var first = 0
    for part in gradients.prefix {
      if let place = part.place { member.parallelFor(part.rows) { addToken(first + $0, into: place + $0 * width) } }
      first += part.rows
    }
    if gradients.projection.isEmpty { return }
    gatherPatches(&member, kernels, inputs: inputs, w)
    // Patches of all inputs, without the prefix tokens between them, in the projection's format.
    let copy = kernels.gradients(of: projection.precision).copyRows
    let stride = Block.rowStride(width, projection.precision, kernels)
    member.parallelForRows(w.batch * patches) { rows in
      for row in rows.start..<rows.end {
        let token = row / patches * tokens + c.prefixTokens + row % patches
        copy(g.stream + token * g.stride, g.stride, g.inner + row * stride, stride, Span1D(0, 1), width)
      }
    }
    let x = patchRows(w, kernels)
    projection.addGradients(
      &member, kernels, dy: g.inner, dyStride: stride, x: x.base, xStride: x.stride, m: w.batch * patches,
      into: gradients.projection, scratch: w.scratch(member))
  }
}
