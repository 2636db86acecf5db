"""Goldens for video models: VideoMAE's, rebuilt from its description, M2PT's form of it, and Hugging Face's own.

    python Tests/Fixtures/model/make_videos.py    # rewrites video_*.safetensors, same bytes each time

One file a model. Tensors: weights.NAME in float32, NAME as the origin writes it; input (2, 3, T, H, W); and
float64.{features,pooled,logits}, computed in double: features are the last block's tokens. Metadata: `config` is
config.json. `positions` (1, N, C) in video_positions: VideoMAE's table as NumPy makes it. Needs transformers 5.24.
"""
import copy
import json
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from torch import nn

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))
from oracle import array, import_timm, randomize, write

import_timm()
import transformers
from safetensors.torch import load_file
from transformers.models.videomae import modeling_videomae as videomae

VERSIONS = {"torch": torch.__version__, "transformers": transformers.__version__}
WIDTH, DEPTH, HEADS, CLASSES = 32, 2, 2, 5


def sinusoids(count: int, width: int) -> torch.Tensor:
    """Position p at channel c: p / 10000^(2 floor(c / 2) / width), sine of it for even c, cosine for odd."""
    angles = np.arange(count)[:, None] / np.power(10000, 2 * (np.arange(width) // 2) / width)[None]
    angles[:, 0::2] = np.sin(angles[:, 0::2])
    angles[:, 1::2] = np.cos(angles[:, 1::2])
    return torch.tensor(angles, dtype=torch.float32)[None]


class JoinedLinear(nn.Linear):
    """M2PT's training form of a linear layer."""

    def __init__(self, rows: int, columns: int, bias: bool = True):
        super().__init__(columns, rows, bias=bias)
        self.aux_weight = nn.Parameter(torch.zeros(rows, columns))
        self.cross_modal_scale = nn.Parameter(torch.zeros(1))

    def forward(self, x):
        return nn.functional.linear(x, self.weight + self.cross_modal_scale * self.aux_weight, self.bias)


def linear(joined: bool, rows: int, columns: int, bias: bool = True) -> nn.Module:
    return JoinedLinear(rows, columns, bias) if joined else nn.Linear(columns, rows, bias=bias)


class Attention(nn.Module):
    def __init__(self, joined: bool):
        super().__init__()
        self.qkv = linear(joined, 3 * WIDTH, WIDTH, bias=False)
        self.q_bias = nn.Parameter(torch.zeros(WIDTH))
        self.v_bias = nn.Parameter(torch.zeros(WIDTH))
        self.proj = linear(joined, WIDTH, WIDTH)

    def forward(self, x):
        bias = torch.cat([self.q_bias, torch.zeros_like(self.q_bias), self.v_bias])
        qkv = (self.qkv(x) + bias).unflatten(-1, (3, HEADS, -1)).permute(2, 0, 3, 1, 4)
        scores = qkv[0] @ qkv[1].mT * (WIDTH // HEADS) ** -0.5
        return self.proj((scores.softmax(-1) @ qkv[2]).transpose(1, 2).flatten(2))


class Mlp(nn.Module):
    def __init__(self, joined: bool):
        super().__init__()
        self.fc1 = linear(joined, 2 * WIDTH, WIDTH)
        self.fc2 = linear(joined, WIDTH, 2 * WIDTH)

    def forward(self, x):
        return self.fc2(nn.functional.gelu(self.fc1(x)))


class Block(nn.Module):
    def __init__(self, joined: bool, scaled: bool):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(WIDTH, eps=1e-6), nn.LayerNorm(WIDTH, eps=1e-6)
        self.attn, self.mlp = Attention(joined), Mlp(joined)
        if scaled:
            self.gamma_1, self.gamma_2 = nn.Parameter(torch.ones(WIDTH)), nn.Parameter(torch.ones(WIDTH))

    def forward(self, x):
        x = x + getattr(self, "gamma_1", 1) * self.attn(self.norm1(x))
        return x + getattr(self, "gamma_2", 1) * self.mlp(self.norm2(x))


class PatchEmbed(nn.Module):
    def __init__(self, tubelet: int, patch: tuple):
        super().__init__()
        kernel = (tubelet, *patch)
        self.proj = nn.Conv3d(3, WIDTH, kernel, stride=kernel) if tubelet > 1 else nn.Conv2d(3, WIDTH, patch, patch)

    def forward(self, x):
        if isinstance(self.proj, nn.Conv3d):
            return self.proj(x).flatten(2).mT
        # The paper's per-frame patches: the frames' tokens one after the other.
        frames = self.proj(x.transpose(1, 2).flatten(0, 1)).flatten(2).mT
        return frames.unflatten(0, (x.shape[0], x.shape[2])).flatten(1, 2)


class Model(nn.Module):
    def __init__(self, frames=4, tubelet=2, size=(32, 16), patch=(8, 8), joined=False, scaled=False, learned=False):
        super().__init__()
        self.input = (3, frames, *size)
        count = frames // tubelet * (size[0] // patch[0]) * (size[1] // patch[1])
        self.patch_embed = PatchEmbed(tubelet, patch)
        if learned:
            self.pos_embed = nn.Parameter(torch.zeros(1, count, WIDTH))
        else:
            self.pos_embed = sinusoids(count, WIDTH)
        self.blocks = nn.ModuleList(Block(joined, scaled) for _ in range(DEPTH))
        self.fc_norm = nn.LayerNorm(WIDTH, eps=1e-6)
        self.head = nn.Linear(WIDTH, CLASSES)
        self.config = {
            "architecture": "vit_small_patch16_224", "num_classes": CLASSES, "global_pool": "avg",
            "model_args": {
                "img_size": list(size), "patch_size": list(patch), "embed_dim": WIDTH, "depth": DEPTH,
                "num_heads": HEADS, "mlp_ratio": 2, "class_token": False, "init_values": 1e-5 if scaled else 0,
            },
            "m2pt": {"modality": "video", "video": {"frames": frames, "tubelet": tubelet}},
        }

    def forward(self, x):
        x = self.patch_embed(x)
        x = x + self.pos_embed.to(x.dtype)
        for block in self.blocks:
            x = block(x)
        pooled = self.fc_norm(x.mean(1))
        return {"features": x, "pooled": pooled, "logits": self.head(pooled)}


MODELS = {
    "mae": lambda: Model(),
    "scaled": lambda: Model(frames=7, tubelet=3, size=(20, 29), patch=(5, 7), scaled=True),
    "frames": lambda: Model(frames=3, tubelet=1, size=(16, 24), learned=True),
    "m2pt": lambda: Model(joined=True),
}


def clip(shape: tuple, seed: int) -> torch.Tensor:
    return torch.randn(2, *shape, generator=torch.Generator().manual_seed(seed)).clamp(-1, 1)


@torch.inference_mode()
def make(name: str, seed: int) -> None:
    model = MODELS[name]().eval()
    randomize(model, seed)
    x = clip(model.input, seed + 1000)
    tensors = {"input": array(x)} | {f"weights.{key}": array(value) for key, value in model.state_dict().items()}
    result = copy.deepcopy(model).double()(x.double())
    tensors |= {f"float64.{key}": array(value) for key, value in result.items()}
    write(HERE / f"video_{name}.safetensors", tensors, config=model.config, versions=VERSIONS)


SIZES = dict(
    hidden_size=WIDTH, num_hidden_layers=DEPTH, num_attention_heads=HEADS, intermediate_size=48, image_size=16,
    patch_size=8, num_frames=4, tubelet_size=2)
LABELS = dict(id2label={index: f"class {index}" for index in range(5)}, label2id={f"class {i}": i for i in range(5)})
HUGGING_FACE = {
    "classifier": lambda: videomae.VideoMAEForVideoClassification(videomae.VideoMAEConfig(**SIZES, **LABELS)),
    "backbone": lambda: videomae.VideoMAEModel(videomae.VideoMAEConfig(**SIZES, use_mean_pooling=False)),
}


@torch.inference_mode()
def make_hugging_face(name: str, seed: int) -> None:
    model = HUGGING_FACE[name]().eval()
    randomize(model, seed)
    x = clip((3, 4, 16, 16), seed + 1000)
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        weights = load_file(f"{folder}/model.safetensors")
        config = json.loads(Path(f"{folder}/config.json").read_text())
    if name == "classifier":  # as the library wrote them until version 5
        for key in [key for key in weights if key.endswith((".query.bias", ".value.bias"))]:
            short = key.replace(".query.bias", ".q_bias").replace(".value.bias", ".v_bias")
            weights[short] = weights.pop(key)
    tensors = {"input": array(x)} | {f"weights.{key}": array(value) for key, value in weights.items()}
    double = copy.deepcopy(model).double()
    frames = x.double().transpose(1, 2)
    base = getattr(double, double.base_model_prefix, double)
    tensors["float64.features"] = array(base(frames).last_hidden_state)
    if "classifier.weight" in weights:
        tensors["float64.logits"] = array(double(frames).logits)
    write(HERE / f"video_hugging_face_{name}.safetensors", tensors, config=config, versions=VERSIONS)


if __name__ == "__main__":
    torch.set_num_threads(1)
    for index, name in enumerate(MODELS):
        make(name, 400 + index)
    for index, name in enumerate(HUGGING_FACE):
        make_hugging_face(name, 450 + index)
    table = sinusoids(1568, 768)[:, ::97].contiguous()
    write(HERE / "video_positions.safetensors", {"positions": array(table)}, versions=VERSIONS)
