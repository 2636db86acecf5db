"""Auxiliaries of every origin: tiny random transformers as their libraries write them, and their linear layers.

    python Tests/Fixtures/auxiliaries/make_auxiliaries.py    # rewrites all files here, same bytes each time

One file per class. Tensors: weights.NAME as `save_pretrained` writes it; state.NAME, the tensors that only `state_dict()`
has (the metadata `omitted` lists those that it lacks); and of every encoder, with L one of attn.qkv, attn.proj, mlp.fc1 and
mlp.fc2, expected.PREFIX|blocks.N.L.{weight,bias}, taken from the modules' own linear layers: query, key and value
stacked, a bias that one of the three lacks as zeros. Metadata: `config` is config.json as `save_pretrained` writes it;
`heads` and `post_norm` describe each encoder, by prefix. names.json has the names and shapes of models that must be
refused. Needs torch, torchvision, timm, transformers 5.24 and open_clip_torch 3.3.
"""
import importlib.util
import json
import sys
import tempfile
from pathlib import Path

# A torchaudio that was built for another torch must not be found; no model here needs it.
find_spec = importlib.util.find_spec
importlib.util.find_spec = lambda name, *rest: None if name.split(".")[0] == "torchaudio" else find_spec(name, *rest)

import torch
from torch import nn

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))
from oracle import array, import_timm, randomize, write

import_timm()
import transformers as t
from open_clip.model import CLIP, CLIPTextCfg, CLIPVisionCfg
from safetensors.torch import load_file
from torchvision.models.vision_transformer import VisionTransformer

SIZES = dict(hidden_size=8, num_hidden_layers=2, num_attention_heads=2, intermediate_size=12)
TEXT = dict(**SIZES, vocab_size=4, max_position_embeddings=6)
MARKS = dict(pad_token_id=0, bos_token_id=1, eos_token_id=2)
IMAGE = dict(**SIZES, image_size=4, patch_size=2)
SPEECH = dict(**SIZES, vocab_size=4, conv_dim=(4, 4), conv_stride=(2, 2), conv_kernel=(3, 3), num_conv_pos_embeddings=4,
              num_conv_pos_embedding_groups=2)
STABLE = dict(SPEECH, do_stable_layer_norm=True, feat_extract_norm="layer")
PAIR = dict(text_config=dict(**TEXT, **MARKS), vision_config=IMAGE, projection_dim=4)
SEQUENCE = dict(d_model=8, encoder_layers=2, decoder_layers=1, encoder_attention_heads=2, decoder_attention_heads=2,
                encoder_ffn_dim=12, decoder_ffn_dim=12, vocab_size=4, decoder_start_token_id=1, **MARKS)
T5 = dict(d_model=8, d_kv=4, num_heads=2, num_layers=2, d_ff=12, vocab_size=4)

# Where a layer's linear modules are: query, key, value (or one fused), projection, fc1, fc2.
BERT = ["attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense",
        "intermediate.dense", "output.dense"]
TOWER = [f"self_attn.{x}_proj" for x in "qkv"] + ["self_attn.out_proj", "mlp.fc1", "mlp.fc2"]
WAV = [f"attention.{x}_proj" for x in "qkv"] + [
    "attention.out_proj", "feed_forward.intermediate_dense", "feed_forward.output_dense"]
VIT5 = [f"attention.{x}_proj" for x in "qkv"] + ["attention.o_proj", "mlp.fc1", "mlp.fc2"]
VIT = ["attention.attention.query", "attention.attention.key", "attention.attention.value", "attention.output.dense",
       "intermediate.dense", "output.dense"]
BART = [f"self_attn.{x}_proj" for x in "qkv"] + ["self_attn.out_proj", "fc1", "fc2"]

