import MultimodalPathway

/// The numbers of a training run: everything that decides its result, apart from the model and the data.
///
/// A recipe is read from YAML by `init(yaml:file:)`, and key by key by `set(_:to:)`. Two runs of one recipe, model and
/// data have the same bits.
public struct Recipe: Sendable, Hashable {
  /// What does not move. Statistics of batch norms follow the data in any case, as PyTorch's in training.
  public enum Freeze: String, Sendable, Hashable, CaseIterable {
    /// Everything is trained: the target, the auxiliaries and their scales.
    case none
    /// Scales and head are trained alone.
    case linear
    /// Everything is trained but the auxiliaries.
    case auxiliary
  }

  /// How values move along their gradients.
  public enum Optimizer: String, Sendable, Hashable, CaseIterable {
    /// `AdamW`.
    case adamW = "adamw"
    /// Gradient descent with momentum (`MomentumDescent`).
    case sgd
  }

  /// The format of the operands of the blocks' products, forward and backward. Weights, moments, sums and the residual
  /// stream are float32 in both.
  public enum Precision: String, Sendable, Hashable, CaseIterable {
    /// Operands are float32.
    case float32
    /// Operands are rounded to bfloat16.
    case bfloat16
  }

  /// Which part of a training file is read.
  public enum Augmentation: String, Sendable, Hashable, CaseIterable {
    /// That which is read for inference.
    case none
    /// A random part: of a picture or of a random clip's frames, resized, and mirrored at random
    /// (`PictureAugmentation`); a window of a recording (`SoundSamples`); points of a cloud, which is also scaled and
    /// moved (`PointAugmentation`).
    case crop
  }

  /// What the head learns to answer.
  public enum Task: String, Sendable, Hashable, CaseIterable {
    /// Several classes where a file of the data has several; otherwise what the target's head answers, where the target
    /// keeps its head; otherwise one class.
    case data
    /// One class: softmax cross-entropy.
    case singleLabel = "single_label"
    /// Any number of classes: a binary cross-entropy for each class, of which the mean is taken.
    case multiLabel = "multi_label"
  }

  /// Passes over the data.
  public var epochs = 100
  /// Inputs of a pass of the model.
  public var batch = 32
  /// Passes whose gradients are added before a step.
  public var accumulate = 1
  /// The format of products.
  public var precision = Precision.float32
  /// How values move.
  public var optimizer = Optimizer.adamW
  /// Learning rate of the last layer after the warm-up.
  public var learningRate = 1e-3
  /// Learning rate of a scale, as a multiple of its layer's.
  public var lambdaRate = 1.0
  /// Decoupled weight decay of AdamW, coupled of SGD; of matrices alone.
  public var weightDecay = 0.05
  /// Factor from the learning rate of a layer to that of the layer before it.
  public var layerDecay = 1.0
  /// Momentum of SGD.
  public var momentum = 0.9
  /// Passes over the data during which the learning rate rises; it may be a fraction.
  public var warmupEpochs = 0.0
  /// Largest norm of all gradients together; 0: they are not clipped.
  public var clip = 0.0
  /// Height and width of pictures and frames; nil: the model's.
  public var imageSize: Extent?
  /// What does not move.
  public var freeze = Freeze.none
  /// The share of a target that is spread evenly over all classes.
  public var labelSmoothing = 0.0
  /// The probability that the last block's branches are left out for an input; earlier blocks' rise to it evenly.
  public var dropPath = 0.0
  /// Decay of the average of weights that is validated and written; 0: no average.
  public var ema = 0.0
  /// Which part of a training file is read.
  public var augmentation = Augmentation.crop
  /// The smallest part of a picture's area that a random crop takes.
  public var cropScale = 0.08
  /// The probability that a picture is mirrored.
  public var flip = 0.5
  /// Operations on the cropped picture's colours and places; nil: none.
  public var randAugment: RandAugment?
  /// The probability that a part of a picture is replaced by noise.
  public var erase = 0.0
  /// alpha of mixup, which adds shares of two inputs; 0: none.
  public var mixup = 0.0
  /// alpha of CutMix, which puts a part of a picture into another; 0: none.
  public var cutmix = 0.0
  /// The largest share of a spectrogram's bins that a training window loses; 0: none.
  public var frequencyMask = 0.0
  /// The largest share of a spectrogram's frames that a training window loses; 0: none.
  public var timeMask = 0.0
  /// The largest amplitude of noise that is added to a normalised spectrogram, which is then moved in time by up to ten
  /// frames; 0: neither. AST's is 0.1.
  public var noise = 0.0
  /// Whether sound of another rate than the model's is resampled; otherwise it is an error.
  public var resample = false
  /// The channel of sound that is read, from 1; 0: the mean of all.
  public var channel = 0
  /// Inputs that a pass makes of each video that it reads, each varied by itself; a divisor of `batch`.
  public var repeats = 1
  /// What the head learns to answer.
  public var task = Task.data
  /// What all random numbers follow from.
  public var seed: UInt64 = 0

  /// The defaults.
  public init() {}
}
