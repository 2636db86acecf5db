import PathwayCheckpoints

/// The numbers and choices that make one vision transformer, with the meanings timm's `VisionTransformer` gives them.
///
/// Letters used throughout: B inputs (images, clips or clouds), T frames of a clip, N tokens, C channels (`width`), H
/// heads, D head size, M hidden width.
public struct VisionTransformerConfiguration: Sendable, Equatable {
  /// What the head reads of the final features; raw values are timm's `global_pool`.
  public enum Pooling: String, Sendable, CaseIterable {
    /// The class token.
    case token
    /// Mean of the patch tokens.
    case mean = "avg"
    /// Half the sum of mean and maximum of the patch tokens.
    case averageMaximum = "avgmax"
    /// Maximum of the patch tokens.
    case maximum = "max"
    /// The class token and the maximum of the others, concatenated: 2C. Of point transformers alone; timm has
    /// no such pooling.
    case tokenAndMaximum = "token_max"
    /// The class token and the mean of the patch tokens, in this order: 2C, as Hugging Face's DINOv2 classifiers read
    /// them; timm has no such pooling.
    case tokenAndMean = "token_avg"
    /// Mean of class and register tokens: AST's class and distillation token.
    case prefixMean = "prefix"
    /// All tokens are the output, and there is no head. What a pass calls pooled is then the class token, or the mean
    /// of the patch tokens where there is none.
    case none = ""

    /// Whether it is a reduction over the patch tokens.
    public var reducesPatches: Bool { [.mean, .averageMaximum, .maximum].contains(self) }
  }

  /// Which of Q, K and V have a bias.
  public enum QKVBias: String, Sendable, CaseIterable {
    /// No bias.
    case none
    /// `attn.qkv.bias`, (3C).
    case full
    /// `attn.q_bias` and `attn.v_bias`, (C) each; K has none (BEiT, VideoMAE).
    case queryAndValue
  }

  /// timm's name, without a tag.
  public var architecture: String
  /// Which of timm's weights of that name these are, where that is known: the part after the point in
  /// `vit_base_patch16_224.mae`. The recipe for pictures depends on it, the transformer does not.
  public var tag: String?
  /// What it reads.
  public var input = Input.image
  /// What makes its answer.
  public var head = HeadKind.linear
  /// What an answer for the whole input means.
  public var task = Task.singleLabel
  /// Height and width of the input in pixels; of sound, frames and bins in the order of `audio`'s layout.
  public var imageSize: Extent
  /// Height and width of a patch.
  public var patchSize: Extent
  /// From one patch to the next where they overlap, as in AST; absent: the patch's size.
  public var patchStride: Extent?
  /// Channels of the input: 3 for pictures and videos, 1 for sound.
  public var channels = 3
  /// C: channels of a token.
  public var width: Int
  /// Number of blocks.
  public var depth: Int
  /// H: heads of attention; `width` is a multiple.
  public var heads: Int
  /// M: channels between fc1 and fc2.
  public var hiddenWidth: Int
  /// What the MLPs apply between their layers; configurations that ask for one that is not here are refused when they
  /// are read.
  public var activation = Activation.gelu
  /// Whether a class token comes before the patches (`cls_token`).
  public var hasClassToken = true
  /// Number of register tokens, which come after the class token (`reg_token`).
  public var registerTokens = 0
  /// Whether `pos_embed` has rows for class and register tokens too (timm: `not no_embed_class`).
  public var positionCoversPrefix = true
  /// What the head reads of the tokens (timm: `global_pool`).
  public var pooling = Pooling.token
  /// LayerNorm before the first block (`norm_pre`), as in CLIP; the patch embedding then has no bias.
  public var hasPreNorm = false
  /// LayerNorm after the last block, before or after pooling (timm: `final_norm`).
  public var hasFinalNorm = true
  /// Whether the final norm comes after pooling (`fc_norm`) instead of before (`norm`).
  public var normalizesAfterPooling = false
  /// A LayerNorm of its own before the head (`head_norm`), after the final one, as in AST.
  public var hasHeadNorm = false
  /// Whether every branch is scaled by channel before it is added (`ls1.gamma`, `ls2.gamma`).
  public var hasLayerScale = false
  /// Which of queries, keys and values have a bias.
  public var qkvBias = QKVBias.full
  /// What LayerNorm adds to the variance.
  public var epsilon: Float = 1e-6
  /// Epsilon of the final norm where it has one of its own, as in Hugging Face's VideoMAE.
  public var finalEpsilon: Float?
  /// Classes of the head; 0: no head, logits are the pooled features.
  public var classCount = 1000
  /// Class names, in order, where the configuration file has them.
  public var labels: [String]?
  /// The data set that the model's classes are known to be of; names it where there are no `labels`.
  public var vocabulary: ClassVocabulary?
  /// What class names mean, by name: timm's `label_descriptions`.
  public var labelDescriptions: [String: String]?

