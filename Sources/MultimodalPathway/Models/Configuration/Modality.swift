/// What a model's tokens are made of: which tokenizer stands before its blocks, and which files it can be asked about.
public enum Modality: String, Sendable, CaseIterable {
  /// Pictures, (B, channels, H, W).
  case image
  /// Spectrograms of sound, (B, 1, H, W).
  case audio
  /// Clips, (B, channels, T, H, W).
  case video
  /// Point clouds, (B, P, 3).
  case points
}

extension VisionTransformerConfiguration {
  /// What the numbers of an answer mean; raw values are those of `config.json`.
  public enum Task: String, Sendable, CaseIterable {
    /// Exactly one class is right: softmax over the logits.
    case singleLabel = "single_label"
    /// Any number of classes may be right, as in AudioSet: a sigmoid for each logit.
    case multiLabel = "multi_label"
    /// The logits themselves are the answer.
    case regression
    /// One class for every point: softmax over each point's logits.
    case perPoint = "per_point"
  }
}
