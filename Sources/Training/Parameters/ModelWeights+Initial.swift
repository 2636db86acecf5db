import MultimodalPathway
import PathwayKernels

extension ModelWeights {
  /// The same transformer with new weights, for training from scratch, as timm initialises its `VisionTransformer` and
  /// Point-MAE its own: matrices and positions normal with deviation 0.02, class and register tokens with 1e-6, the
  /// kernel and bias of a patch embedding uniform as PyTorch's convolutions, gains 1, LayerScale 1e-5, other biases 0,
  /// and statistics of batch norms those of mean 0 and variance 1.
  ///
  /// The same seed gives the same bits everywhere.
  ///
  /// - Throws: `MemoryError`.
  public func initial(seed: UInt64) throws -> ModelWeights {
    let parameters = configuration.parameters
    try SystemMemory.require(parameters.reduce(0) { $0 + 4 * $1.count }, for: .weights)
    var random = RandomStream(seed: seed, .weights)
    let rules = InitialRules(kernels: parameters)
    let tensors = parameters.map { ($0.name, rules.tensor(of: $0, &random)) }
    return ModelWeights(
      configuration: configuration, tensors: Dictionary(uniqueKeysWithValues: tensors), metadata: [:], files: [],
      storedType: .float32, preprocessing: preprocessing)
  }
}

/// Where the numbers of new tensors come from.
struct InitialRules {
  private enum Rule {
    case constant(Double)
    /// Deviation.
    case normal(Double)
    /// In +-reach.
    case uniform(Double)

    func next(_ random: inout RandomStream) -> Double {
      switch self {
      case .constant(let value): value
      case .normal(let deviation): deviation * random.normal()
      case .uniform(let reach): random.uniform(-reach, reach)
      }
    }
  }

  /// Deviation of the weights of a head of one layer, `head` or `head_dist`.
  private let linearHead: Double
  /// Of the patch embedding's kernel and bias: 1 / sqrt(inputs of a sum), as PyTorch's convolutions.
  private let reach: Double

  /// - Parameter parameters: of the model, where its patch embedding is made too.
  init(linearHead: Double = 0.02, kernels parameters: [Parameter] = []) {
    self.linearHead = linearHead
    let kernel = parameters.first { $0.name == "patch_embed.proj.weight" }
    reach = 1 / Double(kernel?.shape.dropFirst().reduce(1, *) ?? 1).squareRoot()
  }

  func tensor(of parameter: Parameter, _ random: inout RandomStream) -> Tensor {
    let rule = rule(of: parameter)
    return Tensor((0..<parameter.count).map { _ in Float(rule.next(&random)) }, shape: parameter.shape)
  }

  private func rule(of parameter: Parameter) -> Rule {
    let name = parameter.name
    let isKernel = name.hasPrefix("patch_embed.proj.")
    switch parameter.role {
    case .weight where isKernel, .bias where isKernel: return .uniform(reach)
    case .weight: return .normal(name.hasPrefix("head.") || name.hasPrefix("head_dist.") ? linearHead : 0.02)
    case .bias, .mean: return .constant(0)
    case .gain: return .constant(name.hasSuffix(".gamma") ? 1e-5 : 1)
    case .variance: return .constant(1)
    case .embedding: return .normal(name.contains("pos") ? 0.02 : 1e-6)
    }
  }
}
