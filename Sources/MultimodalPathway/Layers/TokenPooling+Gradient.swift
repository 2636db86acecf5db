import PathwayKernelTemplates
import PathwayKernels

extension TokenPooling {
  /// Adds the gradient of what pooling reads to `target`, (B N, C) with the stride of x, of the pooled features' in
  /// `g.pooled`; where tokens are kept apart, nothing reads pooled features, and `g.keptTokens` is theirs.
  ///
  /// - Parameters:
  ///   - tokens: what the forward pass read.
  ///   - isMean: whether the first token is a mean that the last block took.
  func runGradient(
    _ member: inout Member, _ kernels: KernelTable, tokens: UnsafePointer<Float>, isMean: Bool, _ w: Workspace.Buffers,
    _ g: GradientBuffers, into target: UnsafeMutablePointer<Float>
  ) {
    let range = c.pooledTokens(of: w.tokens)
    let width = c.width
    member.parallelFor(w.batch) { input in
      let place = input * w.tokens * w.stride
      let (rows, first) = (target + place, range.lowerBound * w.stride)
      let pooled = g.pooled + input * w.pooledStride
      if c.tokenRowWidth > 0 {
        let kept = g.keptTokens + input * w.pooledStride
        for token in 0..<c.tokenRowWidth / width {
          for column in 0..<width { rows[token * w.stride + column] += kept[token * width + column] }
        }
        return
      }
      func addToken() { for column in 0..<width { rows[column] += pooled[column] } }
      func add(_ gradient: UnsafePointer<Float>, scale: Float = 1, isMaximum: Bool) {
        kernels.gradients.pool(
          gradient, scale, tokens + place + first, w.stride, rows + first, w.stride, range.count, width, isMaximum)
      }
      switch isMean ? .token : c.reduction {
      // result = tokens[0]
      case .token: addToken()
      // result = mean(tokens)
      case .mean, .prefixMean, .none: add(pooled, isMaximum: false)
      // result = max(tokens)
      case .maximum: add(pooled, isMaximum: true)
      // result = (tokens[0], mean(tokens))
      case .tokenAndMean:
        addToken()
        add(pooled + width, isMaximum: false)
      // result = (tokens[0], max(tokens)): of points alone, whose authors take the first maximum.
      case .tokenAndMaximum:
        addToken()
        kernels.pointTraining.maximumGradient(
          pooled + width, tokens + place + first, w.stride, rows + first, w.stride, range.count, width, true)
      // result = 0.5 (mean(tokens) + max(tokens))
      case .averageMaximum:
        add(pooled, scale: 0.5, isMaximum: false)
        add(pooled, scale: 0.5, isMaximum: true)
      }
    }
  }
}
