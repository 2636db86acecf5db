import PathwayKernelTemplates
import PathwayKernels

extension Block {
  /// Where the gradients of a block's parameters go.
  struct Gradients {
    let norm1: LayerNorm.Gradients
    let qkv: Linear.Gradients
    let projection: Linear.Gradients
    let scale1: UnsafeMutablePointer<Float>?
    let norm2: LayerNorm.Gradients
    let fc1: Linear.Gradients
    let fc2: Linear.Gradients
    let scale2: UnsafeMutablePointer<Float>?

    /// Whether LayerScale has gradients.
    var hasScale: Bool { scale1 != nil || scale2 != nil }
    /// Whether the block is frozen.
    var isEmpty: Bool {
      !hasScale && norm1.isEmpty && norm2.isEmpty && [qkv, projection, fc1, fc2].allSatisfy(\.isEmpty)
    }
  }

  func gradients(in places: GradientPlaces) -> Gradients {
    Gradients(
      norm1: norm1.gradients(in: places), qkv: attention.qkv.gradients(in: places),
      projection: attention.projection.gradients(in: places), scale1: places[scale1],
      norm2: norm2.gradients(in: places), fc1: mlp.fc1.gradients(in: places), fc2: mlp.fc2.gradients(in: places),
      scale2: places[scale2])
  }
}

extension Block.Loaded {
  /// `g.stream`, the gradient of the block's output, becomes that of its input; parameters get theirs added. What the
  /// forward pass did not keep is computed again.
  ///
  ///     middle = input + scale1 attn(norm1(input)), output = middle + scale2 mlp(norm2(middle))
  ///
  /// - Parameters:
  ///   - b: as the block's forward pass left them, with memory of their own for all that it keeps.
  ///   - wanted: what the forward pass computed. Of the first token, rows of `g.stream` for others are zero. Of a mean,
  ///     its gradient is in the first row of every input.
  func runGradient(
    _ member: inout Member, _ kernels: KernelTable, _ b: BlockBuffers, _ g: GradientBuffers,
    into gradients: Block.Gradients, computing wanted: BlockOutput
  ) {
    member.begin(.rowGradient)
    var rows = Rows.all(b)
    if case .firstToken = wanted { rows = .first(b) }
    if case .mean(let tokens) = wanted {
      runMeanGradient(of: tokens, &member, kernels, b, g, into: gradients)
    } else {
      runSecondLayerGradient(rows, &member, kernels, b, g, into: gradients)
    }
    runFirstLayerGradient(rows, &member, kernels, b, g, into: gradients)
    runAttentionGradient(rows, &member, kernels, b, g, into: gradients)
  }

  /// Floats from one row of fc1's output to the next.
  private func hiddenStride(_ kernels: KernelTable) -> Int { Block.rowStride(hiddenWidth, .float32, kernels) }

  /// From the output to fc1's output before the activation, whose gradient replaces that after it in `b.hidden`.
  ///
  ///     output = middle + scale2 fc2(activation(preActivation))
  private func runSecondLayerGradient(
    _ rows: Rows, _ member: inout Member, _ kernels: KernelTable, _ b: BlockBuffers, _ g: GradientBuffers,
    into gradients: Block.Gradients
  ) {
    guard let preActivation = b.preActivation else { return }
    let stride = hiddenStride(kernels) * rows.spacing
    let dy = branchGradient(
      rows, of: b.branch2, scale: scale2, factors: b.dropPath.map { $0 + b.batch }, into: gradients.scale2, &member,
      kernels, b, g)
    if gradients.fc2.weight != nil {
      member.parallelForRows(rows.count) {
        mlp.activation.run(kernels, preActivation, b.hidden, stride, $0, hiddenWidth)
      }
    }
    mlp.fc2.addGradients(
      &member, kernels, dy: dy, dyStride: g.stride * rows.spacing, x: b.hidden, xStride: stride, m: rows.count,
      into: gradients.fc2, scratch: b.scratch(member))
    var epilogue = Epilogue()
    mlp.activation.fuseSlope(of: preActivation, stride: stride, into: &epilogue)
    mlp.fc2.inputGradient(
      &member, kernels, dy: dy, dyStride: g.stride * rows.spacing, m: rows.count, dx: b.hidden, dxStride: stride,
      epilogue: epilogue, panels: b.panels, scratch: b.scratch(member))
  }

  /// The same where the forward pass took means before fc2.
  ///
  ///     output = mean(middle) + scale2 fc2(mean(activation(preActivation)))
  private func runMeanGradient(
    of tokens: Range<Int>, _ member: inout Member, _ kernels: KernelTable, _ b: BlockBuffers, _ g: GradientBuffers,
    into gradients: Block.Gradients
  ) {
    guard let preActivation = b.preActivation else { return }
    let (rows, stride) = (Rows.first(b), hiddenStride(kernels))
    let dy = branchGradient(
      rows, of: b.branch2, scale: scale2, factors: b.dropPath.map { $0 + b.batch }, into: gradients.scale2, &member,
      kernels, b, g)
    // The means are where the forward pass left them.
    mlp.fc2.addGradients(
      &member, kernels, dy: dy, dyStride: g.stride * rows.spacing, x: b.hidden, xStride: stride * rows.spacing,
      m: rows.count, into: gradients.fc2, scratch: b.scratch(member))
    mlp.fc2.inputGradient(
      &member, kernels, dy: dy, dyStride: g.stride * rows.spacing, m: rows.count, dx: g.means, dxStride: stride,
      panels: b.panels, scratch: b.scratch(member))
    let share = 1 / Float(tokens.count)
    member.parallelFor(b.batch * b.tokens) { row in
      let (input, token) = (row / b.tokens, row % b.tokens)
      if tokens.contains(token) {
        mlp.activation.runSlope(
          kernels, g.means + input * stride, scale: share, of: preActivation, into: b.hidden, stride,
          Span1D(row, row + 1), hiddenWidth)
      } else {
        (b.hidden + row * stride).update(repeating: 0, count: hiddenWidth)
      }
    }
    member.parallelFor(b.batch) { input in
      let (first, stream) = (g.branch + input * g.stride, g.stream + input * b.tokens * g.stride)
      first.update(from: stream, count: width)
      for token in 0..<b.tokens { (stream + token * g.stride).update(repeating: 0, count: width) }
      kernels.gradients.pool(
        first, 1, stream, g.stride, stream + tokens.lowerBound * g.stride, g.stride, tokens.count, width, false)
    }
  }

