import PathwayKernelTemplates
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

  /// Applies it in Double to `count` elements of every copy; `deviation` becomes that of the result.
  func reference(_ y: DoubleBuffer, _ deviation: DoubleBuffer, copies: Int, count: Int) {
    switch self {
    case .gelu: DoubleSteps.applyGELU(y, deviation, copies: copies, count: count)
    }
  }
}