# name: (model, {prefix of the file: (path of the layers, linear modules, heads, post-norm)})
MODELS = {
    "bert": (lambda: t.BertForMaskedLM(t.BertConfig(**TEXT)), {"bert.": ("bert.encoder.layer", BERT, 2, True)}),
    "bert_classifier": (lambda: t.BertForSequenceClassification(t.BertConfig(**TEXT)),
                        {"bert.": ("bert.encoder.layer", BERT, 2, True)}),
    "roberta": (lambda: t.RobertaForMaskedLM(t.RobertaConfig(**TEXT)),
                {"roberta.": ("roberta.encoder.layer", BERT, 2, True)}),
    "camembert": (lambda: t.CamembertForMaskedLM(t.CamembertConfig(**TEXT)),
                  {"roberta.": ("roberta.encoder.layer", BERT, 2, True)}),
    "xlm_roberta": (lambda: t.XLMRobertaForTokenClassification(t.XLMRobertaConfig(**TEXT)),
                    {"roberta.": ("roberta.encoder.layer", BERT, 2, True)}),
    "electra": (lambda: t.ElectraForPreTraining(t.ElectraConfig(**TEXT, embedding_size=4)),
                {"electra.": ("electra.encoder.layer", BERT, 2, True)}),
    "roberta_prelayernorm": (lambda: t.RobertaPreLayerNormModel(t.RobertaPreLayerNormConfig(**TEXT)),
                             {"": ("encoder.layer", BERT, 2, False)}),
    "data2vec_text": (lambda: t.Data2VecTextModel(t.Data2VecTextConfig(**TEXT)),
                      {"": ("encoder.layer", BERT, 2, True)}),
    "deberta_v2": (lambda: t.DebertaV2Model(t.DebertaV2Config(**TEXT)), {"": ("encoder.layer", [
        f"attention.self.{x}_proj" for x in ("query", "key", "value")] + BERT[3:], 2, True)}),
    "distilbert": (lambda: t.DistilBertForMaskedLM(t.DistilBertConfig(
        dim=8, n_layers=2, n_heads=2, hidden_dim=12, vocab_size=4, max_position_embeddings=6)),
        {"distilbert.transformer.": ("distilbert.transformer.layer", [f"attention.{x}_lin" for x in "qkv"] + [
            "attention.out_lin", "ffn.lin1", "ffn.lin2"], 2, True)}),
    "mpnet": (lambda: t.MPNetForMaskedLM(t.MPNetConfig(**TEXT)), {"mpnet.": ("mpnet.encoder.layer", [
        f"attention.attn.{x}" for x in "qkvo"] + BERT[4:], 2, True)}),
    "albert": (lambda: t.AlbertForMaskedLM(t.AlbertConfig(**dict(TEXT, num_hidden_layers=3), embedding_size=4)),
               {"albert.": ("albert.encoder.albert_layer_groups", [
                   f"albert_layers.0.{x}" for x in (
                       "attention.query", "attention.key", "attention.value", "attention.dense", "ffn", "ffn_output")],
                   2, True)}),
    "t5": (lambda: t.T5ForConditionalGeneration(t.T5Config(**T5, num_decoder_layers=1)), {"": ("encoder.block", [
        f"layer.0.SelfAttention.{x}" for x in "qkvo"] + [f"layer.1.DenseReluDense.{x}" for x in ("wi", "wo")],
        2, False)}),
    "clip": (lambda: t.CLIPModel(t.CLIPConfig(**PAIR)), {
        "text_model.": ("text_model.encoder.layers", TOWER, 2, False),
        "vision_model.": ("vision_model.encoder.layers", TOWER, 2, False)}),
    "clip_vision": (lambda: t.CLIPVisionModel(t.CLIPVisionConfig(**IMAGE)), {"": ("encoder.layers", TOWER, 2, False)}),
    "siglip": (lambda: t.SiglipModel(t.SiglipConfig(
        text_config=dict(TEXT, projection_size=8, **MARKS), vision_config=dict(IMAGE, num_attention_heads=4))), {
        "text_model.": ("text_model.encoder.layers", TOWER, 2, False),
        "vision_model.": ("vision_model.encoder.layers", TOWER, 4, False)}),
    "wav2vec2": (lambda: t.Wav2Vec2ForCTC(t.Wav2Vec2Config(**SPEECH)),
                 {"wav2vec2.": ("wav2vec2.encoder.layers", WAV, 2, True)}),
    "hubert": (lambda: t.HubertModel(t.HubertConfig(**STABLE)), {"": ("encoder.layers", WAV, 2, False)}),
    "wavlm": (lambda: t.WavLMForSequenceClassification(t.WavLMConfig(**SPEECH, classifier_proj_size=4, num_buckets=8)),
              {"wavlm.": ("wavlm.encoder.layers", WAV, 2, True)}),
    "data2vec_audio": (lambda: t.Data2VecAudioModel(t.Data2VecAudioConfig(**SPEECH)),
                       {"": ("encoder.layers", WAV, 2, True)}),
    "whisper": (lambda: t.WhisperForConditionalGeneration(t.WhisperConfig(
        **SEQUENCE, num_mel_bins=2, max_source_positions=4, max_target_positions=4)),
        {"model.": ("model.encoder.layers", BART, 2, False)}),
    "bart": (lambda: t.BartModel(t.BartConfig(**SEQUENCE, max_position_embeddings=4)),
             {"": ("encoder.layers", BART, 2, True)}),
    "mbart": (lambda: t.MBartModel(t.MBartConfig(**SEQUENCE, max_position_embeddings=4)),
              {"": ("encoder.layers", BART, 2, False)}),
    "data2vec_vision": (lambda: t.Data2VecVisionModel(t.Data2VecVisionConfig(**IMAGE)),
                        {"": ("encoder.layer", VIT, 2, False)}),
    "beit": (lambda: t.BeitForImageClassification(t.BeitConfig(**IMAGE)), {"beit.": ("beit.layers", VIT5, 2, False)}),
    "vit_msn": (lambda: t.ViTMSNModel(t.ViTMSNConfig(**IMAGE)), {"": ("layers", VIT5, 2, False)}),
    "dinov3": (lambda: t.DINOv3ViTModel(t.DINOv3ViTConfig(**IMAGE)), {"": ("model.layer", [
        f"attention.{x}_proj" for x in "qkvo"] + ["mlp.up_proj", "mlp.down_proj"], 2, False)}),
    "esm": (lambda: t.EsmModel(t.EsmConfig(**TEXT, pad_token_id=0, mask_token_id=1)),
            {"": ("encoder.layer", BERT, 2, False)}),
    "altclip": (lambda: t.AltCLIPModel(t.AltCLIPConfig(
        text_config=dict(TEXT, project_dim=8, **MARKS), vision_config=IMAGE, projection_dim=4)), {
        "text_model.roberta.": ("text_model.roberta.encoder.layers", BERT, 2, True),
        "vision_model.": ("vision_model.encoder.layers", TOWER, 2, False)}),
    "blip_vision": (lambda: t.BlipVisionModel(t.BlipVisionConfig(**IMAGE)), {"": ("encoder.layers", [
        "self_attn.qkv", "self_attn.projection", "mlp.fc1", "mlp.fc2"], 2, False)}),
    "vjepa2": (lambda: t.VJEPA2Model(t.VJEPA2Config(
        **{**SIZES, "hidden_size": 12}, mlp_ratio=1.5, crop_size=4, patch_size=2, frames_per_clip=2, pred_hidden_size=12,
        pred_num_attention_heads=2, pred_num_hidden_layers=1, pred_mlp_ratio=1, pred_num_mask_tokens=1)),
        {"": ("encoder.layer", [f"attention.{x}" for x in ("query", "key", "value", "proj")] + [
            "mlp.fc1", "mlp.fc2"], 2, False)}),
    "timesformer": (lambda: t.TimesformerModel(t.TimesformerConfig(**IMAGE, num_frames=2)), {"": ("encoder.layer", [
        "attention.attention.qkv", "attention.output.dense", "intermediate.dense", "output.dense"], 2, False)}),
    "led": (lambda: t.LEDModel(t.LEDConfig(
        **SEQUENCE, attention_window=2, max_encoder_position_embeddings=4, max_decoder_position_embeddings=4)),
        {"": ("encoder.layers", [f"self_attn.longformer_self_attn.{x}" for x in ("query", "key", "value")] + [
            "self_attn.output", "fc1", "fc2"], 2, True)}),
    "jina": (lambda: t.JinaEmbeddingsV3Model(t.JinaEmbeddingsV3Config(**TEXT, pad_token_id=0)), {"": ("layers", [
        f"self_attn.{x}_proj" for x in "qkvo"] + ["mlp.fc1", "mlp.fc2"], 2, True)}),
}

