extension VisionTransformerConfiguration {
  /// What makes the answer of the final features, with the numbers that only this kind of head has.
  ///
  /// Where `classCount` is 0 nothing follows the pooled features, which the kind still decides.
  public enum HeadKind: Sendable, Equatable {
    /// A linear layer of the pooled features (timm's `head`).
    case linear
    /// Two linear layers, `head` of the class token and `head_dist` of the distillation token (`dist_token`, counted as
    /// a register), of which logits are the mean: timm's `deit_*_distilled_*`. Pooled features are the mean of the two
    /// tokens. `makeDistilled()` sets what goes with it.
    case distilled
    /// A dense layer with tanh (`pooler.dense`), whose outputs of the class token are the pooled features, then a
    /// linear layer: Hugging Face's `ViTModel`.
    case pooler(width: Int)
    /// Linear layers with batch norm and ReLU between them, of the widths given and then the classes: the class head of
    /// point transformers (Point-MAE's `cls_head_finetune`).
    case points(hiddenWidths: [Int])
    /// A class for every point (Point-MAE's part segmentation).
    case parts(PartConfiguration)

    /// Point-MAE's class head.
    static let pointClasses = HeadKind.points(hiddenWidths: [256, 256])

    /// Whether it reads the tokens of a cloud of points.
    var isOfPoints: Bool {
      switch self {
      case .points, .parts: true
      case .linear, .distilled, .pooler: false
      }
    }
  }

  /// Whether two tokens have a head each.
  public var isDistilled: Bool { head == .distilled }
  /// P: outputs of the pooler, where there is one.
  public var poolerWidth: Int? { if case .pooler(let width) = head { width } else { nil } }
  /// The numbers of a head that answers for every point, where there is one.
  public var parts: PartConfiguration? { if case .parts(let numbers) = head { numbers } else { nil } }

  /// Makes this the distilled variant, with the register and the pooling that it has.
  mutating func makeDistilled() {
    head = .distilled
    registerTokens = 1
    pooling = .prefixMean
  }
}
