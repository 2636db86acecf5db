/// A data set whose classes have names that this library knows.
///
/// Names are given only where something says that the classes are the data set's: 1,000 classes alone say nothing, and
/// wrong names would be wrong answers that look right. For ImageNet-1k this is one of
/// - timm's tag of the weights, in `pretrained_cfg`, in the architecture's name, or in `--architecture`, with `in1k` as
///   the last data set that it names (`augreg_in21k_ft_in1k`), which timm's own configurations always have;
/// - without a tag, the name of a timm architecture whose usual weights are ImageNet-1k's, in `--architecture` or in a
///   configuration of timm before 0.9, which had no tags;
/// - `m2pt.classes` in a `config.json` that this package wrote for such a model.
/// The model must have exactly 1,000 classes, no names of its own, and read pictures. Hugging Face's models of
/// ImageNet-1k have names of their own, so that one of 1,000 classes without names is taken for something else.
public enum ClassVocabulary: String, Sendable, CaseIterable {
  /// The 1,000 classes of ILSVRC 2012.
  case imageNet1k = "imagenet-1k"

  /// The names by class number.
  public var names: [String] {
    switch self {
    case .imageNet1k: ImageNet1k.names
    }
  }
}

extension VisionTransformerConfiguration {
  /// The vocabulary that a name and a tag of timm's say, where the model's classes fit it.
  ///
  /// - Parameters:
  ///   - tag: stated apart from the name; absent: the name's own.
  ///   - ofAnyTag: whether a name without a tag means timm's usual weights.
  func knownVocabulary(architecture: String, tag: String?, ofAnyTag: Bool) -> ClassVocabulary? {
    let (name, own) = Self.timmName(architecture)
    guard modality == .image, task == .singleLabel, labels == nil, classCount == ImageNet1k.classCount,
      Self.architectures.contains(name)
    else { return nil }
    guard let tag = tag.flatMap({ $0.isEmpty ? nil : $0 }) ?? own else {
      return ofAnyTag && (try? Self.preset(name))?.classCount == classCount ? .imageNet1k : nil
    }
    let stages = tag.split(separator: "_")
    guard let last = stages.lastIndex(of: "in1k") else { return nil }
    return stages[last...].contains("ft") ? nil : .imageNet1k
  }
}
