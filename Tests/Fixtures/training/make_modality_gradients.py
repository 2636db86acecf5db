"""Gradients of small models of sound, video and points in double, by PyTorch's autograd.

    python Tests/Fixtures/training/make_modality_gradients.py    # rewrites modality_gradients.safetensors here

Weights are those of model/audio_mae, points/classifier and points/segmenter; of video they are here, and its
config.json is the metadata's `config`: timm's transformer with tubelets. The loss is the sum of the products of logits
and `CASE.slopes`. Models of points are in training: batch norms normalise with the statistics of the batch; dropout is
left out. Names are timm's. Tensors, float32 of numbers computed throughout in double:
    video.weights.NAME
    CASE.input                  (B, 1, H, W), (B, 3, T, H, W) or (B, P, 3)
    CASE.categories             (B) int32, of the segmenter
    CASE.slopes, CASE.logits    (B, classes), or (B, P, classes)
    CASE.gradient.NAME          of the parameter NAME
    CASE.running.NAME           the running statistic NAME after the pass
CASE is sound, video, classifier or segmenter; with `.joined` the same with a pathway of weights:
    CASE.auxiliary.LAYER        W' of blocks.N.LAYER, for the first three
    CASE.scales                 (8) lambda, and CASE.joined.scales its gradient, in the order of blocks and of LAYERS
"""
import sys
from functools import partial
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from torch import nn
from torch.func import functional_call

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "points"), str(HERE.parent / "model")]
import make_points
from make_gradients import LAYERS, part
from oracle import array, import_timm, randomize, write

timm = import_timm()


VIDEO = {
    "architecture": "vit_small_patch16_224", "num_classes": 5, "global_pool": "avg",
    "model_args": {"img_size": [16, 16], "patch_size": [8, 8], "embed_dim": 24, "depth": 2, "num_heads": 2,
                   "mlp_ratio": 2, "fc_norm": True},
    "m2pt": {"modality": "video", "video": {"frames": 4, "tubelet": 2}},
}


class Tubelets(nn.Module):
    def __init__(self):
        super().__init__()
        self.proj = nn.Conv3d(3, 24, (2, 8, 8), stride=(2, 8, 8))

    def forward(self, x):
        return self.proj(x).flatten(2).mT


def video() -> nn.Module:
    """As many positions as pictures of 16 x 32 have: 2 x 2 x 2."""
    model = timm.models.vision_transformer.VisionTransformer(
        img_size=(16, 32), patch_size=8, num_classes=5, embed_dim=24, depth=2, num_heads=2, mlp_ratio=2, qkv_bias=True,
        global_pool="avg", fc_norm=True, norm_layer=partial(nn.LayerNorm, eps=1e-6))
    model.patch_embed = Tubelets()
    return model


def sound() -> nn.Module:
    return timm.models.vision_transformer.VisionTransformer(
        img_size=(64, 32), patch_size=16, in_chans=1, num_classes=7, embed_dim=32, depth=2, num_heads=2, mlp_ratio=1.5,
        qkv_bias=True, global_pool="avg", class_token=True, fc_norm=True,
        norm_layer=partial(nn.LayerNorm, eps=1e-6))


def timm_name(name: str) -> str:
    return name.replace("blocks.blocks.", "blocks.")


def gradients(case: str, model: nn.Module, weights: dict, arguments: tuple, slopes, pathway, result: dict) -> None:
    """One pass of `model` with the float64 tensors `weights`; `pathway` is (auxiliary weights, scales)."""
    model.double().train()
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.eval()
    missing = model.load_state_dict(weights, strict=False).missing_keys
    assert all("num_batches_tracked" in name for name in missing), missing
    state = dict(model.named_parameters())
    if pathway:
        auxiliary, scales = pathway
        for index, (layer, weight) in enumerate(auxiliary.items()):
            name = next(name for name in state if timm_name(name) == f"{layer}.weight")
            state[name] = state[name] + scales[index] * weight
    output = functional_call(model, state, arguments)
    logits = output[-1] if isinstance(output, tuple) else output
    (logits * slopes).sum().backward()
    result[f"{case}.logits"] = array(logits.float())
    for name, parameter in model.named_parameters():
        result[f"{case}.gradient.{timm_name(name)}"] = array(parameter.grad.float())
    for name, buffer in model.named_buffers():
        if "running" in name:
            result[f"{case}.running.{name}"] = array(buffer.float())


