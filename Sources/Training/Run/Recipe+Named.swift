extension Recipe {
  /// Names of the recipes of "Multimodal Pathway" (Zhang et al. 2024): `imagenet`, `audioset`, `kinetics`, `modelnet`
  /// and `shapenetpart`.
  public static var names: [String] { named.map(\.name) }

  /// A recipe by its name.
  ///
  /// The paper states rates for a batch of 256; they are those of `batch` times `accumulate` here. It masks a share of
  /// AudioSet's tokens; here that share of a spectrogram is the most that is masked. Where it states a warm-up without
  /// a length, it has MAE's 5 epochs.
  ///
  /// - Throws: `TrainingError.unknownRecipe`.
  public init(named name: String) throws(TrainingError) {
    guard let found = Self.named.first(where: { $0.name == name }) else {
      throw .unknownRecipe(found: name, known: Self.names)
    }
    self = found.recipe
  }

  private static let named: [(name: String, recipe: Recipe)] = [
    (
      "imagenet",
      recipe {
        ($0.epochs, $0.warmupEpochs, $0.batch, $0.accumulate) = (100, 5, 32, 32)
        $0.learningRate = 5e-4 * 1024 / 256
        ($0.weightDecay, $0.layerDecay, $0.dropPath) = (0.05, 0.65, 0.1)
        ($0.mixup, $0.cutmix, $0.erase) = (0.8, 1, 0.25)
      }
    ),
    (
      "audioset",
      recipe {
        ($0.epochs, $0.warmupEpochs, $0.learningRate) = (60, 4, 1e-3)
        ($0.frequencyMask, $0.timeMask, $0.task) = (0.2, 0.2, .multiLabel)
      }
    ),
    (
      "kinetics",
      recipe {
        ($0.epochs, $0.warmupEpochs, $0.batch, $0.accumulate) = (90, 5, 16, 16)
        ($0.learningRate, $0.weightDecay) = (7e-4, 0.05)
      }
    ),
    ("modelnet", points(rate: 5e-4, batch: 32)),
    ("shapenetpart", points(rate: 2e-4, batch: 16)),
  ]

  private static func points(rate: Double, batch: Int) -> Recipe {
    recipe {
      ($0.epochs, $0.warmupEpochs, $0.batch, $0.learningRate) = (300, 10, batch, rate)
      ($0.weightDecay, $0.clip, $0.dropPath) = (0.05, 10, 0.1)
    }
  }

  private static func recipe(_ change: (inout Recipe) -> Void) -> Recipe {
    var recipe = Recipe()
    change(&recipe)
    return recipe
  }
}
