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

  /// Words from one row of fc1's output to the next: of what fc2 reads, or of its float32.
  private func hiddenStride(_ kernels: KernelTable, _ precision: Precision? = nil) -> Int {
    Block.rowStride(hiddenWidth, precision ?? mlp.fc2.precision, kernels)
  }

  /// From the output to fc1's output before the activation, whose gradient replaces that after it in `b.hidden`.
  ///
  ///     output = middle + scale2 fc2(activation(preActivation))
  private func runSecondLayerGradient(
    _ rows: Rows, _ member: inout Member, _ kernels: KernelTable, _ b: BlockBuffers, _ g: GradientBuffers,
    into gradients: Block.Gradients
  ) {
    guard let preActivation = b.preActivation else { return }
    let precision = mlp.fc2.precision
    let stride = hiddenStride(kernels) * rows.spacing
    let keptStride = hiddenStride(kernels, .float32) * rows.spacing
    let dy = branchGradient(
      rows, of: b.branch2, scale: scale2, factors: b.dropPath.map { $0 + b.batch }, into: gradients.scale2,
      for: mlp.fc2, b.normalized2, &member, kernels, b, g)
    if gradients.fc2.weight != nil {
      member.parallelForRows(rows.count) {
        mlp.activation.run(kernels, precision, preActivation, keptStride, b.hidden, stride, $0, hiddenWidth)
      }
    }
    mlp.fc2.addGradients(
      &member, kernels, dy: dy.base, dyStride: dy.stride, x: b.hidden, xStride: stride, m: rows.count,
      into: gradients.fc2, scratch: b.scratch(member))
    var epilogue = Epilogue()
    mlp.activation.fuseSlope(of: preActivation, stride: keptStride, into: &epilogue)
    epilogue.storesBFloat16 = precision == .bfloat16
    mlp.fc2.inputGradient(
      &member, kernels, dy: dy.base, dyStride: dy.stride, m: rows.count, dx: b.hidden,
      dxStride: stride * kernels.products(precision).perWord, epilogue: epilogue, panels: b.panels,
      scratch: b.scratch(member))
  }

  /// The same where the forward pass took means before fc2.
  ///
  ///     output = mean(middle) + scale2 fc2(mean(activation(preActivation)))
  private func runMeanGradient(
    of tokens: Range<Int>, _ member: inout Member, _ kernels: KernelTable, _ b: BlockBuffers, _ g: GradientBuffers,
    into gradients: Block.Gradients
  ) {
    guard let preActivation = b.preActivation else { return }
    let precision = mlp.fc2.precision
    let (rows, stride, keptStride) = (Rows.first(b), hiddenStride(kernels), hiddenStride(kernels, .float32))
    let dy = branchGradient(
      rows, of: b.branch2, scale: scale2, factors: b.dropPath.map { $0 + b.batch }, into: gradients.scale2,
      for: mlp.fc2, b.normalized2, &member, kernels, b, g)
    // The means are where the forward pass left them.
    mlp.fc2.addGradients(
      &member, kernels, dy: dy.base, dyStride: dy.stride, x: precision == .float32 ? b.hidden : b.narrowHidden,
      xStride: stride * rows.spacing, m: rows.count, into: gradients.fc2, scratch: b.scratch(member))
    mlp.fc2.inputGradient(
      &member, kernels, dy: dy.base, dyStride: dy.stride, m: rows.count, dx: g.means, dxStride: keptStride,
      panels: b.panels, scratch: b.scratch(member))
    let share = 1 / Float(tokens.count)
    member.parallelFor(b.batch * b.tokens) { row in
      let (input, token) = (row / b.tokens, row % b.tokens)
      if tokens.contains(token) {
        mlp.activation.runSlope(
          kernels, precision, g.means + input * keptStride, scale: share, of: preActivation, keptStride,
          into: b.hidden, stride, Span1D(row, row + 1), hiddenWidth)
      } else {
        (b.hidden + row * stride).update(repeating: 0, count: kernels.products(precision).words(hiddenWidth))
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
    let normStride = Block.rowStride(width, mlp.fc1.precision, kernels) * rows.spacing
    if gradients.fc1.weight != nil {
      norm2.run(
        &member, kernels, precision: mlp.fc1.precision, x: b.middle, xStride: stride, y: b.normalized2,
        yStride: normStride, rows: rows.count, scales: b.rowScales, scratch: b.scratch(member))
    }
    mlp.fc1.addGradients(
      &member, kernels, dy: b.hidden, dyStride: hidden, x: b.normalized2, xStride: normStride, m: rows.count,
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
    member.begin(.rowGradient)
    let precision = attention.projection.precision
    let stride = Block.rowStride(width, precision, kernels)
    let dy = branchGradient(
      rows, of: b.branch1, scale: scale1, factors: b.dropPath, into: gradients.scale1, for: attention.projection,
      b.normalized1, &member, kernels, b, g)
    attention.projection.addGradients(
      &member, kernels, dy: dy.base, dyStride: dy.stride, x: b.attended, xStride: stride * rows.spacing,
      m: rows.count, into: gradients.projection, scratch: b.scratch(member))
    // As attention's own products read it.
    var epilogue = Epilogue()
    epilogue.storesBFloat16 = precision == .bfloat16
    attention.projection.inputGradient(
      &member, kernels, dy: dy.base, dyStride: dy.stride, m: rows.count, dx: g.inner,
      dxStride: stride * rows.spacing * kernels.products(precision).perWord, epilogue: epilogue, panels: b.panels,
      scratch: b.scratch(member))
    attention.runGradient(&member, kernels, b, g, queries: rows.spacing == 1 ? b.tokens : 1)
    let all = b.batch * b.tokens
    member.begin(.rowGradient)
    if gradients.qkv.weight != nil {
      norm1.run(
        &member, kernels, precision: precision, x: b.input, xStride: b.stride, y: b.normalized1, yStride: stride,
        rows: all, scales: b.rowScales, scratch: b.scratch(member))
    }
    attention.qkv.addGradients(
      &member, kernels, dy: g.qkv, dyStride: g.qkvStride, x: b.normalized1, xStride: stride, m: all,
      into: gradients.qkv, scratch: b.scratch(member))
    attention.qkv.inputGradient(
      &member, kernels, dy: g.qkv, dyStride: g.qkvStride, m: all, dx: g.inner, dxStride: b.stride,
      panels: b.panels, scratch: b.scratch(member))
    norm1.runGradient(
      &member, kernels, x: b.input, xStride: b.stride, dy: g.inner, dyStride: b.stride, dx: g.stream,
      dxStride: b.stride, residual: g.stream, rows: all, into: gradients.norm1, partial: g.partial)
  }

  /// The gradient of a branch where it leaves its last product, `layer`, in the layer's format: that of the stream,
  /// times scale and factor.
  ///
  ///     output = residual + factor scale branch
  ///
  /// - Parameter narrow: where it goes if the layer is not float32.
  private func branchGradient(
    _ rows: Rows, of branch: UnsafeMutablePointer<Float>?, scale: FloatBuffer?, factors: UnsafePointer<Float>?,
    into gradient: UnsafeMutablePointer<Float>?, for layer: Linear.Loaded, _ narrow: UnsafeMutablePointer<Float>,
    _ member: inout Member, _ kernels: KernelTable, _ b: BlockBuffers, _ g: GradientBuffers
  ) -> Activations {
    let isWide = layer.precision == .float32
    let layerKernels = kernels.gradients(of: layer.precision)
    let stride = b.stride * rows.spacing
    let result = isWide ? g.branch : narrow
    let resultStride = Block.rowStride(width, layer.precision, kernels) * rows.spacing
    guard scale != nil || factors != nil else {
      if isWide { return Activations(g.stream, stride: stride) }
      member.parallelForRows(rows.count) { layerKernels.copyRows(g.stream, stride, result, resultStride, $0, width) }
      return Activations(result, stride: resultStride)
    }
    let template = BranchGradientArguments(
      gradient: g.stream, gradientStride: stride, result: result, resultStride: resultStride,
      branch: gradient == nil ? nil : branch.map { UnsafePointer($0) }, branchStride: stride,
      gamma: scale.map { UnsafePointer($0.base) }, factors: factors,
      rowsPerFactor: rows.spacing == 1 ? b.tokens : 1, width: width)
    let pieces = LinearGradient.sumPieces(&member, rows: rows.count, width: width, partial: g.partial) {
      var arguments = template
      layerKernels.branch(&arguments, $0, $1)
    }
    if let gradient {
      LinearGradient.addRows(
        &member, kernels, g.partial, stride: width, rows: pieces, width: width, into: gradient)
    }
    return Activations(result, stride: resultStride)
  }
}
