import PathwayKernelTemplates
import PathwayKernels

/// The memory of a backward pass that all layers share.
struct GradientBuffers {
  /// dL/dstream, (B N, C): of a block's output, then of its middle, then of its input.
  let stream: UnsafeMutablePointer<Float>
  /// Of a branch where it leaves its last product, (B N, C).
  let branch: UnsafeMutablePointer<Float>
  /// Of a norm's output, (B N, C), or of attention's in the format that attention computes in.
  let inner: UnsafeMutablePointer<Float>
  /// Floats from one row of these three to the next, as in the forward pass; rows of bfloat16 are closer together.
  let stride: Int
  /// Of q, k and v, (B N, 3C), in the format that attention computes in.
  let qkv: UnsafeMutablePointer<Float>
  /// In words.
  let qkvStride: Int
  /// Of the mean of fc1's output, (B, M) float32, rows as far apart as those of `BlockBuffers.preActivation`.
  let means: UnsafeMutablePointer<Float>
  /// Of the pooled features, (B, C or 2C), rows as far apart as the features'.
  let pooled: UnsafeMutablePointer<Float>
  /// Of tokens that are kept apart, (B, C or 2C), in the rows of the pooled features.
  let keptTokens: UnsafeMutablePointer<Float>
  /// Sums over pieces of rows, (pieces, 2C).
  let partial: UnsafeMutablePointer<Float>
}

/// Where gradients of parameters go: an address by name; a parameter without one is frozen.
struct GradientPlaces {
  private let places: [String: UnsafeMutablePointer<Float>]

  init(_ places: [String: UnsafeMutablePointer<Float>]) { self.places = places }

  subscript(parameter: Parameter?) -> UnsafeMutablePointer<Float>? { parameter.flatMap { places[$0.name] } }
}
