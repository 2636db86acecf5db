import PathwayKernelTemplates
import PathwayKernels

extension Linear {
  /// Where the gradients of a linear layer go. With pathways the weight's is dL/dW_hat.
  struct Gradients {
    let weight: UnsafeMutablePointer<Float>?
    /// The bias by parts: the first output of each, their number, and the place.
    let biases: [(start: Int, count: Int, place: UnsafeMutablePointer<Float>)]

    /// Whether the layer is frozen.
    var isEmpty: Bool { weight == nil && biases.isEmpty }
  }

  func gradients(in places: GradientPlaces) -> Gradients {
    let biases: [(start: Int, parameter: Parameter)] =
      switch bias {
      case .none: []
      case .full(let parameter): [(0, parameter)]
      case .queryAndValue(let query, let value): [(0, query), (2 * outputs / 3, value)]
      }
    return Gradients(
      weight: places[weight],
      biases: biases.compactMap { start, parameter in places[parameter].map { (start, parameter.count, $0) } })
  }
}

extension Linear.Loaded {
  /// dW += dY^T X and db += the sum of dY's rows, of those that are not frozen.
  ///
  ///     y = x W^T + b
  ///
  /// - Parameters:
  ///   - dy: (m, N) in the layer's format, row stride `dyStride` words.
  ///   - x: (m, K) in the layer's format, row stride `xStride` words.
  func addGradients(
    _ member: inout Member, _ kernels: KernelTable, dy: UnsafeRawPointer, dyStride: Int, x: UnsafeRawPointer,
    xStride: Int, m: Int, into gradients: Linear.Gradients, scratch: UnsafeMutablePointer<Float>
  ) {
    member.begin(.weightGradient)
    if let place = gradients.weight {
      LinearGradient.weight(
        &member, kernels, precision: precision, dy: dy, dyStride: dyStride, x: x, xStride: xStride, m: m, n: weight.n,
        k: weight.k, into: place, scratch: scratch)
    }
    for bias in gradients.biases {
      LinearGradient.addRows(
        &member, kernels, precision: precision, dy + bias.start * (precision == .float32 ? 4 : 2), stride: dyStride,
        rows: m, width: bias.count, into: bias.place)
    }
  }

  /// dX = epilogue(dY W_hat).
  ///
  /// - Parameters:
  ///   - dy: (m, N) in the layer's format, row stride `dyStride` words.
  ///   - dx: (m, K) float32, or bfloat16 where the epilogue says so, row stride `dxStride` elements.
  func inputGradient(
    _ member: inout Member, _ kernels: KernelTable, dy: UnsafeRawPointer, dyStride: Int, m: Int,
    dx: UnsafeMutableRawPointer, dxStride: Int, epilogue: Epilogue = Epilogue(),
    panels: UnsafeMutablePointer<Float>? = nil, scratch: UnsafeMutablePointer<Float>
  ) {
    member.begin(.inputGradient)
    guard case .folding(let matrix) = weight else { preconditionFailure("the layer's weights are packed") }
    LinearGradient.input(
      &member, kernels, weight: matrix, dy: dy, dyStride: dyStride, m: m, dx: dx, dxStride: dxStride,
      epilogue: epilogue, panels: panels, scratch: scratch)
  }
}
