/// What a model's tokens are made of: it decides the tokenizer, and which files the model answers for.
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
  /// What the numbers of an answer for a whole input mean; raw values are those of `config.json`. A head that answers
  /// for every point (`HeadKind.parts`) always gives one class a point.
  public enum Task: String, Sendable, CaseIterable {
    /// Exactly one class is right: softmax over the logits.
    case singleLabel = "single_label"
    /// Any number of classes may be right, as in AudioSet: a sigmoid for each logit.
    case multiLabel = "multi_label"
    /// The logits themselves are the answer.
    case regression
  }
}