  /// From fc1's output to the middle of the stream.
  ///
  ///     preActivation = fc1(norm2(middle))
  private func runFirstLayerGradient(
    _ rows: Rows, _ member: inout Member, _ kernels: KernelTable, _ b: BlockBuffers, _ g: GradientBuffers,
    into gradients: Block.Gradients
  ) {
    let (hidden, stride) = (hiddenStride(kernels) * rows.spacing, b.stride * rows.spacing)
    member.begin(.rowGradient)
    if gradients.fc1.weight != nil {
      norm2.run(
        &member, kernels, x: b.middle, xStride: stride, y: b.normalized2, yStride: stride, rows: rows.count)
    }
    mlp.fc1.addGradients(
      &member, kernels, dy: b.hidden, dyStride: hidden, x: b.normalized2, xStride: stride, m: rows.count,
      into: gradients.fc1, scratch: b.scratch(member))
    mlp.fc1.inputGradient(
      &member, kernels, dy: b.hidden, dyStride: hidden, m: rows.count, dx: g.inner, dxStride: stride,
      panels: b.panels, scratch: b.scratch(member))
    norm2.runGradient(
      &member, kernels, x: b.middle, xStride: stride, dy: g.inner, dyStride: stride, dx: g.stream, dxStride: stride,
      residual: g.stream, rows: rows.count, into: gradients.norm2, partial: g.partial)
  }

  /// From the middle of the stream to the input.
  ///
  ///     middle = input + scale1 projection(attention(qkv(norm1(input))))
  private func runAttentionGradient(
    _ rows: Rows, _ member: inout Member, _ kernels: KernelTable, _ b: BlockBuffers, _ g: GradientBuffers,
    into gradients: Block.Gradients
  ) {
    let stride = b.stride * rows.spacing
    member.begin(.rowGradient)
    let dy = branchGradient(
      rows, of: b.branch1, scale: scale1, factors: b.dropPath, into: gradients.scale1, &member, kernels, b, g)
    attention.projection.addGradients(
      &member, kernels, dy: dy, dyStride: stride, x: b.attended, xStride: stride, m: rows.count,
      into: gradients.projection, scratch: b.scratch(member))
    attention.projection.inputGradient(
      &member, kernels, dy: dy, dyStride: stride, m: rows.count, dx: g.inner, dxStride: stride,
      panels: b.panels, scratch: b.scratch(member))
    attention.runGradient(&member, kernels, b, g, queries: rows.spacing == 1 ? b.tokens : 1)
    let all = b.batch * b.tokens
    member.begin(.rowGradient)
    if gradients.qkv.weight != nil {
      norm1.run(&member, kernels, x: b.input, xStride: b.stride, y: b.normalized1, yStride: b.stride, rows: all)
    }
    attention.qkv.addGradients(
      &member, kernels, dy: g.qkv, dyStride: g.qkvStride, x: b.normalized1, xStride: b.stride, m: all,
      into: gradients.qkv, scratch: b.scratch(member))
    attention.qkv.inputGradient(
      &member, kernels, dy: g.qkv, dyStride: g.qkvStride, m: all, dx: g.inner, dxStride: b.stride,
      panels: b.panels, scratch: b.scratch(member))
    norm1.runGradient(
      &member, kernels, x: b.input, xStride: b.stride, dy: g.inner, dyStride: b.stride, dx: g.stream,
      dxStride: b.stride, residual: g.stream, rows: all, into: gradients.norm1, partial: g.partial)
  }

  /// The gradient of a branch where it leaves its last product: that of the stream, times scale and factor.
  ///
  ///     output = residual + factor scale branch
  private func branchGradient(
    _ rows: Rows, of branch: UnsafeMutablePointer<Float>?, scale: FloatBuffer?, factors: UnsafePointer<Float>?,
    into gradient: UnsafeMutablePointer<Float>?, _ member: inout Member, _ kernels: KernelTable, _ b: BlockBuffers,
    _ g: GradientBuffers
  ) -> UnsafePointer<Float> {
    guard scale != nil || factors != nil else { return UnsafePointer(g.stream) }
    let stride = b.stride * rows.spacing
    let template = BranchGradientArguments(
      gradient: g.stream, gradientStride: stride, result: g.branch, resultStride: stride,
      branch: gradient == nil ? nil : branch.map { UnsafePointer($0) }, branchStride: stride,
      gamma: scale.map { UnsafePointer($0.base) }, factors: factors,
      rowsPerFactor: rows.spacing == 1 ? b.tokens : 1, width: width)
    let pieces = LinearGradient.sumPieces(&member, rows: rows.count, width: width, partial: g.partial) {
      var arguments = template
      kernels.gradients.branch(&arguments, $0, $1)
    }
    if let gradient {
      LinearGradient.addRows(
        &member, kernels, g.partial, stride: width, rows: pieces, width: width, into: gradient)
    }
    return UnsafePointer(g.branch)
  }
}
