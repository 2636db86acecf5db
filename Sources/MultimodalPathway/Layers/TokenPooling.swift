import PathwayKernelTemplates
import PathwayKernels
import PathwayLoops

/// Reduces the tokens of an input to one row of features.
package struct TokenPooling: Sendable {
  let c: VisionTransformerConfiguration

  package init(_ c: VisionTransformerConfiguration) { self.c = c }

  /// Of every input's `tokens`, (B N, C) with the stride of x, to `w.pooledTokens`; keeps apart the tokens that
  /// something else reads (`w.keptTokens`).
  ///
  /// - Parameter isMean: whether the first token is a mean that the last block took.
  func run(
    _ member: inout Member, _ kernels: KernelTable, tokens: UnsafePointer<Float>, isMean: Bool, _ w: Workspace.Buffers
  ) {
    member.parallelFor(w.batch) { image in
      let rows = tokens + image * w.tokens * w.stride
      pool(
        kernels, rows, w, isMean ? .token : c.reduction, into: w.pooledTokens + image * w.pooledStride,
        scratch: w.hidden + image * w.hiddenStride)
      let kept = w.keptTokens + image * w.pooledStride
      for token in 0..<c.tokenRowWidth / c.width {
        (kept + token * c.width).update(from: rows + token * w.stride, count: c.width)
      }
    }
  }

  private func pool(
    _ kernels: KernelTable, _ tokens: UnsafePointer<Float>, _ w: Workspace.Buffers,
    _ reduction: VisionTransformerConfiguration.Pooling, into result: UnsafeMutablePointer<Float>,
    scratch: UnsafeMutablePointer<Float>
  ) {
    let range = c.pooledTokens(of: w.tokens)
    let (first, count) = (tokens + range.lowerBound * w.stride, range.count)
    switch reduction {
    case .token: result.update(from: tokens, count: c.width)
    case .mean, .prefixMean, .none: kernels.pool(first, w.stride, count, c.width, false, result)
    case .maximum: kernels.pool(first, w.stride, count, c.width, true, result)
    case .tokenAndMean:
      result.update(from: tokens, count: c.width)
      kernels.pool(first, w.stride, count, c.width, false, result + c.width)
    case .tokenAndMaximum:
      result.update(from: tokens, count: c.width)
      kernels.pool(first, w.stride, count, c.width, true, result + c.width)
    case .averageMaximum:
      kernels.pool(first, w.stride, count, c.width, false, result)
      kernels.pool(first, w.stride, count, c.width, true, scratch)
      for column in 0..<c.width { result[column] = 0.5 * (result[column] + scratch[column]) }
    }
  }

  /// The work of one pass of `batch` inputs.
  func work(batch: Int) -> ForwardWork {
    c.reduction == .token
      ? .moving(2 * batch * c.width)
      : .reduction(of: c.pooledTokens(of: c.tokenCount).count, width: c.width, batch: batch)
  }
}

// MARK: - Reference

extension TokenPooling {
  /// Pooled features, (B, C or 2C) of every copy, of tokens, (B N, C), moved by their deviation; and what the head
  /// reads, where that is other tokens.
  package func reference(
    _ pass: ReferencePass, _ features: DoubleBuffer, batch: Int, tokens: Int
  ) throws -> DoubleBuffer {
    let (width, copies) = (c.width, pass.copies)
    let pooledWidth = c.tokenWidth
    let pooled = try DoubleBuffer.zeros(copies * batch * pooledWidth)
    let deviation = try DoubleBuffer.zeros(batch * pooledWidth)
    let range = c.pooledTokens(of: tokens)
    let (means, meanDeviation) = DoubleSteps.means(
      of: features, range: range, copies: copies, batch: batch, tokens: tokens, width: width)
    for item in 0..<copies * batch {
      for column in 0..<width {
        func value(_ token: Int) -> Double { features.base[(item * tokens + token) * width + column] }
        let mean = means.base[item * width + column]
        let top = range.reduce(-Double.infinity) { max($0, value($1)) }
        let result =
          switch c.reduction {
          case .token, .tokenAndMaximum, .tokenAndMean: value(0)
          case .mean, .prefixMean, .none: mean
          case .maximum: top
          case .averageMaximum: 0.5 * (mean + top)
          }
        pooled.base[item * pooledWidth + column] = result
        let place = item * pooledWidth + width + column
        if c.reduction == .tokenAndMean { pooled.base[place] = mean }
        if c.reduction == .tokenAndMean, item < batch {
          deviation.base[place] = meanDeviation.base[item * width + column]
        }
        if c.reduction == .tokenAndMaximum { pooled.base[place] = top }
        if [.mean, .averageMaximum, .prefixMean].contains(c.reduction), item < batch {
          // Half of mean and maximum is one more rounding.
          let own = c.reduction == .averageMaximum ? unitRoundoff * abs(result) : 0
          deviation.base[item * pooledWidth + column] = meanDeviation.base[item * width + column] + own
        }
      }
    }
    pass.probe(pooled, deviation, count: batch * pooledWidth)
    guard c.headInputWidth != c.pooledWidth else { return pooled }
    let both = try DoubleBuffer.zeros(copies * batch * 2 * width)
    for item in 0..<copies * batch {
      (both.base + item * 2 * width).update(from: features.base + item * tokens * width, count: 2 * width)
    }
    return both
  }
}
