// Rows of the table for transformers that are auxiliaries only: of text, of speech, and the towers of pairs.
// transformers/models/*/modeling_*.py has the names; norm orders and heads are those of its configurations.

extension CheckpointLayout {
  /// Hugging Face BERT and its kin (RoBERTa, ELECTRA, XLM-RoBERTa, CamemBERT, Data2Vec's text model, MiniLM):
  /// post-norm, separate query, key and value. Those that moved their norms to the front are told by the norms (ESM,
  /// Megatron-BERT).
  public static let bert = CheckpointLayout(
    "bert", "BERT, RoBERTa, ELECTRA", .auxiliary, signature: "encoder.layer.0.attention.self.query.weight",
    signs: ["encoder.layer.0.intermediate.dense.weight"],
    counterSigns: ["encoder.layer.0.bottleneck.input.dense.weight"],
    names: .linear(
      "encoder.layer.", qkv: queryKeyValue.map { "attention.self.\($0)" }, "attention.output.dense",
      "intermediate.dense",
      "output.dense"),
    norms: .afterUnless(tensors: [
      "encoder.layer.0.attention.LayerNorm.weight", "encoder.layer.0.attention.ln.weight",
      "encoder.layer.0.attention.self_attn_layer_norm.weight",
    ]),
    // MiniLM and its descendants have heads of 32 channels.
    heads: .channels64(except: [384: 12]))

  /// Hugging Face Whisper's encoder: separate projections, no key bias.
  public static let whisper = CheckpointLayout(
    "whisper", "Whisper", .auxiliary, signature: "encoder.layers.0.self_attn.q_proj.weight",
    signs: ["encoder.conv1.weight", "encoder.layers.0.fc1.weight"],
    names: .linear(
      "encoder.layers.", qkv: qkvLetters.map { "self_attn.\($0)_proj" }, "self_attn.out_proj", "fc1",
      "fc2"),
    heads: .channels64())

  /// OpenAI's Whisper encoder.
  public static let openAIWhisper = CheckpointLayout(
    "openAIWhisper", "OpenAI's Whisper", .auxiliary, signature: "encoder.blocks.0.attn.query.weight",
    names: .linear("encoder.blocks.", qkv: queryKeyValue.map { "attn.\($0)" }, "attn.out", "mlp.0", "mlp.2"),
    heads: .channels64())

  static let textEncoders: [CheckpointLayout] = [
    bert,
    CheckpointLayout(
      "debertaV2", "DeBERTa v2 and v3", .auxiliary, signature: "encoder.layer.0.attention.self.query_proj.weight",
      signs: ["encoder.layer.0.intermediate.dense.weight"],
      names: .linear(
        "encoder.layer.", qkv: queryKeyValue.map { "attention.self.\($0)_proj" }, "attention.output.dense",
        "intermediate.dense", "output.dense"),
      norms: .after, heads: .channels64()),
    CheckpointLayout(
      "distilBERT", "DistilBERT", .auxiliary, signature: "layer.0.attention.q_lin.weight",
      signs: ["layer.0.ffn.lin1.weight"],
      names: .linear(
        "layer.", qkv: qkvLetters.map { "attention.\($0)_lin" }, "attention.out_lin", "ffn.lin1",
        "ffn.lin2"),
      norms: .after, heads: .channels64()),
    CheckpointLayout(
      "mpnet", "MPNet", .auxiliary, signature: "encoder.layer.0.attention.attn.q.weight",
      signs: ["encoder.layer.0.intermediate.dense.weight"],
      names: .linear(
        "encoder.layer.", qkv: qkvLetters.map { "attention.attn.\($0)" }, "attention.attn.o", "intermediate.dense",
        "output.dense"),
      norms: .after, heads: .channels64(), headTensor: ("encoder.relative_attention_bias.weight", 1)),
    CheckpointLayout(
      "albert", "ALBERT", .auxiliary,
      signature: "encoder.albert_layer_groups.0.albert_layers.0.attention.query.weight",
      counterSigns: ["encoder.albert_layer_groups.0.albert_layers.1.attention.query.weight"],
      names: .linear(
        "encoder.albert_layer_groups.", qkv: queryKeyValue.map { "albert_layers.0.attention.\($0)" },
        "albert_layers.0.attention.dense", "albert_layers.0.ffn", "albert_layers.0.ffn_output"),
      norms: .after, heads: .channels64(except: [2048: 16]), sharesBlocks: true),
    CheckpointLayout(
      "t5", "T5's encoder", .auxiliary, signature: "encoder.block.0.layer.0.SelfAttention.q.weight",
      signs: ["encoder.block.0.layer.1.DenseReluDense.wi.weight"],
      names: .linear(
        "encoder.block.", qkv: qkvLetters.map { "layer.0.SelfAttention.\($0)" }, "layer.0.SelfAttention.o",
        "layer.1.DenseReluDense.wi", "layer.1.DenseReluDense.wo"),
      headTensor: ("encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight", 1),
      remark: "the auxiliary (T5) does not divide attention's scores by the root of the head size; the target does"),
  ]

