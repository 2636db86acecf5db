import Foundation
import PathwayCheckpoints

// Which head a model of Hugging Face has: by its class, which `save_pretrained` writes as `architectures`, or by the
// tensors where a configuration names none.

extension VisionTransformerConfiguration {
  /// By Hugging Face's class, whether the head reads the class token, both tokens, or class token and mean.
  private static let classifiers = [
    "ViTForImageClassification", "DeiTForImageClassification", "DeiTForImageClassificationWithTeacher",
    "Dinov2ForImageClassification", "Dinov2WithRegistersForImageClassification", "VideoMAEForVideoClassification",
    "ASTForAudioClassification",
  ]

  mutating func readHead(_ object: JSONObject) throws {
    let classes = try classNames(object)
    classCount = 0
    guard case .array(let names)? = object.values["architectures"] else {
      classCount = classes?.count ?? 0
      labels = classes
      if classCount > 0 { try readTask(object) }
      return
    }
    for case .string(let name) in names
    where ["ForImageClassification", "ForVideoClassification", "ForAudioClassification"].contains(where: name.contains)
    {
      guard Self.classifiers.contains(name) else {
        throw ConfigurationError.unsupported(
          file: object.file, key: "architectures", found: "\"\(name)\"",
          supported: Self.classifiers.joined(separator: ", ") + ", and models without a head")
      }
      if name.hasPrefix("Dinov2") { pooling = .tokenAndMean }
      if name.hasSuffix("WithTeacher") { makeDistilled() }
      // Two classes without names are Hugging Face's default, which it does not write.
      labels = classes
      classCount = try classes?.count ?? object.integer("num_labels") ?? 2
      try readTask(object)
    }
    let hasPooler = names.contains { ["ViTModel", "DeiTModel"].contains($0.summary.trimmingCharacters(in: ["\""])) }
    if hasPooler, let activation = try object.string("pooler_act"), activation != "tanh" {
      throw ConfigurationError.unsupported(
        file: object.file, key: "pooler_act", found: "\"\(activation)\"", supported: "\"tanh\"")
    }
  }

  /// `id2label`, which must number its classes from 0 without gaps.
  private func classNames(_ object: JSONObject) throws -> [String]? {
    guard let members = try object.object("id2label") else { return nil }
    return try (0..<members.values.count).map { index in
      try members.required("\(index)", members.string("\(index)"))
    }
  }

  /// Whether a configuration is Hugging Face's and names no class, as `config.to_json_file` writes it.
  static func isHuggingFaceWithoutClass(json data: Data, file: String) throws -> Bool {
    let values = try JSONObject(parsing: data, file: file)
    guard values.values["model_type"] != nil else { return false }
    if case .array? = values.values["architectures"] { return false }
    return true
  }

  /// The head that the tensors have, under timm's names, for a configuration that does not say it.
  mutating func fitHead(to tensors: [String: Tensor]) {
    guard let shape = tensors["head.weight"]?.shape, shape.count == 2 else {
      (classCount, labels, task) = (0, nil, .singleLabel)
      return
    }
    if shape[0] != classCount {
      labels = nil
      if classCount == 0 || classCount == 1 { task = shape[0] == 1 ? .multiLabel : task }
      classCount = shape[0]
    }
    if tensors["head_dist.weight"] != nil, hasClassToken, registerTokens == 1 { makeDistilled() }
    if pooling == .token, shape[1] == 2 * width { pooling = .tokenAndMean }
    if modality == .audio { hasHeadNorm = tensors["head_norm.weight"] != nil }
    if modality == .video, tensors["fc_norm.weight"] != nil {
      (normalizesAfterPooling, hasFinalNorm, finalEpsilon) = (true, true, 1e-5)
    }
    architecture = Self.nearestArchitecture(to: self)
  }
}
