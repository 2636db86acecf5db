"""Writes optimizer.safetensors: five steps of PyTorch's AdamW and SGD on timm's VisionTransformer with pathways.

The parameter groups are timm's (`param_groups_layer_decay`): layer-wise decay of the learning rate, and no weight decay
on biases, norms, class token and positions. Every linear layer of a block has an auxiliary W' (weight decay, the rate
of its layer) and a scale lambda (no weight decay, ten times the rate of its layer). A step's loss is the sum over
tensors of <tensor, G>, where a joined layer's tensor is W + lambda W' and G is random, so that autograd makes all
gradients of a known dL/dW_hat. All arithmetic is in float64.

    pip install torch timm safetensors && python make_optimizer.py
"""
import json
from pathlib import Path

import numpy as np
import timm
import torch
from safetensors.numpy import save_file
from timm.models.vision_transformer import VisionTransformer

from parameter_groups import parameter_groups

STEPS, WEIGHT_DECAY, LAYER_DECAY, LAMBDA_RATE, EMA = 5, 0.05, 0.65, 10.0, 0.9
RATES = [2e-3, 4e-3, 3e-3, 2e-3, 1e-3]
LAYERS = ["attn.qkv", "attn.proj", "mlp.fc1", "mlp.fc2"]

torch.manual_seed(7)
generator = np.random.default_rng(7)
tensors = {}


def random(shape, deviation):
    return generator.normal(0, deviation, shape).astype(np.float32)


def parameter(values):
    return torch.nn.Parameter(torch.tensor(values, dtype=torch.float64))


def model():
    return VisionTransformer(
        img_size=8, patch_size=4, embed_dim=8, depth=2, num_heads=2, mlp_ratio=2, num_classes=3, reg_tokens=1
    ).double()


start = {name: random(p.shape, 0.3) for name, p in model().named_parameters()}
joined = [f"blocks.{block}.{layer}" for block in range(2) for layer in LAYERS]
auxiliary = {name: random(start[name + ".weight"].shape, 0.3) for name in joined}
scales = {name: float(generator.uniform(-0.3, 0.3)) for name in joined}
scales[joined[0]] = 0.0
gradients = [{name: random(p.shape, 0.2) for name, p in start.items()} for _ in range(STEPS)]


def run(kind, clip):
    vit = model()
    vit.load_state_dict({name: torch.tensor(value, dtype=torch.float64) for name, value in start.items()})
    own = dict(vit.named_parameters())
    other = {name: parameter(value) for name, value in auxiliary.items()}
    # lambda is stored in float32.
    scale = {name: parameter(np.float64(np.float32(value))) for name, value in scales.items()}
    groups = parameter_groups(vit, other, scale, WEIGHT_DECAY, LAYER_DECAY, LAMBDA_RATE)
    factor = {id(group["params"][0]): group["lr_scale"] for group in groups}
    decay = {id(group["params"][0]): group["weight_decay"] for group in groups}
    everything = {**own, **{f"auxiliaries.0.{n}.weight": p for n, p in other.items()},
                  **{f"scales.0.{n}": p for n, p in scale.items()}}
    optimizer = torch.optim.AdamW(groups) if kind == "adamw" else torch.optim.SGD(groups, momentum=0.9)
    average = {name: p.detach().clone() for name, p in everything.items()}
    norms = []
    for rate, step in zip(RATES, gradients):
        optimizer.zero_grad()
        loss = 0
        for name, p in own.items():
            layer = name.removesuffix(".weight")
            value = p + scale[layer] * other[layer] if layer in other else p
            loss = loss + (value * torch.tensor(step[name], dtype=torch.float64)).sum()
        loss.backward()
        parameters = list(everything.values())
        norms.append(float(torch.nn.utils.clip_grad_norm_(parameters, clip if clip else float("inf"))))
        for group in optimizer.param_groups:
            group["lr"] = rate * group["lr_scale"]
        optimizer.step()
        for name, p in everything.items():
            average[name] = EMA * average[name] + (1 - EMA) * p.detach()
    for name, p in everything.items():
        tensors[f"{kind}/values/{name}"] = p.detach().numpy()
        tensors[f"{kind}/average/{name}"] = average[name].numpy()
    return norms, {name: factor[id(p)] for name, p in own.items()}, {name: decay[id(p)] for name, p in own.items()}


adam_norms, factors, decays = run("adamw", 1.0)
sgd_norms, _, _ = run("sgd", None)
for name, value in start.items():
    tensors[f"start/{name}"] = value
for name, value in auxiliary.items():
    tensors[f"auxiliary/{name}.weight"] = value
for index, step in enumerate(gradients):
    for name, value in step.items():
        tensors[f"gradient/{index}/{name}"] = value
metadata = {
    "torch": torch.__version__, "timm": timm.__version__, "rates": json.dumps(RATES), "scales": json.dumps(scales),
    "norms": json.dumps({"adamw": adam_norms, "sgd": sgd_norms}), "factors": json.dumps(factors),
    "decays": json.dumps(decays),
}
save_file({name: np.ascontiguousarray(value) for name, value in tensors.items()},
          Path(__file__).with_name("optimizer.safetensors"), metadata=metadata)
