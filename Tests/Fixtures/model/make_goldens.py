"""Goldens for the vision transformer: tiny timm models of every configuration, one dissected block, one pathway model.

    python Tests/Fixtures/model/make_goldens.py    # rewrites every *.safetensors in this folder, same bytes each time

One file a model. Tensors:
    weights.NAME          float32 (float16, bfloat16 where the file is named so), NAME as timm writes it
    input                 (2, 3, H, W) float32, already normalised pixels
    float64.X             X computed throughout in double from those weights; float32.X, the last three only: by PyTorch
        block.N           (2, T, C) output of block N, T tokens with the prefix ones first
        features          (2, T, C) after the final norm (the output of the last block if the norm is after pooling)
        pooled            (2, C) the input of the head, after fc_norm if there is one
        logits            (2, classes); absent without a head
Metadata: `config` is the model's config.json in timm's style, `versions` says what made the file.
"""
import copy
import json
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import torch
from torch import nn

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))
from oracle import array, import_timm, randomize, write

timm = import_timm()
VERSIONS = {"torch": torch.__version__, "timm": timm.__version__}
ARCHITECTURE = "vit_tiny_patch16_224"  # every dimension of it is overridden by model_args

# Name: (classes, pooling, model_args). The image size may be a pair (height, width), as may the patch size.
# Head sizes here: 16, 20, 24, 32, 40, 48, 64; hidden widths 0.5, 1, 1.75, 2 and 4 times the width.
MODELS = {
    "token": (10, "token", dict(img_size=32, patch_size=8, embed_dim=32, depth=3, num_heads=2, mlp_ratio=1)),
    "mean_no_class_token": (
        10, "avg", dict(img_size=32, patch_size=8, embed_dim=48, depth=1, num_heads=2, class_token=False, mlp_ratio=1)),
    "mae": (10, "avg", dict(img_size=32, patch_size=8, embed_dim=48, depth=1, num_heads=1, mlp_ratio=1)),
    "registers": (
        10, "token", dict(img_size=32, patch_size=8, embed_dim=32, depth=2, num_heads=1, reg_tokens=4,
                          no_embed_class=True, mlp_ratio=2)),
    "registers_embedded": (
        10, "avg", dict(img_size=32, patch_size=8, embed_dim=32, depth=2, num_heads=2, reg_tokens=4, fc_norm=False,
                        mlp_ratio=2)),
    "pre_norm": (
        10, "token", dict(img_size=32, patch_size=8, embed_dim=40, depth=2, num_heads=1, pre_norm=True, mlp_ratio=1)),
    "layer_scale": (
        10, "token", dict(img_size=32, patch_size=8, embed_dim=32, depth=2, num_heads=2, init_values=1e-5)),
    "no_qkv_bias": (
        10, "token", dict(img_size=32, patch_size=8, embed_dim=32, depth=2, num_heads=2, qkv_bias=False, mlp_ratio=1)),
    "query_value_bias": (
        10, "avg", dict(img_size=32, patch_size=8, embed_dim=32, depth=2, num_heads=1, class_token=False, mlp_ratio=2)),
    "mean_max": (10, "avgmax", dict(img_size=32, patch_size=8, embed_dim=32, depth=1, num_heads=2, mlp_ratio=2)),
    "max": (10, "max", dict(img_size=32, patch_size=8, embed_dim=32, depth=1, num_heads=2, mlp_ratio=2, fc_norm=False)),
    "rectangle": (
        10, "token", dict(img_size=(32, 48), patch_size=(4, 8), embed_dim=32, depth=2, num_heads=2, mlp_ratio=1)),
    "headless": (0, "token", dict(img_size=32, patch_size=8, embed_dim=64, depth=1, num_heads=1, mlp_ratio=0.5)),
    "odd_sizes": (
        7, "token", dict(img_size=(40, 24), patch_size=8, embed_dim=40, depth=2, num_heads=2, mlp_ratio=1.75)),
}