REFUSED = {
    "ModernBERT": lambda: t.ModernBertForMaskedLM(t.ModernBertConfig(**TEXT, **MARKS, cls_token_id=1, sep_token_id=2)),
    "gated T5": lambda: t.T5EncoderModel(t.T5Config(**T5, feed_forward_proj="gated-gelu")),
    "GPT-2": lambda: t.GPT2LMHeadModel(t.GPT2Config(n_embd=8, n_layer=2, n_head=2, vocab_size=4, n_positions=6)),
    "Nomic BERT": lambda: t.NomicBertModel(t.NomicBertConfig(**TEXT, pad_token_id=0)),
    "Llama": lambda: t.LlamaModel(t.LlamaConfig(**TEXT, **MARKS)),
    "OPT": lambda: t.OPTModel(t.OPTConfig(hidden_size=8, num_hidden_layers=2, ffn_dim=12, num_attention_heads=2,
                                          vocab_size=4, max_position_embeddings=6, word_embed_proj_dim=8, **MARKS)),
    "DeBERTa": lambda: t.DebertaModel(t.DebertaConfig(**TEXT)),
    "MobileBERT": lambda: t.MobileBertModel(t.MobileBertConfig(**TEXT, embedding_size=4, intra_bottleneck_size=4)),
    "ALBERT groups": lambda: t.AlbertModel(t.AlbertConfig(**TEXT, embedding_size=4, inner_group_num=2)),
}