  /// A transformer of an architecture's name and these numbers; M is 4C where `hiddenWidth` is absent.
  public init(
    architecture: String, imageSize: Extent, patchSize: Extent, width: Int, depth: Int, heads: Int,
    hiddenWidth: Int? = nil
  ) {
    self.architecture = architecture
    self.imageSize = imageSize
    self.patchSize = patchSize
    self.width = width
    self.depth = depth
    self.heads = heads
    // Wrapping: `validate` refuses such a width, and must be reached to do so.
    self.hiddenWidth = hiddenWidth ?? width &* 4
  }

  /// How pooled features are made, also where timm would leave the tokens as they are.
  var reduction: Pooling { pooling != .none ? pooling : hasClassToken ? .token : .mean }
  /// Which of an input's `tokens` a mean or maximum is over: class and register tokens, or those after them.
  func pooledTokens(of tokens: Int) -> Range<Int> {
    reduction == .prefixMean ? 0..<min(prefixTokens, tokens) : min(prefixTokens, tokens - 1)..<tokens
  }
  /// Whether the head reads nothing of the last block but a mean of its output: with no norm between them, the block's
  /// last linear layer commutes with the mean. Distilled heads read two tokens.
  var readsMeanOnly: Bool {
    [.mean, .prefixMean].contains(reduction) && (!hasFinalNorm || normalizesAfterPooling) && parts == nil
      && !(isDistilled && classCount > 0)
  }
  /// Layers of the last block that are done for one row an image: for its first token, or for a mean.
  var singleRowLayers: [PathwayLayer] {
    pooling == .token ? [.projection, .fc1, .fc2] : readsMeanOnly ? [.fc2] : []
  }
  /// D: channels of a head.
  public var headSize: Int { width / heads }
  /// From one patch to the next.
  var step: Extent { patchStride ?? patchSize }
  /// Patches down and across; pixels beyond the last whole patch are not looked at, as in a strided convolution. Groups
  /// of points are a row.
  public var grid: Extent {
    if let points { return Extent(height: 1, width: points.groups) }
    return Extent(
      height: (imageSize.height - patchSize.height) / step.height + 1,
      width: (imageSize.width - patchSize.width) / step.width + 1)
  }
  /// Tokens before the patches: class token, then registers.
  public var prefixTokens: Int { (hasClassToken ? 1 : 0) + registerTokens }
  /// Tubelets in time; frames after the last whole one are not read.
  public var slices: Int { frames / tubelet }
  /// Patches of an input: slices x rows x columns, in this order.
  public var patchCount: Int { slices * grid.height * grid.width }
  /// N: tokens of an input.
  public var tokenCount: Int { prefixTokens + patchCount }
  /// Shape of an input without the batch: (channels, H, W) of an image, (channels, T, H, W) of a clip, (P, 3) of a
  /// cloud of points.
  public var inputShape: [Int] {
    if let points { return [points.points, 3] }
    return [channels] + (modality == .video ? [frames] : []) + [imageSize.height, imageSize.width]
  }
  /// Prefix tokens that `pos_embed` has rows for.
  public var positionPrefix: Int { positionCoversPrefix ? prefixTokens : 0 }
  /// Channels of pooled features: C, 2C, or P.
  public var pooledWidth: Int { poolerWidth ?? tokenWidth }
  /// Channels of what pooling tokens gives.
  var tokenWidth: Int { [.tokenAndMaximum, .tokenAndMean].contains(pooling) ? 2 * width : width }
  /// Channels that a linear head reads: pooled features, or the two tokens of a distilled model.
  var headInputWidth: Int { isDistilled && classCount > 0 ? 2 * width : pooledWidth }
  /// Channels of tokens that are kept apart from pooled features: what a pooler or two heads read.
  var tokenRowWidth: Int { poolerWidth != nil ? width : headInputWidth != pooledWidth ? headInputWidth : 0 }
  /// Where a row of the workspace's pooled features has them.
  var tokenRowOffset: Int { (pooledWidth + 15) / 16 * 16 }
  /// On disk, the tokens after the class token: registers, or a distilled model's one.
  var registerName: String { isDistilled ? "dist_token" : "reg_token" }
  /// Shape of what a pass answers of one input: classes, those of every point, or without a head the pooled features.
  public var answerShape: [Int] {
    if classCount == 0 { return [pooledWidth] }
    if let points, parts != nil { return [points.points, classCount] }
    return [classCount]
  }
  /// Values of a flattened patch: channels x tubelet x patch height x patch width.
  public var patchValues: Int { channels * tubelet * patchSize.height * patchSize.width }

