import Foundation
import PathwayCheckpoints

// From the tensors as they are stored to the model as it runs: its size, its recipe for pictures, its frames and
// points. Every choice between two readings becomes a note.

extension ModelWeights {
  /// This model as its files, the name it was loaded by and `overrides` have it.
  ///
  /// - Parameter size: the configuration's, which the position embeddings are not always stored for.
  func prepared(
    at url: URL, architecture: String?, size configured: Extent, _ overrides: ModelOverrides
  ) throws -> ModelWeights {
    var notes: [String] = []
    var c = configuration
    try c.choosePoints(at: url, architecture: architecture, overrides, &notes)
    guard [.image, .video].contains(c.modality) else {
      _ = try ImagePreprocessing.recipe(for: c, nil, overriding: overrides.recipe)
      if overrides.sampling != nil {
        throw ConfigurationError.notApplicable(setting: "a sampling of frames", for: "videos", found: c.modality)
      }
      let weights = with(c, notes, nil)
      return try overrides.imageSize.map { try weights.resized(to: $0, antialias: overrides.antialias) } ?? weights
    }
    var stated: StatedRecipe?
    var isUnsupported = false
    do {
      stated = try StatedRecipe.read(modelAt: url, metadata: metadata)
    } catch let error as ImagePreprocessingError {
      // What this engine does not have keeps pictures from being read, but not a model from being merged.
      guard case .unsupported = error else { throw error }
      isUnsupported = true
      notes.append("the recipe for pictures cannot be followed: \(error)")
    }
    try c.chooseSampling(at: url, stated, overrides.sampling, &notes)
    if configured != c.imageSize, overrides.imageSize == nil {
      notes.append(
        "the position embeddings are stored for pictures of \(c.imageSize), and the model's size is \(configured); "
          + "they are resampled, as timm does")
    }
    // As timm does, once while loading, and again in a pass of another size.
    let built = try with(c, [], nil).resized(to: overrides.imageSize == nil ? configured : c.imageSize)
    let (size, antialias) = built.configuration.runningSize(stated, architecture: architecture, overrides, &notes)
    let weights = try built.resized(to: size, antialias: antialias)
    if let stated, let tag = c.tag, architecture != nil,
      stated.preprocessing != .timm(architecture: "\(c.architecture).\(tag)", size: stated.preprocessing.size)
    {
      notes.append("pictures are prepared as \(stated.file) says, not as timm does for the tag \(tag)")
    }
    // A directory of Hugging Face's without a processor says nothing of pictures.
    let recipe =
      isUnsupported || (stated == nil && architecture == nil)
      ? nil
      : try ImagePreprocessing.recipe(for: weights.configuration, stated, overriding: overrides.recipe)
    return weights.with(weights.configuration, notes, recipe)
  }

  private func with(
    _ c: VisionTransformerConfiguration, _ added: [String], _ recipe: ImagePreprocessing?
  ) -> ModelWeights {
    ModelWeights(
      configuration: c, tensors: tensors, metadata: metadata, files: files, storedType: storedType,
      notes: notes + added, preprocessing: recipe)
  }
}

extension VisionTransformerConfiguration {
  /// The size that a timm directory's position embeddings are stored for, where it is another square than the
  /// configuration's: timm resamples them while loading (`checkpoint_filter_fn`), and transformers refuses them.
  func storedSize(of reading: LayoutReading) -> Extent? {
    guard modality == .image, reading.renamed.sources["pos_embed"]?.first?.hasSuffix("pos_embed") ?? false,
      let shape = reading.renamed.tensors["pos_embed"]?.shape, shape.count == 3,
      shape[1] > positionPrefix, shape[1] <= 1 << 20, shape[1] != positionPrefix + patchCount, patchStride == nil
    else { return nil }
    let patches = shape[1] - positionPrefix
    let side = Int(Double(patches).squareRoot())
    guard side * side == patches, side * max(patchSize.height, patchSize.width) <= 1 << 14 else { return nil }
    return Extent(height: side * patchSize.height, width: side * patchSize.width)
  }

