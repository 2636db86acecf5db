import PathwayCheckpoints

/// Where a transformer's checkpoint comes from, told by how its tensors are named; each origin has one pure function to
/// timm's names (`renamed`), and no other code knows a foreign name.
public enum CheckpointLayout: String, Sendable, CaseIterable {
  /// Point-MAE's and M2PT's point transformers: an encoder of groups, and blocks named `blocks.blocks.N`.
  case pointMAE
  /// timm's own; also files with timm's names for blocks and something else around them.
  case timm
  /// MAE, VideoMAE, AudioMAE and DINOv2 as their authors publish them: timm's names, and what pretraining
  /// leaves behind (mask token, decoder), and DINOv2's register tokens.
  case pretraining
  /// M2PT's: timm's names, and beside every joined layer's weight the auxiliary's and its scale, which are folded here.
  case m2pt
  /// Hugging Face ViT, DeiT, MAE, VideoMAE, Audio Spectrogram Transformer: separate query, key and value.
  case huggingFaceViT
  /// Hugging Face DINOv2, with registers or without.
  case huggingFaceDINOv2
  /// The same two as transformers 5 names their modules in memory: `state_dict()`, saved without `save_pretrained`.
  case transformers5ViT
  case transformers5DINOv2
  /// Hugging Face BERT and its kin (MiniLM): post-norm, separate query, key and value. An auxiliary only.
  case bert
  /// Hugging Face Whisper's encoder: separate projections, no key bias. An auxiliary only.
  case whisper
  /// OpenAI's Whisper encoder. An auxiliary only.
  case openAIWhisper

  /// Whether the norms come after the layers and their residuals; a vision transformer here has them before.
  public var isPostNorm: Bool { self == .bert }
  /// Whether all of a model's tensors get timm's names, or only those of the blocks' linear layers.
  public var isVisionTransformer: Bool {
    switch self {
    case .pointMAE, .timm, .pretraining, .m2pt, .huggingFaceViT, .huggingFaceDINOv2, .transformers5ViT,
      .transformers5DINOv2: true
    case .bert, .whisper, .openAIWhisper: false
    }
  }

  /// A layout and what stands before its names: wrappers' prefixes like `module.` or `backbone.`.
  public struct Match: Sendable, Equatable {
    public let layout: CheckpointLayout
    public let prefix: String
  }

  /// Prefixes that training frameworks and bigger models put before a transformer's names, in any order and number.
  static let wrappers = [
    "module.", "model.", "state_dict.", "base_model.", "backbone.", "encoder.", "MAE_encoder.", "blocks.", "vit.",
    "deit.", "dinov2.", "dinov2_with_registers.", "audio_spectrogram_transformer.", "videomae.", "bert.",
  ]

  /// The layout that `names` have, or nil.
  ///
  /// - Throws: `CheckpointLayoutError.ambiguous` where two transformers of one layout are in the file.
  /// - Complexity: O(names).
  public static func detect(_ names: some Sequence<String>) throws -> Match? {
    let names = Array(names)
    let all = Set(names)
    for layout in allCases {
      guard let signature = layout.signature else { continue }
      let prefixes = names.compactMap { name -> String? in
        guard name.hasSuffix(signature) else { return nil }
        let prefix = String(name.dropLast(signature.count))
        return isWrapper(prefix) && layout.hasSigns(after: prefix, all) ? prefix : nil
      }
      guard let prefix = prefixes.min(by: { $0.count < $1.count }) else { continue }
      guard prefixes.count == 1 else { throw CheckpointLayoutError.ambiguous(prefixes: prefixes.sorted()) }
      let isPretraining = names.contains { name in
        leftovers.contains { name.hasPrefix($0) || name.hasPrefix(prefix + $0) }
      }
      guard layout == .timm else { return Match(layout: layout, prefix: prefix) }
      let isJoined = names.contains { $0.hasSuffix(Self.auxiliaryWeight) }
      return Match(layout: isJoined ? .m2pt : isPretraining ? .pretraining : .timm, prefix: prefix)
    }
    return nil
  }