  /// Answers that a head of classes gives for an input: one, or one for every point.
  package var answersPerInput: Int { parts == nil ? 1 : points?.points ?? 1 }

  /// Numbers of an answer: the product of `answerShape`.
  var answerCount: Int {
    if classCount == 0 { return pooledWidth }
    guard let points, parts != nil else { return classCount }
    return points.points * classCount
  }

  /// Whether a batch's shape is B and `inputShape`; compared without an array of it, since passes allocate nothing.
  func isInput(_ shape: [Int]) -> Bool {
    if let points { return shape.count == 3 && shape[1] == points.points && shape[2] == 3 }
    let (places, hasTime) = (shape.count, modality == .video)
    return places == (hasTime ? 5 : 4) && shape[1] == channels && (!hasTime || shape[2] == frames)
      && shape[places - 2] == imageSize.height && shape[places - 1] == imageSize.width
  }

  /// Whether an input is ready tokens, (B, N, C), and not what the tokenizer takes.
  func takesAsTokens(_ input: Tensor) -> Bool {
    input.shape.count == 3 && !isInput(input.shape)
  }

  /// What to call a class: its description, else its name, else its number.
  public func label(ofClass index: Int) -> String {
    guard let labels, labels.indices.contains(index) else {
      return vocabulary?.names.indices.contains(index) == true ? vocabulary?.names[index] ?? "" : "\(index)"
    }
    return labelDescriptions?[labels[index]] ?? labels[index]
  }
}