  /// The size that the model runs at, and whether positions are antialiased on the way there.
  ///
  /// transformers 5.24 runs DINOv2 at any size, and refuses ViT, DeiT and VideoMAE another than the configuration's
  /// unless `interpolate_pos_encoding` is set; that is what happens here. It resamples DINOv2 with registers with
  /// antialiasing and all others without. timm asserts `img_size`, or resamples with antialiasing.
  fileprivate func runningSize(
    _ stated: StatedRecipe?, architecture: String?, _ overrides: ModelOverrides, _ notes: inout [String]
  ) -> (Extent, antialias: Bool) {
    if let size = overrides.imageSize { return (size, overrides.antialias) }
    guard let stated else {
      if let architecture, let usual = try? Self.preset(architecture).imageSize, usual != imageSize {
        notes.append(
          "the position embeddings are for pictures of \(imageSize), \(architecture) is for \(usual); "
            + "the model runs at \(imageSize)")
      }
      return (imageSize, true)
    }
    let size = stated.preprocessing.size
    guard size != imageSize else { return (imageSize, true) }
    let sizes = "\(stated.file) prepares pictures of \(size), and the model's size is \(imageSize)"
    switch stated.sizes {
    case .unstated: return (imageSize, true)
    case .fixed:
      notes.append("\(sizes), which is fixed (no dynamic_img_size); it runs at \(imageSize)")
      return (imageSize, true)
    case .dynamic:
      notes.append("\(sizes); it runs at \(size), with position embeddings resampled (dynamic_img_size)")
      return (size, true)
    case .processor(let type):
      let runsAnyway = type?.hasPrefix("dinov2") ?? false
      notes.append(
        "\(sizes); it runs at \(size), with position embeddings resampled as transformers does"
          + (runsAnyway ? "" : " with interpolate_pos_encoding"))
      return (size, type == "dinov2_with_registers")
    }
  }

  /// Something-Something's number of classes; no other known data set of videos has it.
  private static let somethingClasses = 174

  /// Frames at equal distances where a processor, a name or the number of classes says so.
  fileprivate mutating func chooseSampling(
    at url: URL, _ stated: StatedRecipe?, _ wanted: VideoSampling.Rule?, _ notes: inout [String]
  ) throws {
    guard var clip else {
      guard wanted == nil else {
        throw ConfigurationError.notApplicable(setting: "a sampling of frames", for: "videos", found: modality)
      }
      return
    }
    if let wanted {
      clip.sampling = wanted
      input = .video(clip)
      return
    }
    guard clip.sampling == nil else { return }
    func choose(_ reason: String) {
      notes.append("frames are taken at equal distances over the whole video (sampling uniform), since \(reason)")
    }
    if let stated, let count = stated.uniformFrames {
      guard count == 0 || count == frames else {
        throw ConfigurationError.badValue(
          file: stated.file, key: "num_frames", found: "\(count)", expected: "\(frames), as the model has")
      }
      choose("\(stated.file) has do_sample_frames")
    } else if let name = Self.somethingName(at: url) {
      choose("'\(name)' names Something-Something")
    } else if classCount == Self.somethingClasses {
      choose("the head has the \(classCount) classes of Something-Something")
    } else {
      return
    }
    clip.sampling = .uniform
    input = .video(clip)
  }

  /// The name of a model of Something-Something: its file's, its directory's, or what a `config.json` of Hugging Face's
  /// says that it was made from. A model that was tuned on Kinetics later is not.
  private static func somethingName(at url: URL) -> String? {
    struct Origin: Decodable {
      var _name_or_path: String?
    }
    let location = ModelLocation(url)
    let path = url.standardizedFileURL
    var names = [path.lastPathComponent]
    if !location.isDirectory { names.append(path.deletingLastPathComponent().lastPathComponent) }
    let text = try? ConfigurationFile.contents(of: location.configurationFile)
    let origin = text.flatMap { try? JSONDecoder().decode(Origin.self, from: $0) }
    names += [origin?._name_or_path].compactMap { $0 }
    return names.first { name in
      let plain = name.lowercased().filter { $0.isLetter || $0.isNumber }
      return ["ssv2", "sthv2", "somethingsomething"].contains(where: plain.contains)
        && !["kinetics", "k400", "k600", "k710"].contains(where: plain.contains)
    }
  }

  /// Points and groups, which are in no tensor: the caller's, or those of the architecture's name, with a word.
  fileprivate mutating func choosePoints(
    at url: URL, architecture: String?, _ overrides: ModelOverrides, _ notes: inout [String]
  ) throws {
    guard var numbers = points else {
      guard overrides.points == nil, overrides.groups == nil else {
        throw ConfigurationError.notApplicable(setting: "a number of points or groups", for: "points", found: modality)
      }
      return
    }
    if let count = overrides.points {
      if overrides.groups == nil, count != numbers.points {
        numbers.groups = max(1, count / 16)
        notes.append("\(count) points are seen in \(numbers.groups) groups, one for every 16")
      }
      numbers.points = count
    }
    numbers.groups = overrides.groups ?? numbers.groups
    if let architecture, overrides.points == nil, overrides.groups == nil {
      notes.append(
        "the file does not say how many points the model was trained on: it runs on \(numbers.points) in "
          + "\(numbers.groups) groups, as \(architecture) does")
    }
    input = .points(numbers)
    try validate()
  }
}