def make(case: str, kind, file, batch: int, seed: int, joins: bool) -> dict:
    generator = torch.Generator().manual_seed(seed)
    result = {}
    if file:
        weights = part(load_file(HERE.parent / f"{file}.safetensors"), "weights.")
    else:
        model = kind()
        randomize(model, seed + 100)
        weights = {name: value.detach() for name, value in model.state_dict().items()}
        result |= {f"{case}.weights.{name}": array(value) for name, value in weights.items()}
        weights = {name: value.double() for name, value in weights.items()}
    if case in make_points.MODELS:
        config = make_points.MODELS[case][1]
        p = config["m2pt"]["points"]
        points = np.stack([make_points.cloud(p["points"], generator) for _ in range(batch)])
        chosen = make_points.centers_of(points, p["groups"])
        neighbours = make_points.neighbours_of(points, chosen, p["group_size"])
        categories = np.arange(batch, dtype=np.int32) * 3 % 4
        result[f"{case}.input"] = points
        if case == "segmenter":
            result[f"{case}.categories"] = categories
        arguments = [torch.from_numpy(item) for item in (points.astype(np.float64), chosen, neighbours, categories)]
        arguments = (arguments[0], *(item.long() for item in arguments[1:]))
        shape = (batch, p["points"], config["num_classes"]) if case == "segmenter" else (batch, config["num_classes"])
    else:
        shape = {"sound": (1, 64, 32), "video": (3, 4, 16, 16)}[case]
        images = torch.randn(batch, *shape, generator=generator).clamp(-1, 1)
        result[f"{case}.input"] = array(images)
        arguments = (images.double(),)
        shape = (batch, weights["head.bias"].numel())
    slopes = torch.randn(shape, generator=generator)
    result[f"{case}.slopes"] = array(slopes)
    gradients(case, kind(), weights, arguments, slopes.double(), None, result)
    if not joins:
        return result
    names = {timm_name(name): value for name, value in weights.items()}
    layers = [f"blocks.{block}.{layer}" for block in range(2) for layer in LAYERS]
    auxiliary = {}
    for layer in layers:
        weight = names[f"{layer}.weight"]
        auxiliary[layer] = torch.randn(weight.shape, generator=generator) / weight.shape[1] ** 0.5
        result[f"{case}.auxiliary.{layer}"] = array(auxiliary[layer])
    scales = torch.rand(len(layers), generator=generator) - 0.5
    result[f"{case}.scales"] = array(scales)
    scales = scales.double().requires_grad_()
    auxiliary = {layer: weight.double() for layer, weight in auxiliary.items()}
    gradients(f"{case}.joined", kind(), weights, arguments, slopes.double(), (auxiliary, scales), result)
    result[f"{case}.joined.scales"] = array(scales.grad.float())
    return result


CASES = {
    "sound": (sound, "model/audio_mae", 2, True),
    "video": (video, None, 2, True),
    "classifier": (lambda: make_points.Classifier(make_points.MODELS["classifier"][1]), "points/classifier", 6, True),
    "segmenter": (lambda: make_points.Segmenter(make_points.MODELS["segmenter"][1]), "points/segmenter", 5, False),
}


def main() -> None:
    torch.set_num_threads(1)
    result = {}
    for index, (case, (kind, file, batch, joins)) in enumerate(CASES.items()):
        result |= make(case, kind, file, batch, 80 + index, joins)
    write(HERE / "modality_gradients.safetensors", result, config=VIDEO,
          versions={"torch": torch.__version__, "timm": timm.__version__})


if __name__ == "__main__":
    main()