class QueryValueBiasAttention(nn.Module):
    """Attention of BEiT and VideoMAE: qkv has no bias of its own, queries and values get one, keys none."""

    def __init__(self, plain: nn.Module):
        super().__init__()
        width = plain.qkv.in_features
        self.heads = plain.num_heads
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.q_bias = nn.Parameter(torch.zeros(width))
        self.v_bias = nn.Parameter(torch.zeros(width))
        self.proj = nn.Linear(width, width)

    def forward(self, x, **_):
        batch, tokens, width = x.shape
        bias = torch.cat([self.q_bias, torch.zeros_like(self.q_bias), self.v_bias])
        qkv = nn.functional.linear(x, self.qkv.weight, bias)
        q, k, v = qkv.reshape(batch, tokens, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        attention = (q @ k.transpose(-2, -1) * q.shape[-1] ** -0.5).softmax(dim=-1)
        return self.proj((attention @ v).transpose(1, 2).reshape(batch, tokens, width))


def build(name: str, seed: int):
    classes, pooling, arguments = MODELS[name]
    model = timm.create_model(ARCHITECTURE, num_classes=classes, global_pool=pooling, **arguments)
    if name == "query_value_bias":
        for block in model.blocks:
            block.attn = QueryValueBiasAttention(block.attn)
    randomize(model, seed)
    model.eval()
    height, width = model.patch_embed.img_size
    config = {
        "architecture": ARCHITECTURE, "num_classes": classes, "num_features": model.num_features,
        "global_pool": pooling, "model_args": arguments,
        "pretrained_cfg": {
            "input_size": [3, height, width], "fixed_input_size": True, "interpolation": "bicubic", "crop_pct": 0.9,
            "mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5], "num_classes": classes, "first_conv": "patch_embed.proj",
            "classifier": "head",
        },
    }
    return model, config


@torch.inference_mode()
def outputs(model: nn.Module, image: torch.Tensor, prefix: str) -> dict:
    blocks = {}
    hooks = [
        block.register_forward_hook(lambda _m, _i, result, index=index: blocks.__setitem__(f"block.{index}", result))
        for index, block in enumerate(model.blocks)
    ]
    features = model.forward_features(image)
    for hook in hooks:
        hook.remove()
    result = blocks | {"features": features, "pooled": model.forward_head(features, pre_logits=True)}
    if model.num_classes:
        result["logits"] = model(image)
    return {f"{prefix}.{key}": array(value) for key, value in result.items()}


def picture(model: nn.Module, seed: int) -> torch.Tensor:
    """Smooth colour waves with noise on top, in the range of normalised pixels."""
    height, width = model.patch_embed.img_size
    generator = torch.Generator().manual_seed(seed)
    y, x = torch.meshgrid(torch.linspace(0, 1, height), torch.linspace(0, 1, width), indexing="ij")
    frequency = torch.rand(2, 3, 2, 1, 1, generator=generator) * 12
    waves = torch.sin(frequency[:, :, 0] * y + frequency[:, :, 1] * x)
    return (waves + 0.3 * torch.randn(2, 3, height, width, generator=generator)).clamp(-1, 1).float()


def make_model(name: str, seed: int, dtype: torch.dtype = torch.float32, suffix: str = "") -> None:
    model, config = build(name, seed)
    with torch.no_grad():
        for parameter in model.parameters():  # both computations start from the numbers that the file can represent
            parameter.copy_(parameter.to(dtype))
    image = picture(model, seed + 1000)
    tensors = {"input": array(image)}
    single = outputs(model, image, "float32")
    tensors |= {key: value for key, value in single.items() if ".block." not in key}  # shows the error of float32
    tensors |= outputs(copy.deepcopy(model).double(), image.double(), "float64")
    check_reload(name, model, config, image)
    weights = {f"weights.{key}": value.to(dtype) for key, value in model.state_dict().items()}
    if dtype == torch.bfloat16:  # numpy has no bfloat16; ml_dtypes gives safetensors one
        import ml_dtypes
        weights = {key: array(value.float()).astype(ml_dtypes.bfloat16) for key, value in weights.items()}
    else:
        weights = {key: array(value) for key, value in weights.items()}
    write(HERE / f"{name}{suffix}.safetensors", tensors | weights, config=config, versions=VERSIONS)


def check_reload(name: str, model: nn.Module, config: dict, image: torch.Tensor) -> None:
    """timm must be able to build the model again from the config only."""
    if name == "query_value_bias":
        return  # timm has no such VisionTransformer: the bias kind shows in the tensor names only
    config = json.loads(json.dumps(config))
    twin = timm.create_model(
        config["architecture"], num_classes=config["num_classes"], global_pool=config["global_pool"],
        **config["model_args"])
    twin.load_state_dict(model.state_dict(), strict=True)
    with torch.inference_mode():
        assert torch.equal(twin.eval()(image), model(image)), name


def make_block() -> None:
    """One block taken apart. With x the input, gamma the LayerScale vectors:

    norm1(x) -> qkv (1, T, 3C) -> attention (1, H, T, T) probabilities -> context (1, T, C) heads side by side -> proj
    -> residual = x + gamma1 * proj -> norm2 -> fc1 (1, T, M) before GELU -> gelu -> fc2
    -> output = residual + gamma2 * fc2
    """
    from timm.models.vision_transformer import Block
    width, heads, tokens = 48, 2, 19
    block = Block(width, heads, mlp_ratio=2, qkv_bias=True, init_values=1e-5).eval()
    randomize(block, 7)
    x = torch.randn(1, tokens, width, generator=torch.Generator().manual_seed(8))

    @torch.inference_mode()
    def dissect(block, x, prefix):
        attn = block.attn
        steps = {"norm1": block.norm1(x)}
        steps["qkv"] = attn.qkv(steps["norm1"])
        q, k, v = steps["qkv"].reshape(1, tokens, 3, heads, -1).permute(2, 0, 3, 1, 4)
        steps["attention"] = (q @ k.transpose(-2, -1) * attn.scale).softmax(dim=-1)
        steps["context"] = (steps["attention"] @ v).transpose(1, 2).reshape(1, tokens, width)
        steps["proj"] = attn.proj(steps["context"])
        steps["residual"] = x + block.ls1(steps["proj"])
        steps["norm2"] = block.norm2(steps["residual"])
        steps["fc1"] = block.mlp.fc1(steps["norm2"])
        steps["gelu"] = block.mlp.act(steps["fc1"])
        steps["fc2"] = block.mlp.fc2(steps["gelu"])
        steps["output"] = steps["residual"] + block.ls2(steps["fc2"])
        scale = block(x).abs().max()
        assert (block(x) - steps["output"]).abs().max() < 1e-5 * scale
        return {f"{prefix}.{key}": array(value) for key, value in steps.items()}

    tensors = {"input": array(x)} | {f"weights.{key}": array(value) for key, value in block.state_dict().items()}
    tensors |= dissect(copy.deepcopy(block).double(), x.double(), "float64")
    tensors["float32.output"] = dissect(block, x, "float32")["float32.output"]
    write(HERE / "block.safetensors", tensors, heads=str(heads), epsilon="1e-6", versions=VERSIONS)


LAYERS = ("attn.qkv", "attn.proj", "mlp.fc1", "mlp.fc2")


def fused(weight: np.ndarray, terms: list) -> np.ndarray:
    """fma(scale_m, W'_m, ...fma(scale_0, W'_0, W)) in float32, each step rounded once.

    The double result is exact up to its own rounding; where that could have tipped the rounding to float32 (it lies
    within one double ulp of the middle of two floats), the step is redone in rational numbers.
    """
    for scale, other in terms:
        exact = np.float64(scale) * other.astype(np.float64) + weight.astype(np.float64)
        rounded = exact.astype(np.float32)
        above, below = np.nextafter(exact, np.inf).astype(np.float32), np.nextafter(exact, -np.inf).astype(np.float32)
        for index in np.argwhere((above != rounded) | (below != rounded)):
            index = tuple(index)
            true = Fraction(float(scale)) * Fraction(float(other[index])) + Fraction(float(weight[index]))
            candidates = {float(rounded[index]), float(above[index]), float(below[index])}
            distances = sorted((abs(Fraction(candidate) - true), candidate) for candidate in candidates)
            assert len(distances) == 1 or distances[0][0] != distances[1][0], "an exact tie: choose another seed"
            rounded[index] = distances[0][1]
        weight = rounded
    return weight


def make_pathway() -> None:
    """A target (timm names under `target.`) with two auxiliaries (`auxiliary.0.`, `auxiliary.1.`: blocks only).

    Four cases, each a list of auxiliaries with block map (target to auxiliary) and bias rule, are in metadata `cases`;
    the scales, one object per auxiliary, in metadata `scales`.
    float64.CASE.{features,logits}: the model with W + sum lambda W' formed in double, nothing rounded.
    merged.CASE.blocks.0.*: block 0's merged tensors in float32, one fused multiply-add per auxiliary in their order, to
    the bit: the weights of `two`, the biases of `combined`.
    """
    arguments = dict(img_size=32, patch_size=8, embed_dim=32, depth=2, num_heads=2, mlp_ratio=2)
    MODELS["pathway"] = (10, "token", arguments)
    target, config = build("pathway", 31)
    auxiliaries = [build("pathway", 32)[0], build("pathway", 33)[0]]
    image = picture(target, 1031)
    generator = torch.Generator().manual_seed(34)
    names = [f"blocks.{block}.{layer}" for block in range(2) for layer in LAYERS]
    scale = lambda: float((0.3 * torch.randn((), generator=generator)).float())  # exact in float32
    scales = [{name: scale() for name in names} for _ in auxiliaries]
    identity, swapped = {"0": 0, "1": 1}, {"0": 1, "1": 0}
    cases = {
        "one": {"auxiliaries": [0], "block_map": identity, "bias": "target"},
        "combined": {"auxiliaries": [0], "block_map": identity, "bias": "combined"},
        "two": {"auxiliaries": [0, 1], "block_map": identity, "bias": "target"},
        "reversed": {"auxiliaries": [0], "block_map": swapped, "bias": "target"},
    }
    blocks = [
        {key: value for key, value in auxiliary.state_dict().items() if key.startswith("blocks.")}
        for auxiliary in auxiliaries
    ]
    tensors = {"input": array(image)} | {f"target.{key}": array(value) for key, value in target.state_dict().items()}
    for index, auxiliary in enumerate(blocks):
        tensors |= {f"auxiliary.{index}.{key}": array(value) for key, value in auxiliary.items()}
    for case, rule in cases.items():
        merged = copy.deepcopy(target).double()
        state = merged.state_dict()
        for name in names:
            _, block, layer = name.split(".", 2)
            source = f"blocks.{rule['block_map'][block]}.{layer}"
            for part in ("weight", "bias") if rule["bias"] == "combined" else ("weight",):
                key = f"{name}.{part}"
                terms = [(scales[m][name], blocks[m][f"{source}.{part}"]) for m in rule["auxiliaries"]]
                for factor, other in terms:
                    state[key] += factor * other.double()
                if block == "0" and (case == "two" or part == "bias"):
                    steps = [(factor, array(other)) for factor, other in terms]
                    tensors[f"merged.{case}.{key}"] = fused(array(target.state_dict()[key]), steps)
        result = outputs(merged, image.double(), f"float64.{case}")
        tensors |= {key: value for key, value in result.items() if key.endswith((".features", ".logits"))}
    write(HERE / "pathway.safetensors", tensors, config=config, scales=scales, cases=cases, versions=VERSIONS)


def make_positions() -> None:
    """timm's resample_abs_pos_embed (bicubic) on float32: `source.CASE` (1, P + h * w, C) to `resampled.CASE`,
    antialiased, and to `plain.CASE`, not so; metadata `cases` has both grids and P."""
    from timm.layers import resample_abs_pos_embed
    cases = {
        "up": ([4, 4], [6, 6], 1), "down": ([7, 7], [4, 4], 1), "to_rectangle": ([5, 5], [3, 8], 1),
        "from_rectangle": ([4, 6], [7, 5], 0), "registers": ([4, 4], [5, 3], 5), "large_down": ([16, 16], [5, 6], 0),
        "to_one": ([4, 4], [1, 1], 1), "same_count": ([4, 6], [6, 4], 1),
    }
    generator = torch.Generator().manual_seed(41)
    tensors, described = {}, {}
    for case, (old, new, prefix) in cases.items():
        source = torch.randn(1, prefix + old[0] * old[1], 8, generator=generator)
        tensors[f"source.{case}"] = array(source)
        tensors[f"resampled.{case}"] = array(resample_abs_pos_embed(source, new, old, prefix))
        tensors[f"plain.{case}"] = array(resample_abs_pos_embed(source, new, old, prefix, antialias=False))
        described[case] = {"from": old, "to": new, "prefix_tokens": prefix}
    write(HERE / "positions.safetensors", tensors, cases=described, versions=VERSIONS)


def make_resized() -> None:
    """A model whose weights are for 32 x 32 pixels, run by timm on 40 x 56 (`dynamic_img_size`), in double but for the
    positions, which timm resamples in float32."""
    arguments = dict(img_size=32, patch_size=8, embed_dim=32, depth=2, num_heads=2, mlp_ratio=1)
    MODELS["resized"] = (10, "token", arguments)
    model, config = build("resized", 51)
    twin = timm.create_model(
        ARCHITECTURE, num_classes=10, **(arguments | dict(dynamic_img_size=True, patch_size=8))).eval()
    twin.load_state_dict(model.state_dict(), strict=True)
    image = torch.randn(2, 3, 40, 56, generator=torch.Generator().manual_seed(1051)).clamp(-1, 1)
    tensors = {"input": array(image)} | outputs(twin.double(), image.double(), "float64")
    weights = {f"weights.{key}": array(value) for key, value in model.state_dict().items()}
    tensors = {key: value for key, value in tensors.items() if ".block." not in key}
    write(HERE / "resized.safetensors", tensors | weights, config=config, versions=VERSIONS)


def main() -> None:
    torch.set_num_threads(1)
    for index, name in enumerate(MODELS):
        make_model(name, seed=100 + index)
    make_model("layer_scale", seed=150, dtype=torch.float16, suffix="_f16")
    make_model("layer_scale", seed=150, dtype=torch.bfloat16, suffix="_bf16")
    make_block()
    make_pathway()
    make_positions()
    make_resized()


if __name__ == "__main__":
    main()
