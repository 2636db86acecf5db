import PathwayKernelTemplates
import PathwayKernels
import PathwayLoops

/// What an MLP applies between its two linear layers.
public enum Activation: Sendable, CaseIterable {
  /// The exact GELU, x Phi(x) (Hendrycks and Gimpel 2016, arXiv 1606.08415).
  case gelu

  /// The values of timm's argument `act_layer`; an empty one leaves the layer's own.
  var timmNames: [String] {
    switch self {
    case .gelu: ["gelu", ""]
    }
  }

  /// The value of `hidden_act` in Hugging Face's files.
  var huggingFaceName: String {
    switch self {
    case .gelu: "gelu"
    }
  }

  /// Has the product before it apply it to every element that it stores.
  func fuse(into epilogue: inout Epilogue) {
    switch self {
    case .gelu: epilogue.appliesGELU = true
    }
  }

  /// Applies it to rows of x, (M, width), once more: y = activation(x), with the bits of the forward pass.
  ///
  /// - Parameters:
  ///   - precision: of y.
  ///   - yStride: in words.
  func run(
    _ kernels: KernelTable, _ precision: Precision, _ x: UnsafePointer<Float>, _ xStride: Int,
    _ y: UnsafeMutablePointer<Float>, _ yStride: Int, _ rows: Span1D, _ width: Int
  ) {
    switch self {
    case .gelu: kernels.gradients(of: precision).geluRows(x, xStride, y, yStride, rows, width)
    }
  }

  /// Has the product before it multiply every element that it stores by the slope at x.
  ///
  ///     y = activation(x)
  func fuseSlope(of x: UnsafePointer<Float>, stride: Int, into epilogue: inout Epilogue) {
    switch self {
    case .gelu: (epilogue.slopeOf, epilogue.slopeStride) = (x, stride)
    }
  }

  /// Rows of `scale` times one row of gradient, (width), times the slope at x.
  ///
  ///     y = activation(x)
  ///
  /// - Parameters:
  ///   - precision: of dx.
  ///   - dxStride: in words.
  func runSlope(
    _ kernels: KernelTable, _ precision: Precision, _ gradient: UnsafePointer<Float>, scale: Float,
    of x: UnsafePointer<Float>, _ xStride: Int, into dx: UnsafeMutablePointer<Float>, _ dxStride: Int,
    _ rows: Span1D, _ width: Int
  ) {
    switch self {
    case .gelu:
      kernels.gradients(of: precision).geluGradientRows(gradient, scale, x, xStride, dx, dxStride, rows, width)
    }
  }

  /// Applies it in Double to `count` elements of every copy; `deviation` becomes that of the result.
  func reference(_ y: DoubleBuffer, _ deviation: DoubleBuffer, copies: Int, count: Int) {
    switch self {
    case .gelu: DoubleSteps.applyGELU(y, deviation, copies: copies, count: count)
    }
  }
}