  /// wav2vec 2.0's names; large models of the family normalise first, which their configuration says.
  private static func wav2Vec2(
    _ rawValue: String, _ title: String, signs: [String], norms: NormOrder, headTensor: (name: String, axis: Int)? = nil
  ) -> CheckpointLayout {
    CheckpointLayout(
      rawValue, title, .auxiliary, signature: "encoder.layers.0.attention.q_proj.weight",
      signs: ["encoder.layers.0.feed_forward.intermediate_dense.weight"] + signs,
      names: .linear(
        "encoder.layers.", qkv: qkvLetters.map { "attention.\($0)_proj" }, "attention.out_proj",
        "feed_forward.intermediate_dense", "feed_forward.output_dense"),
      norms: norms, heads: .channels64(except: [1280: 16, 1920: 16]), headTensor: headTensor)
  }

  /// Feature extractors with a norm in every layer are those of the models that normalise first.
  private static let stable = NormOrder.afterUnless(
    tensors: ["feature_extractor.conv_layers.1.layer_norm.weight"], key: "do_stable_layer_norm")

  static let speechEncoders: [CheckpointLayout] = [
    whisper, openAIWhisper,
    wav2Vec2(
      "data2VecAudio", "Data2Vec's speech model", signs: ["encoder.pos_conv_embed.layers.0.conv.weight"],
      norms: .after),
    wav2Vec2(
      "wavLM", "WavLM", signs: ["encoder.layers.0.attention.rel_attn_embed.weight"], norms: stable,
      headTensor: ("encoder.layers.0.attention.rel_attn_embed.weight", 1)),
    wav2Vec2("wav2Vec2", "Wav2Vec2, HuBERT", signs: [], norms: stable),
    CheckpointLayout(
      "fairseqWav2Vec2", "fairseq's wav2vec 2.0, HuBERT", .auxiliary,
      signature: "encoder.layers.0.self_attn.q_proj.weight",
      signs: ["encoder.pos_conv.0.bias", "encoder.layers.0.fc1.weight"],
      names: .linear(
        "encoder.layers.", qkv: qkvLetters.map { "self_attn.\($0)_proj" }, "self_attn.out_proj", "fc1", "fc2"),
      norms: .afterUnless(tensors: ["feature_extractor.conv_layers.1.2.1.weight"]),
      heads: .channels64(except: [1280: 16, 1920: 16])),
  ]

  /// ViT-H, ViT-bigG and So400m have other heads; OpenCLIP's text towers of 1280 channels have 20.
  static let clipHeads = HeadRule.channels64(except: [1152: 16, 1280: 0, 1664: 16, 1408: 16])

