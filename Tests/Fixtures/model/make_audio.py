"""Goldens of whole audio transformers: tiny models of the original definitions.

    python Tests/Fixtures/model/make_audio.py    # rewrites audio_*.safetensors, same bytes each time

audio_mae: AudioMAE's fine-tuned encoder, rebuilt from models_vit.py and audio_models_vit.py of its repository as a timm
VisionTransformer with a patch embedding of time x mel rectangles, fixed sin-cos positions of a rectangle, and fc_norm
after the mean of the patch tokens. audio_mae_pretraining: the same before fine-tuning, models_mae.py's encoder with its
own norm and no head, next to the tensors of its Transformer decoder; metadata `swin_decoder` has the names and shapes of
the Swin decoder that its files have instead (timm_patch/swin_transformer.py). audio_ast*: transformers' AST as it
saves it. Tensors: weights.NAME; input as the model here reads it, (B, 1, H, W); float64.{features,logits}. Metadata: `config`,
and `preprocessor` of AST. Needs torch, timm, transformers 5.24.
"""
import copy
import json
import sys
import tempfile
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import nn

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))
from oracle import array, import_timm, randomize, write

timm = import_timm()
import transformers
from safetensors.torch import load_file
from transformers.models.audio_spectrogram_transformer import modeling_audio_spectrogram_transformer as ast

LABELS = dict(id2label={index: f"class {index}" for index in range(5)}, label2id={f"class {i}": i for i in range(5)})


