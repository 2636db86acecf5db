import PathwayCheckpoints

// AudioMAE's models, which timm has no names for: ViT-B on spectrograms of 128 mel bins, fine-tuned as MAE is.

extension VisionTransformerConfiguration {
  /// By data set; the numbers are those of AudioMAE's repository.
  static let audioPresets: [String: VisionTransformerConfiguration] = {
    func audioMAE(_ name: String, frames: Int, _ audio: AudioPreprocessing, classes: Int, _ task: Task)
      -> VisionTransformerConfiguration
    {
      var c = VisionTransformerConfiguration(
        architecture: name, imageSize: Extent(height: frames, width: 128), patchSize: Extent(square: 16), width: 768,
        depth: 12, heads: 12)
      c.input = .audio(audio)
      c.task = task
      c.channels = 1
      c.pooling = .mean
      c.normalizesAfterPooling = true
      c.classCount = classes
      return c
    }
    let all = [
      audioMAE("vit_base_patch16_audiomae", frames: 1024, .audioSet, classes: 527, .multiLabel),
      audioMAE("vit_base_patch16_audiomae_esc50", frames: 512, .esc50, classes: 50, .singleLabel),
      audioMAE("vit_base_patch16_audiomae_speech_commands", frames: 128, .speechCommands, classes: 35, .singleLabel),
    ]
    return Dictionary(uniqueKeysWithValues: all.map { ($0.architecture, $0) })
  }()

  /// Names whose models are told by the shapes of their tensors: timm's and AudioMAE's.
  package static var shapedNames: [String] { architectures + audioPresets.keys.sorted() }

  /// This model for as many frames as a lone file has positions for.
  mutating func fit(framesOf positions: Tensor) {
    let patches = positions.shape[1] - positionPrefix
    guard patches > 0, patches <= 1 << 14, patches % grid.width == 0 else { return }
    imageSize.height = patches / grid.width * patchSize.height
  }
}