  /// A tensor of the first block that only this layout has; `pretraining` and `m2pt` are found through `timm`.
  private var signature: String? {
    switch self {
    case .pointMAE: "blocks.blocks.0.attn.qkv.weight"
    case .timm: "blocks.0.attn.qkv.weight"
    case .pretraining, .m2pt: nil
    case .huggingFaceViT, .huggingFaceDINOv2: "encoder.layer.0.attention.attention.query.weight"
    case .transformers5ViT: "layers.0.attention.q_proj.weight"
    case .transformers5DINOv2: "encoder.layer.0.attention.q_proj.weight"
    case .bert: "encoder.layer.0.attention.self.query.weight"
    case .whisper: "encoder.layers.0.self_attn.q_proj.weight"
    case .openAIWhisper: "encoder.blocks.0.attn.query.weight"
    }
  }

  /// Tells apart what has the same signature: BART's encoder is named like Whisper's, but has no convolutions.
  private func hasSigns(after prefix: String, _ names: Set<String>) -> Bool {
    switch self {
    case .pointMAE: names.contains(prefix + "encoder.first_conv.0.weight")
    case .huggingFaceViT: names.contains(prefix + "encoder.layer.0.intermediate.dense.weight")
    case .huggingFaceDINOv2: names.contains(prefix + "encoder.layer.0.mlp.fc1.weight")
    case .transformers5ViT: names.contains(prefix + "layers.0.layernorm_before.weight")
    case .transformers5DINOv2: names.contains(prefix + "encoder.layer.0.layer_scale1.lambda1")
    case .whisper: names.contains(prefix + "encoder.conv1.weight")
    default: true
    }
  }

  /// What pretraining leaves in a file and inference has no use for, or names otherwise than timm.
  static let leftovers = [
    "mask_token", "register_tokens", "decoder", "MAE_decoder", "encoder_to_decoder", "increase_dim",
  ]

  /// Whether `prefix` is made of wrappers' prefixes.
  private static func isWrapper(_ prefix: String) -> Bool {
    var rest = Substring(prefix)
    while !rest.isEmpty {
      guard let wrapper = wrappers.first(where: { rest.hasPrefix($0) }) else { return false }
      rest = rest.dropFirst(wrapper.count)
    }
    return true
  }

  /// A checkpoint's tensors under timm's names; unchanged where no layout is recognised, for strict binding to
  /// complain.
  ///
  /// - Throws: `CheckpointLayoutError`.
  public static func timmNamed(
    _ tensors: [String: Tensor]
  ) throws -> (layout: CheckpointLayout?, tensors: [String: Tensor]) {
    guard let match = try detect(tensors.keys) else { return (nil, tensors) }
    return (match.layout, try match.layout.renamed(tensors, prefix: match.prefix))
  }
}

/// Why a checkpoint's names cannot be made timm's.
public enum CheckpointLayoutError: Error, Equatable, CustomStringConvertible {
  case unrecognized(names: [String])
  case ambiguous(prefixes: [String])
  case missing(tensor: String, beside: String)
  case duplicate(name: String, sources: [String])
  case shapes(tensors: [String], shapes: [[Int]])
  case notAVisionTransformer(CheckpointLayout)
  /// Layers after the blocks that this engine does not have.
  case unsupportedHead(feature: String, names: [String])

  public var description: String {
    switch self {
    case .unrecognized(let names):
      "the checkpoint's layout is not known; its tensors are named like \(names.joined(separator: ", ")); "
        + "known: \(CheckpointLayout.allCases.map(\.rawValue).joined(separator: ", "))"
    case .ambiguous(let prefixes):
      "the checkpoint holds several transformers, under " + prefixes.map { "'\($0)'" }.joined(separator: " and ")
        + "; keep the tensors of one of them"
    case .missing(let tensor, let other): "the checkpoint has '\(other)' but not '\(tensor)', which belongs to it"
    case .duplicate(let name, let sources):
      "\(sources.joined(separator: " and ")) would both become '\(name)'; keep one of them"
    case .shapes(let tensors, let shapes):
      tensors.joined(separator: ", ") + " have shapes " + shapes.map { "\($0)" }.joined(separator: ", ")
        + " and cannot be joined"
    case .unsupportedHead(let feature, let names):
      "the checkpoint has \(feature), which this engine lacks (\(names.prefix(6).joined(separator: ", "))); "
        + "supported: a linear head, alone or after a batch norm without weights"
    case .notAVisionTransformer(let layout):
      "this is a \(layout.rawValue) checkpoint, which can be an auxiliary but not a target: it has no patch embedding"
    }
  }
}
