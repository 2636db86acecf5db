import PathwayKernelTemplates
import PathwayKernels

extension LayerNorm {
  /// Where the gradients of a norm's parameters go.
  struct Gradients {
    let gain: UnsafeMutablePointer<Float>?
    let shift: UnsafeMutablePointer<Float>?

    /// Whether the norm is frozen.
    var isEmpty: Bool { gain == nil && shift == nil }
  }

  func gradients(in places: GradientPlaces) -> Gradients {
    Gradients(gain: places[gain], shift: places[shift])
  }
}

extension LayerNorm.Loaded {
  /// dx = residual + norm'(x) dy for `rows` rows, and the parameters' gradients.
  ///
  ///     y = gain (x - mean) / sqrt(variance + epsilon) + shift
  ///
  /// - Parameters:
  ///   - dx: may be `dy` or the residual, whose rows are as far apart; absent residual: 0.
  ///   - partial: 2C floats for every `LinearGradient.rowsPerPiece` rows.
  func runGradient(
    _ member: inout Member, _ kernels: KernelTable, x: UnsafePointer<Float>, xStride: Int, dy: UnsafePointer<Float>,
    dyStride: Int, dx: UnsafeMutablePointer<Float>, dxStride: Int, residual: UnsafePointer<Float>?, rows: Int,
    into gradients: LayerNorm.Gradients, partial: UnsafeMutablePointer<Float>
  ) {
    member.begin(.normGradient)
    let pieces = LinearGradient.sumPieces(&member, rows: rows, width: 2 * width, partial: partial) { range, sums in
      kernels.gradients.layerNorm(
        x, xStride, dy, dyStride, dx, dxStride, residual, range, width, gain.base, epsilon, sums)
    }
    if let place = gradients.gain {
      LinearGradient.addRows(
        &member, kernels, partial, stride: 2 * width, rows: pieces, width: width, into: place)
    }
    if let place = gradients.shift {
      LinearGradient.addRows(
        &member, kernels, partial + width, stride: 2 * width, rows: pieces, width: width, into: place)
    }
  }
}
