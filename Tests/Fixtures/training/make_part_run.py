"""Writes part_run.safetensors: eight steps of training Point-MAE's part segmentation model, in PyTorch and float64.

The model is points/segmenter. Every step reads the same four clouds, one of each category, as they are, with a label for
each point; the loss is the cross-entropy over all points with label smoothing, the optimizer AdamW with layer-wise decay
and clipping, and batch norms take the statistics of the batch. The file has the clouds and labels; metadata have the
losses and the norms of all gradients.

    python Tests/Fixtures/training/make_part_run.py        # torch, numpy
"""
import math
import sys
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from torch.nn import functional as F

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "points")]
import make_points
from oracle import write

STEPS, RATE, WEIGHT_DECAY, LAYER_DECAY, SMOOTHING, CLIP, DEPTH = 8, 1e-3, 0.05, 0.75, 0.1, 1.0, 3
CONFIG = make_points.MODELS["segmenter"][1]


def layer(name: str) -> int:
    """Layers of learning rates: encoder and positions, blocks with the last norm, head."""
    if name.startswith(("encoder.", "pos_embed.")):
        return 0
    if name.startswith("blocks.blocks."):
        return 1 + int(name.split(".")[2])
    return DEPTH if name.startswith("norm.") else DEPTH + 1


def main() -> None:
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(31)
    p = CONFIG["m2pt"]["points"]
    clouds = np.stack([make_points.cloud(p["points"], generator) for _ in p["categories"]])
    labels = np.stack([
        np.array(category["parts"])[torch.randint(len(category["parts"]), (p["points"],), generator=generator)]
        for category in p["categories"]]).astype(np.int32)
    # Readers centre and scale every cloud.
    points = clouds.astype(np.float64) - clouds.astype(np.float64).mean(1, keepdims=True)
    points = (points * (1 / np.sqrt((points * points).sum(2).max(1)))[:, None, None]).astype(np.float32)
    chosen = make_points.centers_of(points, p["groups"])
    neighbours = make_points.neighbours_of(points, chosen, p["group_size"])
    arguments = [torch.from_numpy(item).long() for item in (chosen, neighbours, np.arange(len(points)))]
    inputs, targets = torch.from_numpy(points).double(), torch.from_numpy(labels).long().flatten()

    model = make_points.Segmenter(CONFIG).double().train()
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.eval()
    weights = load_file(HERE.parent / "points" / "segmenter.safetensors")
    weights = {name.removeprefix("weights."): value for name, value in weights.items() if name.startswith("weights.")}
    missing = model.load_state_dict(weights, strict=False).missing_keys
    assert all("num_batches_tracked" in name for name in missing), missing
    optimizer = torch.optim.AdamW([
        {"params": [value], "weight_decay": WEIGHT_DECAY if value.ndim > 1 else 0,
         "scale": LAYER_DECAY ** (DEPTH + 1 - layer(name))} for name, value in model.named_parameters()])
    losses, norms = [], []
    for step in range(STEPS):
        optimizer.zero_grad()
        answers = model(inputs, *arguments)[-1].flatten(0, 1)
        loss = F.cross_entropy(answers, targets, label_smoothing=SMOOTHING)
        loss.backward()
        norms.append(float(torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP)))
        for group in optimizer.param_groups:
            group["lr"] = RATE * 0.5 * (1 + math.cos(math.pi * step / STEPS)) * group["scale"]
        optimizer.step()
        losses.append(float(loss.detach()))
    write(HERE / "part_run.safetensors", {"points": clouds, "labels": labels}, losses=losses, norms=norms,
          versions={"torch": torch.__version__})
    print(losses, norms)


if __name__ == "__main__":
    main()
