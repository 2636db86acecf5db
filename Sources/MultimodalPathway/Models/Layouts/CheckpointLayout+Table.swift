// The table of layouts. Order matters where two rows recognise the same tensor: the first row wins.

extension CheckpointLayout {
  /// Every layout, and models that are recognised to be refused with a reason.
  static let table: [CheckpointLayout] =
    visionTransformers + textEncoders + speechEncoders + towers + otherEncoders + refused

  /// Layouts of targets.
  private static let visionTransformers: [CheckpointLayout] = [
    .pointMAE, .timm, .pretraining, .m2pt, .huggingFaceViT, .huggingFaceDINOv2, .transformers5ViT, .transformers5DINOv2,
  ]

  private static let normsAndMLP = ["norm1": "norm1", "norm2": "norm2", "mlp.fc1": "mlp.fc1", "mlp.fc2": "mlp.fc2"]
  /// BEiT's and VideoMAE's names for LayerScale.
  private static let timmInBlock = ["gamma_1": "ls1.gamma", "gamma_2": "ls2.gamma"]
  /// Whisper's encoder under timm's names keeps its two convolutions.
  private static let whisperHeads = HeadRule.channels64(sign: "conv1.weight")

  /// What pretraining leaves in a file and inference has no use for, or names otherwise than timm.
  static let leftovers =
    [
      "mask_token", "register_tokens", "decoder", "MAE_decoder", "encoder_to_decoder", "increase_dim",
    ] + projections

  /// The projections of DINO, iBOT and DINOv2, which their evaluation leaves out.
  static let projections = ["head.mlp", "head.last_layer", "dino_head.", "ibot_head."]

  /// Point-MAE's and M2PT's point transformers: an encoder of groups, and blocks named `blocks.blocks.N`.
  public static let pointMAE = CheckpointLayout(
    "pointMAE", "Point-MAE", .visionTransformer, signature: "blocks.blocks.0.attn.qkv.weight",
    signs: ["encoder.first_conv.0.weight"],
    // Batch norms count the batches of their training.
    names: LayoutNames(
      block: "blocks.blocks.",
      inBlock: normsAndMLP.merging(["attn.qkv": "attn.qkv", "attn.proj": "attn.proj"]) { $1 },
      dropped: leftovers, droppedEndings: [".num_batches_tracked"]))

  /// timm's own; also files with timm's names for blocks and something else around them.
  public static let timm = CheckpointLayout(
    "timm", "timm", .visionTransformer, signature: "blocks.0.attn.qkv.weight",
    names: LayoutNames(block: "blocks.", inBlock: timmInBlock), heads: whisperHeads)

  /// MAE, VideoMAE, AudioMAE and DINOv2 as their authors publish them: timm's names, what pretraining leaves (mask
  /// token, decoder), and DINOv2's register tokens. Found through `timm`.
  public static let pretraining = CheckpointLayout(
    "pretraining", "MAE, VideoMAE, AudioMAE, DINOv2", .visionTransformer, signature: nil,
    names: LayoutNames(
      block: "blocks.", inBlock: timmInBlock, dropped: leftovers.filter { $0 != "register_tokens" }))

  /// M2PT's: timm's names, and next to every joined layer's weight the auxiliary's and its scale, which are fused here.
  /// Found through `timm`.
  public static let m2pt = CheckpointLayout(
    "m2pt", "M2PT", .visionTransformer, signature: nil,
    names: LayoutNames(
      block: "blocks.", inBlock: timmInBlock, dropped: leftovers.filter { $0 != "register_tokens" }))

