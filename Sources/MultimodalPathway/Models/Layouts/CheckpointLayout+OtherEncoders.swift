// Rows of the table for auxiliaries that name the four linear layers of a block in yet other ways. They come after
// those of `CheckpointLayout+Auxiliaries.swift`, and each is told by tensors that no other row has.
// transformers/models/{altclip,blip,esm,jina_embeddings_v3,led,timesformer,vjepa2}/modeling_*.py.

extension CheckpointLayout {
  static let otherEncoders: [CheckpointLayout] = [
    // AltCLIP of transformers 5 has BERT's modules in `encoder.layers`, and writes CLIP's as `encoder.layer`.
    CheckpointLayout(
      "bertLayers", "BERT in encoder.layers", .auxiliary, signature: "encoder.layers.0.attention.self.query.weight",
      signs: ["encoder.layers.0.intermediate.dense.weight"],
      names: .linear(
        "encoder.layers.", qkv: queryKeyValue.map { "attention.self.\($0)" }, "attention.output.dense",
        "intermediate.dense",
        "output.dense"),
      norms: .after, heads: .channels64(except: [384: 12])),
    CheckpointLayout(
      "clipLayer", "CLIP in encoder.layer", .auxiliary, signature: "encoder.layer.0.self_attn.q_proj.weight",
      signs: ["encoder.layer.0.mlp.fc1.weight"],
      names: .linear(
        "encoder.layer.", qkv: qkvLetters.map { "self_attn.\($0)_proj" }, "self_attn.out_proj", "mlp.fc1", "mlp.fc2"),
      heads: clipHeads),
    CheckpointLayout(
      "blip", "BLIP's vision towers", .auxiliary, signature: "encoder.layers.0.self_attn.qkv.weight",
      signs: ["encoder.layers.0.self_attn.projection.weight", "encoder.layers.0.mlp.fc1.weight"],
      names: .linear(
        "encoder.layers.", joined: "self_attn.qkv", "self_attn.projection", "mlp.fc1", "mlp.fc2"),
      heads: .channels64(except: [1408: 16])),
    CheckpointLayout(
      "vjepa2", "V-JEPA 2", .auxiliary, signature: "encoder.layer.0.attention.query.weight",
      signs: ["encoder.layer.0.attention.proj.weight", "encoder.layer.0.mlp.fc1.weight"],
      names: .linear(
        "encoder.layer.", qkv: queryKeyValue.map { "attention.\($0)" }, "attention.proj", "mlp.fc1", "mlp.fc2"),
      heads: .channels64(except: [1280: 16])),
    CheckpointLayout(
      "timesformer", "TimeSformer", .auxiliary, signature: "encoder.layer.0.attention.attention.qkv.weight",
      signs: ["encoder.layer.0.intermediate.dense.weight"],
      names: .linear(
        "encoder.layer.", joined: "attention.attention.qkv", "attention.output.dense", "intermediate.dense",
        "output.dense"),
      heads: .channels64()),
    CheckpointLayout(
      "led", "LED's encoder", .auxiliary, signature: "encoder.layers.0.self_attn.longformer_self_attn.query.weight",
      signs: ["encoder.layers.0.self_attn.output.weight", "encoder.layers.0.fc1.weight"],
      names: .linear(
        "encoder.layers.", qkv: queryKeyValue.map { "self_attn.longformer_self_attn.\($0)" }, "self_attn.output",
        "fc1", "fc2"),
      norms: .after, heads: .channels64()),
    CheckpointLayout(
      "jinaBERT", "Jina's embeddings v3", .auxiliary, signature: "encoder.layers.0.mixer.Wqkv.weight",
      signs: ["encoder.layers.0.mlp.fc1.weight"],
      names: .linear(
        "encoder.layers.", joined: "mixer.Wqkv", "mixer.out_proj", "mlp.fc1", "mlp.fc2"),
      norms: .after, heads: .channels64()),
    CheckpointLayout(
      "jinaBERTLayers", "Jina's embeddings v3 of transformers 5", .auxiliary,
      signature: "layers.0.self_attn.q_proj.weight",
      signs: ["layers.0.mlp.fc1.weight", "layers.0.post_mlp_layernorm.weight"],
      names: .linear(
        "layers.", qkv: qkvLetters.map { "self_attn.\($0)_proj" }, "self_attn.o_proj", "mlp.fc1", "mlp.fc2"),
      norms: .after, heads: .channels64()),
  ]
}
