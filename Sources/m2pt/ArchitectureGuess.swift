import MultimodalPathway

/// The architecture whose shapes a checkpoint has.
enum ArchitectureGuess {
  /// The binding with which `--architecture NAME` would load the tensors; nil where no name has one.
  ///
  /// Several names can share their shapes (ViT and DeiT): one of the file's own image size is taken, then the shortest
  /// that begins with `vit_`.
  static func binding(of reading: LayoutReading) -> ModelBinding? {
    let named = reading.renamed.tensors
    let names = VisionTransformerConfiguration.shapedNames.sorted {
      ($0.hasPrefix("vit_") ? 0 : 1, $0.count, $0) < ($1.hasPrefix("vit_") ? 0 : 1, $1.count, $1)
    }
    var resized: ModelBinding?
    for name in names {
      guard let preset = try? VisionTransformerConfiguration.preset(name), preset.canHave(named),
        let binding = try? ModelBinding(reading: reading, configuration: preset.fitted(to: named)),
        binding.problems.isEmpty
      else { continue }
      if binding.configuration.imageSize == preset.imageSize { return binding }
      resized = resized ?? binding
    }
    return resized
  }
}

extension VisionTransformerConfiguration {
  /// Whether width, hidden width and depth are those of `tensors`: a look before all shapes are compared.
  fileprivate func canHave(_ tensors: [String: Tensor]) -> Bool {
    tensors["blocks.0.mlp.fc1.weight"]?.shape == [hiddenWidth, width]
      && tensors["blocks.\(depth - 1).mlp.fc1.weight"] != nil && tensors["blocks.\(depth).mlp.fc1.weight"] == nil
  }
}
