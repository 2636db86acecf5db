import PathwayKernels

/// One auxiliary's share of one linear layer, `W_hat = W + lambda W'`, `b_hat = b + lambda b'`.
package struct TrainedTerm {
  /// The block of the target that the layer is in.
  package var block: Int
  package var layer: PathwayLayer
  /// W', of the layer's shape.
  package var weight: UnsafePointer<Float>
  /// b', (out); nil: the layer keeps its own bias.
  package var bias: UnsafePointer<Float>?
  /// lambda, read in every pass.
  package var scale: UnsafePointer<Float>

  package init(
    block: Int, layer: PathwayLayer, weight: UnsafePointer<Float>, bias: UnsafePointer<Float>? = nil,
    scale: UnsafePointer<Float>
  ) {
    (self.block, self.layer, self.weight, self.bias, self.scale) = (block, layer, weight, bias, scale)
  }
}

/// A transformer's forward and backward pass over parameters in the caller's memory (README.md).
package final class TrainingPass {
  /// The same transformer for evaluation: its weights are the caller's parameters, as they are when it runs.
  package let model: VisionTransformer
  /// Most inputs of a pass.
  package let batch: Int
  /// (B, classes) contiguous, of the last `forward`; without a head, the pooled features.
  package let logits: UnsafeMutablePointer<Float>
  /// dL/dlogits, (B, classes) contiguous: the caller writes it before `backward`.
  package let logitGradients: UnsafeMutablePointer<Float>
  /// The memory of the pass by part, in bytes; parameters and gradients are the caller's.
  package let memory: [(part: String, bytes: Int)]

  /// - Parameters:
  ///   - parameters: an address for each of `configuration.parameters`.
  ///   - gradients: an address for each of them; nil: frozen.
  ///   - pathways: in the order of folding.
  ///   - batch: most inputs of a pass.
  /// - Throws: `TrainingPassError` for what has no gradient yet; `ConfigurationError`; `PathwayError.badBlockMap`;
  ///   `MemoryError`; `EngineError`.
  package init(
    _ configuration: VisionTransformerConfiguration, parameters: [UnsafeMutablePointer<Float>],
    gradients: [UnsafeMutablePointer<Float>?], pathways: [TrainedTerm] = [], batch: Int, engine: Engine
  ) throws {
    fatalError("in progress")
  }

  /// Logits of `batch` normalised inputs, in `logits`; keeps what `backward` reads.
  ///
  /// - Parameters:
  ///   - inputs: (B, channels, H, W), (B, channels, T, H, W): must stay valid until `backward` returns.
  ///   - dropPath: (depth, 2, B) factors; nil: ones. Must stay valid until `backward` returns.
  /// - Throws: `InferenceError.workspaceTooSmall`; `EngineError`.
  package func forward(
    _ inputs: UnsafePointer<Float>, batch: Int, dropPath: UnsafePointer<Float>? = nil
  ) throws {
    fatalError("in progress")
  }

  /// Adds the gradients of the last `forward`, once for each, with `logitGradients` as dL/dlogits.
  ///
  /// - Throws: `EngineError`.
  package func backward() throws {
    fatalError("in progress")
  }
}
