"""PyTorch in a process of its own: a training step for every line read, its milliseconds written.

usage: training_worker.py eager|compiled float32|bfloat16 ARCHITECTURE BATCH THREADS plain|folded   (started by training.py)
"""
import sys
import time
from pathlib import Path

import torch
from torch import nn

sys.path.insert(0, str(Path(__file__).parents[2] / "Tests" / "Fixtures"))


class FoldedLinear(nn.Module):
    """A linear layer with a pathway, W + lambda W', as the paper's code makes it: both weights and the scale are trained."""

    def __init__(self, layer: nn.Linear):
        super().__init__()
        self.weight, self.bias = layer.weight, layer.bias
        self.auxiliary = nn.Parameter(torch.randn_like(layer.weight) * 0.02)
        self.scale = nn.Parameter(torch.tensor(0.05))

    def forward(self, x):
        return nn.functional.linear(x, self.weight + self.scale * self.auxiliary, self.bias)


def join(model: nn.Module) -> None:
    for block in model.blocks:
        for parent, name in ((block.attn, "qkv"), (block.attn, "proj"), (block.mlp, "fc1"), (block.mlp, "fc2")):
            setattr(parent, name, FoldedLinear(getattr(parent, name)))


def main() -> None:
    mode, precision, architecture, batch, threads, pathway = sys.argv[1:]
    from oracle import import_timm

    torch.manual_seed(0)
    torch.set_num_threads(int(threads))
    model = import_timm().create_model(architecture).train()
    if pathway == "folded":
        join(model)
    decayed = [p for p in model.parameters() if p.ndim > 1]
    others = [p for p in model.parameters() if p.ndim <= 1]
    optimizer = torch.optim.AdamW(
        [{"params": decayed}, {"params": others, "weight_decay": 0.0}], lr=1e-3, weight_decay=0.05, fused=True)
    forward = torch.compile(model) if mode == "compiled" else model
    images = torch.randn(int(batch), *model.default_cfg["input_size"])
    labels = torch.arange(int(batch)) % model.num_classes

    def step() -> None:
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=precision == "bfloat16"):
            loss = nn.functional.cross_entropy(forward(images), labels)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()

    step()
    print("ready", flush=True)
    for _ in sys.stdin:
        start = time.perf_counter_ns()
        step()
        print((time.perf_counter_ns() - start) * 1e-6, flush=True)


if __name__ == "__main__":
    main()