def sin_cos(width: int, positions: np.ndarray) -> np.ndarray:
    """(width / 2 sines, width / 2 cosines) of each position, as MAE has them."""
    omega = 1 / 10000 ** (np.arange(width // 2) / (width / 2))
    angles = positions.reshape(-1)[:, None] * omega[None]
    return np.concatenate([np.sin(angles), np.cos(angles)], axis=1)


def make_audio_mae() -> None:
    (frames, bins), patch, width = (64, 32), 16, 32
    model = timm.models.vision_transformer.VisionTransformer(
        img_size=(frames, bins), patch_size=patch, in_chans=1, num_classes=7, embed_dim=width, depth=2, num_heads=2,
        mlp_ratio=1.5, qkv_bias=True, global_pool="avg", class_token=True, fc_norm=True,
        norm_layer=partial(nn.LayerNorm, eps=1e-6)).eval()
    randomize(model, 400)
    grid = np.meshgrid(np.arange(bins // patch), np.arange(frames // patch))
    table = np.concatenate([sin_cos(width // 2, grid[0]), sin_cos(width // 2, grid[1])], axis=1)
    with torch.no_grad():
        model.pos_embed.copy_(torch.from_numpy(np.concatenate([np.zeros((1, width)), table]))[None])
    image = torch.randn(2, 1, frames, bins, generator=torch.Generator().manual_seed(1400))
    config = {
        "architecture": "vit_audio_mae", "num_classes": 7, "global_pool": "avg",
        "model_args": {"img_size": [frames, bins], "patch_size": patch, "in_chans": 1, "embed_dim": width, "depth": 2,
                       "num_heads": 2, "mlp_ratio": 1.5, "global_pool": "avg", "fc_norm": True},
        "m2pt": {"modality": "audio", "task": "multi_label",
                 "audio": {"mean": -6.6268077, "std": 5.358466, "sample_rate": 16000}},
    }
    double = copy.deepcopy(model).double()
    with torch.inference_mode():
        # forward_features of AudioMAE: positions are added to patches and class token, the mean leaves the latter out.
        x = double.patch_embed(image.double()) + double.pos_embed[:, 1:]
        x = torch.cat([(double.cls_token + double.pos_embed[:, :1]).expand(2, -1, -1), x], dim=1)
        for block in double.blocks:
            x = block(x)
        logits = double.head(double.fc_norm(x[:, 1:].mean(dim=1)))
        assert torch.equal(logits, double(image.double())) or torch.allclose(logits, double(image.double()))
    weights = {f"weights.{key}": array(value) for key, value in model.state_dict().items()}
    write(HERE / "audio_mae.safetensors", weights | {
        "input": array(image), "float64.features": array(x), "float64.logits": array(logits)}, config=config,
        versions={"torch": torch.__version__, "timm": timm.__version__})


def make_audio_mae_pretraining() -> None:
    (frames, bins), patch, width, narrow = (64, 32), 16, 32, 16
    model = timm.models.vision_transformer.VisionTransformer(
        img_size=(frames, bins), patch_size=patch, in_chans=1, num_classes=0, embed_dim=width, depth=2, num_heads=2,
        mlp_ratio=1.5, qkv_bias=True, global_pool="", class_token=True,
        norm_layer=partial(nn.LayerNorm, eps=1e-6)).eval()
    tokens = model.pos_embed.shape[1]
    model.mask_token = nn.Parameter(torch.zeros(1, 1, narrow))
    model.decoder_pos_embed = nn.Parameter(torch.zeros(1, tokens, narrow))
    model.decoder_embed = nn.Linear(width, narrow)
    model.decoder_blocks = nn.ModuleList([timm.models.vision_transformer.Block(narrow, 2, 1.5, qkv_bias=True)])
    model.decoder_norm = nn.LayerNorm(narrow)
    model.decoder_pred = nn.Linear(narrow, patch * patch)
    randomize(model, 420)
    image = torch.randn(2, 1, frames, bins, generator=torch.Generator().manual_seed(1420))
    double = copy.deepcopy(model).double()
    with torch.inference_mode():
        # forward_encoder without masking.
        x = double.patch_embed(image.double()) + double.pos_embed[:, 1:]
        x = torch.cat([(double.cls_token + double.pos_embed[:, :1]).expand(2, -1, -1), x], dim=1)
        for block in double.blocks:
            x = block(x)
        x = double.norm(x)
    swin = {}
    for index in range(2):
        block = f"decoder_blocks.{index}."
        for name, shape in [
            ("norm1", [narrow]), ("norm2", [narrow]), ("attn.qkv", [3 * narrow, narrow]),
            ("attn.proj", [narrow, narrow]), ("attn.meta_mlp.fc1", [8, 2]), ("attn.meta_mlp.fc2", [2, 8]),
            ("mlp.fc1", [24, narrow]), ("mlp.fc2", [narrow, 24]),
        ]:
            swin |= {f"{block}{name}.weight": shape, f"{block}{name}.bias": shape[:1]}
        swin[f"{block}attn.tau"] = [2]
    weights = {f"weights.{key}": array(value) for key, value in model.state_dict().items()}
    write(HERE / "audio_mae_pretraining.safetensors", weights | {
        "input": array(image), "float64.features": array(x), "float64.pooled": array(x[:, 1:].mean(dim=1))},
        swin_decoder=swin, versions={"torch": torch.__version__, "timm": timm.__version__})


def make_ast(name: str, seed: int, kind, **options) -> None:
    settings = ast.ASTConfig(
        hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=48, patch_size=16,
        frequency_stride=10, time_stride=8, max_length=60, num_mel_bins=40, **options)
    model = kind(settings).eval()
    randomize(model, seed)
    spectrogram = torch.randn(2, 60, 40, generator=torch.Generator().manual_seed(seed + 1000))
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        weights = load_file(f"{folder}/model.safetensors")
        config = json.loads(Path(f"{folder}/config.json").read_text())
    extractor = {"feature_extractor_type": "ASTFeatureExtractor", "sampling_rate": 16000, "num_mel_bins": 40,
                 "max_length": 60, "do_normalize": True, "mean": -5.0, "std": 3.5, "padding_value": 0.0,
                 "return_attention_mask": False}
    tensors = {f"weights.{key}": array(value) for key, value in weights.items()}
    tensors["input"] = array(spectrogram.transpose(1, 2)[:, None].contiguous())
    double = copy.deepcopy(model).double()
    with torch.inference_mode():
        base = getattr(double, double.base_model_prefix, double)
        output = base(spectrogram.double())
        tensors["float64.features"] = array(output.last_hidden_state)
        tensors["float64.pooled"] = array(output.pooler_output)
        if kind is ast.ASTForAudioClassification:
            tensors["float64.logits"] = array(double(spectrogram.double()).logits)
    write(HERE / f"audio_{name}.safetensors", tensors, config=config, preprocessor=extractor, versions={
        "torch": torch.__version__, "transformers": transformers.__version__})


if __name__ == "__main__":
    torch.set_num_threads(1)
    make_audio_mae()
    make_ast("ast", 410, ast.ASTForAudioClassification, problem_type="multi_label_classification", **LABELS)
    make_ast("ast_backbone", 411, ast.ASTModel, qkv_bias=False)
    make_audio_mae_pretraining()