extension VisionTransformerConfiguration {
  /// Checks that the numbers make a transformer and that no product of them overflows.
  ///
  /// - Throws: `ConfigurationError.invalid`, naming the first number that does not fit by timm's key.
  public func validate() throws {
    func require(_ holds: Bool, _ key: String, _ found: Any, _ expected: @autoclosure () -> String) throws {
      if !holds { throw ConfigurationError.invalid(key: key, found: "\(found)", expected: expected()) }
    }
    // Generous limits whose products fit 63 bits: what is beyond them is a damaged file.
    for (key, value, limit) in [
      ("img_size", imageSize.height, 1 << 14), ("img_size", imageSize.width, 1 << 14),
      ("patch_size", patchSize.height, 1 << 10), ("patch_size", patchSize.width, 1 << 10),
      ("in_chans", channels, 1 << 10), ("embed_dim", width, 1 << 14), ("depth", depth, 1 << 10),
      ("num_heads", heads, 1 << 10), ("mlp_ratio", hiddenWidth, 1 << 16),
    ] {
      try require((1...limit).contains(value), key, value, "1...\(limit)")
    }
    for stride in [step.height, step.width] {
      try require((1...1 << 10).contains(stride), "patch_stride", stride, "1...\(1 << 10)")
    }
    if let clip {
      try require((1...1 << 12).contains(clip.frames), "frames", clip.frames, "1...\(1 << 12)")
      try require(
        (1...clip.frames).contains(clip.tubelet), "tubelet", clip.tubelet,
        "no more than the frames, 1...\(clip.frames)")
      try require((1...1 << 16).contains(clip.samplingRate), "sampling_rate", clip.samplingRate, "1...\(1 << 16)")
    }
    // Their positions are computed, so no file has to be large for the model to be.
    try require(
      modality != .video || patchCount <= 1 << 16, "img_size", imageSize, "a clip of at most \(1 << 16) patches")
    try require(width % heads == 0, "num_heads", heads, "a divisor of embed_dim, \(width)")
    try require(
      headSize <= 256, "num_heads", heads, "at least \((width + 255) / 256), so that a head has at most 256 channels")
    try require(
      imageSize.height >= patchSize.height && imageSize.width >= patchSize.width, "patch_size", patchSize,
      "no more than the image, \(imageSize)")
    try require(
      modality != .audio || channels == 1, "in_chans", channels, "1 for audio: a spectrogram has one channel")
    if let audio {
      do {
        try audio.validate()
      } catch AudioError.invalid(let key, let found, let expected) {
        throw ConfigurationError.invalid(key: "audio." + key, found: found, expected: expected)
      }
    }
    try require((0...1024).contains(registerTokens), "reg_tokens", registerTokens, "0...1024")
    try require((0...1 << 20).contains(classCount), "num_classes", classCount, "0...\(1 << 20)")
    try require(
      pooling != .token || hasClassToken, "global_pool", "token", "'avg', 'avgmax' or 'max' without a class token")
    try require(
      pooling != .prefixMean || prefixTokens > 0, "global_pool", "prefix", "'avg' without class and register tokens")
    try require(
      pooling != .none || classCount == 0, "num_classes", classCount,
      "0 where global_pool is '' (a head needs one vector)")
    try require(
      pooling != .none || !normalizesAfterPooling, "fc_norm", true, "false where global_pool is '' (nothing is pooled)")
    try require(epsilon > 0 && epsilon < 1, "epsilon", epsilon, "between 0 and 1")
    if let finalEpsilon {
      try require(finalEpsilon > 0 && finalEpsilon < 1, "final_epsilon", finalEpsilon, "between 0 and 1")
    }
    try require(
      head.isOfPoints == (points != nil), "modality", modality.rawValue,
      "'points' with a head for points, or another modality with a linear head")
    try require(
      parts == nil || task == .singleLabel, "task", task.rawValue, "none for a head that answers for every point")
    try require(
      pooling != .tokenAndMaximum || (points != nil && hasClassToken), "global_pool", pooling.rawValue,
      "another pooling, except for points with a class token")
    try require(
      pooling != .tokenAndMean || (points == nil && hasClassToken), "global_pool", pooling.rawValue,
      "another pooling, except with a class token")
    try require(
      !isDistilled || (hasClassToken && registerTokens == 1 && pooling == .prefixMean && modality == .image),
      "architecture", architecture, "pictures, a class token and a distillation token, both pooled")
    // timm's heads read the tokens, whatever norm there is for pooled ones.
    try require(
      !isDistilled || (!normalizesAfterPooling && !hasHeadNorm), "fc_norm", true, "false for a distilled model")
    if let poolerWidth {
      try require((1...1 << 14).contains(poolerWidth), "pooler", poolerWidth, "1...\(1 << 14)")
      try require(
        pooling == .token && points == nil && !normalizesAfterPooling && !hasHeadNorm, "pooler", poolerWidth,
        "none where the class token alone is not what is pooled")
    }
    if let vocabulary {
      try require(
        labels == nil && classCount == vocabulary.names.count, "classes", vocabulary.rawValue,
        "\(vocabulary.names.count) classes without names of their own")
    }
    try points?.validate(self)
    if let labels {
      try require(
        labels.count == classCount, "label_names", "\(labels.count) names", "\(classCount), one per class")
    }
  }
}
