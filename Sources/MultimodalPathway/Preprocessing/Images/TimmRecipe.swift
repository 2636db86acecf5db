/// How timm prepares pictures for one set of weights: the part of `default_cfgs` that `resolve_data_config` reads.
///
/// A lone file of weights says nothing of it, and the sets of one architecture differ: `vit_base_patch16_224` has
/// ImageNet's mean for the tags `mae` and `dino`, and 0.5 for its others.
public struct TimmRecipe: Sendable, Hashable {
  /// timm's name of the weights, the part after the point in `vit_base_patch16_224.mae`.
  public let tag: String
  /// Size, crop, filter, mean and standard deviation.
  public let preprocessing: ImagePreprocessing
  /// timm's `num_classes`: 1,000 for ImageNet-1k, 21,843 or 11,821 for ImageNet-21k, the width of the joint embedding
  /// for CLIP, 0 without a head.
  public let classCount: Int

  /// Recipes by architecture, in timm's order: the first is that of the name alone.
  public static let all: [String: [TimmRecipe]] = {
    var all: [String: [TimmRecipe]] = [:]
    var (name, recipe): (String?, TimmRecipe?) = (nil, nil)
    for line in rows.split(separator: "\n") {
      var words = line.split(separator: " ")
      if !line.hasPrefix(" ") { (name, recipe) = (String(words.removeFirst()), nil) }
      for word in words {
        if word.contains(",") {
          recipe = TimmRecipe(word.split(separator: ","))
        } else if let name, let recipe {
          all[name, default: []].append(
            TimmRecipe(tag: String(word), preprocessing: recipe.preprocessing, classCount: recipe.classCount))
        }
      }
    }
    return all
  }()

  private init(tag: String, preprocessing: ImagePreprocessing, classCount: Int) {
    self.tag = tag
    self.preprocessing = preprocessing
    self.classCount = classCount
  }

  /// The words of a row's recipe; nil if they do not form one, which the table's test would show.
  private init?(_ words: [Substring]) {
    let normalizations: [Substring: (mean: [Float], std: [Float])] = [
      "imagenet": (ImagePreprocessing.imageNetMean, ImagePreprocessing.imageNetStd),
      "half": ([0.5, 0.5, 0.5], [0.5, 0.5, 0.5]),
      "clip": ([0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711]),
      "unit": ([0, 0, 0], [1, 1, 1]),
    ]
    guard words.count >= 4, let side = Int(words[0]), let numbers = normalizations[words[1]],
      let fraction = Double(words[2]), let classes = Int(words[3])
    else { return nil }
    let choices = words[4...].map(String.init)
    let mode = choices.lazy.compactMap(ImagePreprocessing.CropMode.init).first ?? .center
    let filter = choices.lazy.compactMap(ImageFilter.init).first ?? .bicubic
    self.init(
      tag: "",
      preprocessing: ImagePreprocessing(
        size: Extent(square: side), geometry: .timm(cropFraction: fraction, mode: mode), filter: filter,
        mean: numbers.mean, std: numbers.std),
      classCount: classes)
  }

  /// The recipe of `NAME.TAG`, or of timm's default tag for `NAME` alone; nil for names that are not in the table.
  ///
  /// - Throws: `ConfigurationError.unknownTag` where the name has other tags, or is not timm's and so has none.
  public static func named(_ architecture: String) throws -> TimmRecipe? {
    let (name, tag) = VisionTransformerConfiguration.timmName(architecture)
    let recipes = all[name] ?? []
    guard let tag else { return recipes.first }
    if let recipe = recipes.first(where: { $0.tag == tag }) { return recipe }
    throw ConfigurationError.unknownTag(architecture: name, tag: tag, known: recipes.map(\.tag))
  }
}
