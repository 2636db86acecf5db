"""Writes the demo's expected.json: PyTorch's answers to the samples in float64, and the accuracies that m2pt measured.

    python expect.py FOLDER DEMO

DEMO holds target, auxiliary, scales.json and samples as train-demo copied them, FOLDER the reports of `m2pt evaluate`.
The answers are of W + lambda W', joined in float64: nothing but the stored float32 numbers is rounded.
"""
import json
import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import load_file

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from oracle import import_timm


def joined_model(demo: Path) -> torch.nn.Module:
    arguments = json.loads((demo / "target/config.json").read_text())["model_args"]
    weights = {name: value.double() for name, value in load_file(demo / "target/model.safetensors").items()}
    auxiliary = load_file(demo / "auxiliary/model.safetensors")
    (scales,) = json.loads((demo / "scales.json").read_text())
    for layer, scale in scales.items():
        weights[f"{layer}.weight"] += float(np.float32(scale)) * auxiliary[f"{layer}.weight"].double()
    model = import_timm().models.VisionTransformer(**arguments).double().eval()
    model.load_state_dict(weights, strict=True)
    return model


def pixels(path: Path) -> torch.Tensor:
    """(3, 28, 28): grey in all three channels, mean and deviation 0.5."""
    grey = torch.from_numpy(np.array(Image.open(path))).double()
    return ((grey / 255 - 0.5) / 0.5).expand(3, -1, -1)


@torch.inference_mode()
def answers(demo: Path) -> dict:
    paths = sorted((demo / "samples").glob("*/*.png"))
    logits = joined_model(demo)(torch.stack([pixels(path) for path in paths]))
    return {f"{path.parent.name}/{path.name}": {
        "label": int(path.parent.name), "prediction": int(row.argmax()), "logits": row.tolist()}
        for path, row in zip(paths, logits)}


def main() -> None:
    folder, demo = map(Path, sys.argv[1:])
    samples = answers(demo)
    right = sum(sample["prediction"] == sample["label"] for sample in samples.values())
    report = {name: json.loads((folder / f"{name}.json").read_text())
              for name in ("auxiliary", "with_pathways", "without", "trained_without")}
    held_out = {name: report[name]["top1"] for name in report}
    held_out |= {"digits": report["with_pathways"]["count"], "recordings": report["auxiliary"]["count"]}
    expected = {"held_out": held_out, "samples_accuracy": right / len(samples), "samples": samples}
    (demo / "expected.json").write_text(json.dumps(expected) + "\n")
    print(f"{right} of {len(samples)} samples right; held out: {held_out}")


if __name__ == "__main__":
    main()