def linears(layer: nn.Module, paths: list) -> dict:
    modules = [layer.get_submodule(path) for path in paths]
    *qkv, projection, fc1, fc2 = modules
    result = {"attn.qkv.weight": torch.cat([module.weight for module in qkv])}
    if any(module.bias is not None for module in qkv):
        result["attn.qkv.bias"] = torch.cat([
            torch.zeros(len(module.weight)) if module.bias is None else module.bias for module in qkv])
    for name, module in [("attn.proj", projection), ("mlp.fc1", fc1), ("mlp.fc2", fc2)]:
        result[f"{name}.weight"] = module.weight
        if module.bias is not None:
            result[f"{name}.bias"] = module.bias
    return result


def save(name: str, saved: dict, state: dict, expected: dict, heads: dict, post_norm: dict, config: dict) -> None:
    tensors = {f"weights.{key}": array(value) for key, value in saved.items()}
    tensors |= {f"state.{key}": array(value) for key, value in state.items() if key not in saved}
    tensors |= {f"expected.{key}": array(value) for key, value in expected.items()}
    omitted = sorted(set(saved) - set(state))
    write(HERE / f"{name}.safetensors", tensors, config=config, omitted=omitted, heads=heads, post_norm=post_norm,
          versions={"torch": torch.__version__, "transformers": t.__version__})


def make(name: str, seed: int) -> None:
    build, encoders = MODELS[name]
    torch.manual_seed(seed)
    model = build().eval()
    randomize(model, seed)
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        saved = load_file(f"{folder}/model.safetensors")
        config = json.loads(Path(f"{folder}/config.json").read_text())
    expected = {}
    for prefix, (path, paths, _, _) in encoders.items():
        for index, layer in enumerate(model.get_submodule(path)):
            for key, value in linears(layer, paths).items():
                expected[f"{prefix}|blocks.{index}.{key}"] = value
    # Constant tables need not be kept.
    state = {key: value for key, value in model.state_dict().items() if value.is_floating_point()}
    save(name, saved, state, expected, {key: value[2] for key, value in encoders.items()},
         {key: value[3] for key, value in encoders.items()}, config)


def make_fused(seed: int) -> None:
    """Layers with torch.nn.MultiheadAttention: OpenCLIP's towers, torchvision's ViT, torch.nn.TransformerEncoder."""
    sizes = dict(layers=2, width=8, mlp_ratio=1.5)
    clip = CLIP(
        embed_dim=4, vision_cfg=CLIPVisionCfg(**sizes, head_width=4, patch_size=2, image_size=4),
        text_cfg=CLIPTextCfg(**sizes, heads=2, context_length=4, vocab_size=4))
    vision = VisionTransformer(image_size=4, patch_size=2, num_layers=2, num_heads=2, hidden_dim=8, mlp_dim=12)
    vision.heads = nn.Identity()
    encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 12), num_layers=2, enable_nested_tensor=False)
    # name: model, path of the layers by prefix, attention, fc1, fc2, post-norm
    for name, model, encoders, paths, is_post in [
        ("open_clip", clip,
         {"transformer.": "transformer.resblocks", "visual.transformer.": "visual.transformer.resblocks"},
         ["attn", "mlp.c_fc", "mlp.c_proj"], False),
        ("torchvision_vit", vision, {"": "encoder.layers"}, ["self_attention", "mlp.0", "mlp.3"], False),
        ("torch_encoder", encoder, {"": "layers"}, ["self_attn", "linear1", "linear2"], True),
    ]:
        randomize(model, seed)
        expected = {}
        for prefix, path in encoders.items():
            for index, layer in enumerate(model.get_submodule(path).children()):
                attention, fc1, fc2 = [layer.get_submodule(path) for path in paths]
                found = {"attn.qkv.weight": attention.in_proj_weight, "attn.qkv.bias": attention.in_proj_bias}
                for key, module in [("attn.proj", attention.out_proj), ("mlp.fc1", fc1), ("mlp.fc2", fc2)]:
                    found |= {f"{key}.weight": module.weight, f"{key}.bias": module.bias}
                expected |= {f"{prefix}|blocks.{index}.{key}": value for key, value in found.items()}
        state = model.state_dict()
        save(name, state, state, expected, {}, {prefix: is_post for prefix in encoders}, {})


def make_names() -> None:
    names = {}
    for name, build in REFUSED.items():
        with tempfile.TemporaryDirectory() as folder:
            build().save_pretrained(folder)
            tensors = load_file(f"{folder}/model.safetensors")
        names[name] = {key: list(value.shape) for key, value in sorted(tensors.items())}
    (HERE / "names.json").write_text(json.dumps(names, indent=0, sort_keys=True) + "\n")


if __name__ == "__main__":
    torch.set_num_threads(1)
    for index, name in enumerate(MODELS):
        make(name, 700 + index)
    make_fused(760)
    make_names()
