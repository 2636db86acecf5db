"""Makes Model/: a vision transformer of 27,000 parameters that distinguishes rows, columns and squares.

usage: python3 make_model.py    (packages: see ../Fixtures/oracle.py)
"""
import json
import sys
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parent.parent / "Fixtures"))
from oracle import import_timm  # noqa: E402

LABELS = ["rows", "columns", "squares"]
ARGUMENTS = {"img_size": 16, "patch_size": 4, "embed_dim": 32, "depth": 2, "num_heads": 2}


def pictures(count: int, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Pictures of random kind, period, phase and contrast, (count, 1, 16, 16), with noise."""
    def uniform(low: float, high: float) -> torch.Tensor:
        return low + (high - low) * torch.rand(count, 1, 1, generator=generator)

    period = uniform(4, 9)
    places = torch.arange(16.0)
    row = torch.sign(torch.sin(2 * torch.pi * (places.view(1, 16, 1) + uniform(0, 9)) / period))
    column = torch.sign(torch.sin(2 * torch.pi * (places.view(1, 1, 16) + uniform(0, 9)) / period))
    kind = torch.randint(0, 3, (count,), generator=generator)
    choice = kind.view(-1, 1, 1)
    clean = torch.where(choice == 0, row.expand(-1, 16, 16), torch.where(choice == 1, column.expand(-1, 16, 16), row * column))
    noise = torch.randn(count, 16, 16, generator=generator)
    return (clean * uniform(0.3, 1) + 0.2 * noise).unsqueeze(1), kind


def main() -> None:
    from safetensors.torch import save_file

    torch.manual_seed(1)
    torch.set_num_threads(1)
    model = import_timm().models.VisionTransformer(in_chans=1, num_classes=3, **ARGUMENTS)
    generator = torch.Generator().manual_seed(2)
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
    steps = 400
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, total_steps=steps)
    for _ in range(steps):
        images, kind = pictures(128, generator)
        loss = torch.nn.functional.cross_entropy(model(images), kind)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    model.eval()
    with torch.inference_mode():
        images, kind = pictures(1000, generator)
        accuracy = (model(images).argmax(1) == kind).float().mean().item()
    print(f"accuracy on 1000 new pictures: {accuracy:.3f}")
    folder = Path(__file__).parent / "Model"
    folder.mkdir(exist_ok=True)
    save_file({name: value.contiguous() for name, value in model.state_dict().items()}, folder / "model.safetensors")
    config = {
        "architecture": "vit_tiny_patch16_224", "num_classes": 3, "num_features": 32, "global_pool": "token",
        "label_names": LABELS, "model_args": ARGUMENTS,
        "pretrained_cfg": {"input_size": [1, 16, 16], "mean": [0.5], "std": [0.5], "interpolation": "bicubic"},
    }
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")


if __name__ == "__main__":
    main()
