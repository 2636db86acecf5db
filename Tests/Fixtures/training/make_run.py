"""Writes run.safetensors: ten steps of training timm's VisionTransformer with pathways, in PyTorch and float64.

Every linear layer of a block computes with W + lambda W'; W, W' and lambda are trained by AdamW with timm's parameter
groups, layer-wise decay, label smoothing and clipping. The file has the inputs of every step, its loss, and all tensors
before the first step and after the last.

    pip install torch timm safetensors && python make_run.py
"""
import json
from pathlib import Path

import numpy as np
import timm
import torch
from safetensors.numpy import save_file
from timm.loss import LabelSmoothingCrossEntropy
from timm.models.vision_transformer import VisionTransformer
from torch.func import functional_call

from parameter_groups import parameter_groups

STEPS, BATCH, WEIGHT_DECAY, LAYER_DECAY, LAMBDA_RATE, SMOOTHING, CLIP = 10, 4, 0.05, 0.75, 10.0, 0.1, 1.0
RATES = [1e-3 * min(1, (step + 1) / 3) for step in range(STEPS)]
LAYERS = ["attn.qkv", "attn.proj", "mlp.fc1", "mlp.fc2"]

torch.manual_seed(11)
generator = np.random.default_rng(11)
vit = VisionTransformer(
    img_size=8, patch_size=4, embed_dim=16, depth=2, num_heads=2, mlp_ratio=2, num_classes=3).double()
start = {}
for name, p in vit.named_parameters():
    is_gain = "norm" in name and name.endswith("weight")
    start[name] = (generator.normal(0, 0.2, p.shape) + (1 if is_gain else 0)).astype(np.float32)
vit.load_state_dict({name: torch.tensor(value, dtype=torch.float64) for name, value in start.items()})
own = dict(vit.named_parameters())
joined = [f"blocks.{block}.{layer}" for block in range(2) for layer in LAYERS]
auxiliary = {name: generator.normal(0, 0.2, start[name + ".weight"].shape).astype(np.float32) for name in joined}
scales = {name: float(np.float32(generator.uniform(-0.3, 0.3))) for name in joined}
other = {name: torch.nn.Parameter(torch.tensor(value, dtype=torch.float64)) for name, value in auxiliary.items()}
scale = {name: torch.nn.Parameter(torch.tensor(value, dtype=torch.float64)) for name, value in scales.items()}

groups = parameter_groups(vit, other, scale, WEIGHT_DECAY, LAYER_DECAY, LAMBDA_RATE)
optimizer = torch.optim.AdamW(groups)
criterion = LabelSmoothingCrossEntropy(SMOOTHING)

inputs = generator.normal(0, 1, (STEPS, BATCH, 3, 8, 8)).astype(np.float32)
labels = generator.integers(0, 3, (STEPS, BATCH))
everything = list(own.values()) + list(other.values()) + list(scale.values())
losses, norms = [], []
for step in range(STEPS):
    optimizer.zero_grad()
    hat = {f"{n}.weight": own[f"{n}.weight"] + scale[n] * other[n] for n in joined}
    logits = functional_call(vit, {**own, **hat}, torch.tensor(inputs[step], dtype=torch.float64))
    loss = criterion(logits, torch.tensor(labels[step]))
    loss.backward()
    norms.append(float(torch.nn.utils.clip_grad_norm_(everything, CLIP)))
    for group in optimizer.param_groups:
        group["lr"] = RATES[step] * group["lr_scale"]
    optimizer.step()
    losses.append(float(loss.detach()))

tensors = {"inputs": inputs, "labels": labels.astype(np.int64)}
tensors |= {f"start/{n}": v for n, v in start.items()}
tensors |= {f"auxiliary/{n}.weight": v for n, v in auxiliary.items()}
tensors |= {f"final/{n}": p.detach().numpy() for n, p in own.items()}
tensors |= {f"final/auxiliaries.0.{n}.weight": p.detach().numpy() for n, p in other.items()}
tensors |= {f"final/scales.0.{n}": p.detach().numpy() for n, p in scale.items()}
metadata = {
    "torch": torch.__version__, "timm": timm.__version__, "rates": json.dumps(RATES), "scales": json.dumps(scales),
    "losses": json.dumps(losses), "norms": json.dumps(norms),
}
save_file({n: np.ascontiguousarray(v) for n, v in tensors.items()}, Path(__file__).with_name("run.safetensors"),
          metadata=metadata)
print(losses, norms)