  private static let huggingFaceOutside = [
    "embeddings.cls_token": "cls_token", "embeddings.position_embeddings": "pos_embed",
    "embeddings.distillation_token": "reg_token", "embeddings.register_tokens": "register_tokens",
    "embeddings.patch_embeddings.projection": "patch_embed.proj", "layernorm": "norm", "classifier": "head",
    "cls_classifier": "head", "distillation_classifier": "head_dist",
    // AST's head.
    "classifier.layernorm": "head_norm", "classifier.dense": "head",
  ]
  private static let huggingFaceDropped = [
    "embeddings.mask_token", "decoder.", "encoder_to_decoder.", "mask_token",
  ]
  /// Modules of query, key and value that are named in full, or by a letter.
  static let queryKeyValue = ["query", "key", "value"]
  static let qkvLetters = ["q", "k", "v"]
  private static let scales = ["layer_scale1.lambda1": "ls1.gamma", "layer_scale2.lambda1": "ls2.gamma"]

  /// Hugging Face ViT, DeiT, MAE, VideoMAE, Audio Spectrogram Transformer: separate query, key and value. As
  /// auxiliaries also BEiT, Data2Vec's vision model and ViT-MSN.
  public static let huggingFaceViT = CheckpointLayout(
    "huggingFaceViT", "Hugging Face ViT, DeiT, MAE, VideoMAE, AST, BEiT, ViT-MSN", .visionTransformer,
    signature: "encoder.layer.0.attention.attention.query.weight",
    signs: ["encoder.layer.0.intermediate.dense.weight"],
    names: LayoutNames(
      block: "encoder.layer.",
      inBlock: [
        "layernorm_before": "norm1", "layernorm_after": "norm2", "attention.output.dense": "attn.proj",
        "intermediate.dense": "mlp.fc1", "output.dense": "mlp.fc2",
        "attention.attention.q_bias": "attn.q_bias", "attention.attention.v_bias": "attn.v_bias",
      ],
      qkv: queryKeyValue.map { "attention.attention.\($0)" }, outside: huggingFaceOutside,
      dropped: huggingFaceDropped))

  /// Hugging Face DINOv2, with registers or without.
  public static let huggingFaceDINOv2 = CheckpointLayout(
    "huggingFaceDINOv2", "Hugging Face DINOv2", .visionTransformer,
    signature: "encoder.layer.0.attention.attention.query.weight", signs: ["encoder.layer.0.mlp.fc1.weight"],
    names: LayoutNames(
      block: "encoder.layer.",
      inBlock: normsAndMLP.merging(scales.merging(["attention.output.dense": "attn.proj"]) { $1 }) { $1 },
      qkv: queryKeyValue.map { "attention.attention.\($0)" }, outside: huggingFaceOutside,
      dropped: huggingFaceDropped))

  /// The same as `huggingFaceViT` as the modules of transformers 5 are named: what `state_dict()` gives, not what
  /// `save_pretrained` writes.
  public static let transformers5ViT = CheckpointLayout(
    "transformers5ViT", "ViT, DeiT, MAE, AST, BEiT, ViT-MSN of transformers 5", .visionTransformer,
    signature: "layers.0.attention.q_proj.weight",
    signs: ["layers.0.layernorm_before.weight", "layers.0.mlp.fc1.weight"],
    names: LayoutNames(
      block: "layers.",
      inBlock: [
        "layernorm_before": "norm1", "layernorm_after": "norm2", "attention.o_proj": "attn.proj",
        "mlp.fc1": "mlp.fc1", "mlp.fc2": "mlp.fc2",
      ],
      qkv: qkvLetters.map { "attention.\($0)_proj" }, outside: huggingFaceOutside, dropped: huggingFaceDropped))

  /// The same of `huggingFaceDINOv2`.
  public static let transformers5DINOv2 = CheckpointLayout(
    "transformers5DINOv2", "DINOv2 of transformers 5", .visionTransformer,
    signature: "encoder.layer.0.attention.q_proj.weight",
    signs: ["encoder.layer.0.norm1.weight", "encoder.layer.0.mlp.fc1.weight"],
    names: LayoutNames(
      block: "encoder.layer.",
      inBlock: normsAndMLP.merging(scales.merging(["attention.o_proj": "attn.proj"]) { $1 }) { $1 },
      qkv: qkvLetters.map { "attention.\($0)_proj" }, outside: huggingFaceOutside, dropped: huggingFaceDropped))
}