  /// Vision and text towers, encoders of sequence-to-sequence models, and PyTorch's own encoder layers.
  static let towers: [CheckpointLayout] = [
    CheckpointLayout(
      "clip", "CLIP's and SigLIP's towers", .auxiliary, signature: "encoder.layers.0.self_attn.q_proj.weight",
      signs: ["encoder.layers.0.mlp.fc1.weight"],
      names: .linear(
        "encoder.layers.", qkv: qkvLetters.map { "self_attn.\($0)_proj" }, "self_attn.out_proj", "mlp.fc1", "mlp.fc2"),
      heads: clipHeads),
    CheckpointLayout(
      "openCLIP", "OpenCLIP's towers", .auxiliary, signature: "resblocks.0.attn.in_proj_weight",
      signs: ["resblocks.0.mlp.c_fc.weight"],
      names: .linear(
        "resblocks.", fused: ("attn.in_proj_weight", "attn.in_proj_bias"), "attn.out_proj", "mlp.c_fc", "mlp.c_proj"),
      heads: clipHeads),
    CheckpointLayout(
      "sequenceToSequence", "encoders of BART, mBART, Pegasus, Marian", .auxiliary,
      signature: "encoder.layers.0.self_attn.q_proj.weight", signs: ["encoder.layers.0.fc1.weight"],
      counterSigns: ["encoder.conv1.weight", "encoder.layers.0.encoder_attn.q_proj.weight"],
      names: .linear(
        "encoder.layers.", qkv: qkvLetters.map { "self_attn.\($0)_proj" }, "self_attn.out_proj", "fc1", "fc2"),
      // A norm after the last block is there where the blocks normalise first.
      norms: .afterUnless(tensors: ["encoder.layer_norm.weight"], key: "normalize_before"),
      heads: .channels64(except: [256: 0])),
    CheckpointLayout(
      "dinov3", "Hugging Face DINOv3", .auxiliary, signature: "layer.0.attention.q_proj.weight",
      signs: ["layer.0.mlp.up_proj.weight"], counterSigns: ["layer.0.mlp.gate_proj.weight"],
      names: .linear(
        "layer.", qkv: qkvLetters.map { "attention.\($0)_proj" }, "attention.o_proj", "mlp.up_proj", "mlp.down_proj"),
      heads: .channels64(except: [4096: 32])),
    CheckpointLayout(
      "torchvision", "torchvision's ViT", .auxiliary,
      signature: "encoder.layers.encoder_layer_0.self_attention.in_proj_weight",
      names: LayoutNames(
        block: "encoder.layers.encoder_layer_",
        inBlock: [
          "self_attention.in_proj_weight": "attn.qkv.weight", "self_attention.in_proj_bias": "attn.qkv.bias",
          "self_attention.out_proj": "attn.proj", "mlp.0": "mlp.fc1", "mlp.3": "mlp.fc2", "mlp.linear_1": "mlp.fc1",
          "mlp.linear_2": "mlp.fc2",
        ]),
      heads: .channels64(except: [1280: 16])),
    CheckpointLayout(
      "torchTransformer", "torch.nn.TransformerEncoder", .auxiliary, signature: "layers.0.self_attn.in_proj_weight",
      signs: ["layers.0.linear1.weight"], counterSigns: ["layers.0.multihead_attn.in_proj_weight"],
      names: .linear(
        "layers.", fused: ("self_attn.in_proj_weight", "self_attn.in_proj_bias"), "self_attn.out_proj", "linear1",
        "linear2"),
      // `norm_first` is in no tensor; PyTorch's default is to normalise last.
      norms: .after),
  ]

  private static func refusal(
    _ rawValue: String, _ title: String, _ signature: String, signs: [String] = [], _ reason: String
  ) -> CheckpointLayout {
    CheckpointLayout(rawValue, title, .refused(reason: reason), signature: signature, signs: signs)
  }

  private static let gated =
    "its MLP is gated: two matrices make what fc1 makes, and no layer of a target has their shape"
  private static let decoder = "it is a decoder, which sees only what comes before; take an encoder"

  /// Transformers without the four linear layers, or whose layers mean something else.
  static let refused: [CheckpointLayout] = [
    refusal("modernBERT", "ModernBERT", "layers.0.attn.Wqkv.weight", signs: ["layers.0.mlp.Wi.weight"], gated),
    refusal("nomicBERT", "Nomic BERT", "layers.0.attn.Wqkv.weight", signs: ["layers.0.mlp.fc11.weight"], gated),
    refusal(
      "nomicBERTLayers", "Nomic BERT", "layers.0.mlp.gate_proj.weight", signs: ["layers.0.post_mlp_layernorm.weight"],
      gated),
    refusal(
      "t5Gated", "T5 v1.1's encoder", "encoder.block.0.layer.0.SelfAttention.q.weight",
      signs: ["encoder.block.0.layer.1.DenseReluDense.wi_0.weight"], gated),
    refusal("dinov3Gated", "DINOv3 with a gated MLP", "layer.0.mlp.gate_proj.weight", gated),
    refusal(
      "llama", "Llama and models with its names", "layers.0.mlp.gate_proj.weight",
      gated + "; most of them are decoders, too"),
    refusal("gpt2", "GPT-2", "h.0.attn.c_attn.weight", decoder),
    refusal("decoder", "a decoder", "decoder.layers.0.self_attn.q_proj.weight", decoder),
    refusal("gptNeoX", "GPT-NeoX", "layers.0.attention.query_key_value.weight", decoder),
    refusal("bloom", "BLOOM", "h.0.self_attention.query_key_value.weight", decoder),
    refusal(
      "deberta", "DeBERTa", "encoder.layer.0.attention.self.in_proj.weight",
      "query, key and value are interleaved head by head in its fused matrix; take DeBERTa v2 or v3"),
    refusal(
      "mobileBERT", "MobileBERT", "encoder.layer.0.bottleneck.input.dense.weight",
      "its blocks are narrower than its residual and have several MLPs"),
    refusal(
      "albertGroups", "ALBERT with several layers a group",
      "encoder.albert_layer_groups.0.albert_layers.1.attention.query.weight",
      "only groups of one layer are known, as in all released models"),
  ]
}
