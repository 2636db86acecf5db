"""How often a narrow format keeps float32's answer, and how close its logits are.

usage: agreement.py FLOAT32.csv OTHER.csv...          answers of `m2pt classify --csv --top-k CLASSES` on the same files
       agreement.py --onnxruntime MODEL PICTURES...   ONNX Runtime's dynamic int8 against its float32, on a directory of
                                                      timm's (m2pt's) and pictures, scaled to the model's size
"""
import csv
import json
import sys
import tempfile
from pathlib import Path

import numpy as np


def logits(file: str) -> dict[str, np.ndarray]:
    """By picture, in the order of the classes."""
    answers: dict[str, dict[int, float]] = {}
    with open(file, newline="") as lines:
        for row in csv.DictReader(lines):
            answers.setdefault(Path(row["file"]).name, {})[int(row["index"])] = float(row["logit"])
    return {name: np.array([found[index] for index in sorted(found)]) for name, found in answers.items()}


def report(name: str, exact: np.ndarray, found: np.ndarray) -> None:
    cosines = (exact * found).sum(1) / np.linalg.norm(exact, axis=1) / np.linalg.norm(found, axis=1)
    same = (exact.argmax(1) == found.argmax(1)).mean()
    print(f"{name}: same class {100 * same:.1f} % of {len(exact)}, cosine {cosines.mean():.5f}, smallest {cosines.min():.5f}")


def onnxruntime_logits(model: Path, pictures: list[str]) -> list[np.ndarray]:
    """Of float32 and of int8; a picture a pass, for activations get one range a tensor."""
    import onnxruntime
    import torch
    from cases import quantize
    from oracle import import_timm
    from PIL import Image
    from safetensors.torch import load_file

    config = json.loads((model / "config.json").read_text())
    vit = import_timm().models.VisionTransformer(**config["model_args"]).eval()
    vit.load_state_dict(load_file(model / "model.safetensors"))
    for block in vit.blocks:
        block.attn.fused_attn = False
    _, height, width = config["pretrained_cfg"]["input_size"]
    mean, std = (np.array(config["pretrained_cfg"][key], np.float32) for key in ("mean", "std"))

    def pixels(file: str) -> np.ndarray:
        image = Image.open(file).convert("RGB").resize((width, height), Image.BICUBIC)
        return ((np.asarray(image, np.float32) / 255 - mean) / std).transpose(2, 0, 1)[None]

    with tempfile.TemporaryDirectory() as folder:
        exact, narrow = Path(folder) / "model.onnx", Path(folder) / "model-int8.onnx"
        torch.onnx.export(
            vit, torch.zeros(1, 3, height, width), str(exact), opset_version=17, dynamo=False, input_names=["images"])
        quantize(exact, narrow)
        sessions = [onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"]) for file in (exact, narrow)]
        results = [[session.run(None, {"images": pixels(file)})[0][0] for session in sessions] for file in pictures]
    return [np.stack(column) for column in zip(*results)]


def main() -> None:
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    if sys.argv[1] == "--onnxruntime":
        report("ONNX Runtime, int8", *onnxruntime_logits(Path(sys.argv[2]), sorted(sys.argv[3:])))
        return
    exact = logits(sys.argv[1])
    for file in sys.argv[2:]:
        found = logits(file)
        if found.keys() != exact.keys():
            sys.exit(f"{file} answers for {len(found)} files, {sys.argv[1]} for {len(exact)}; both must be of the same files")
        report(file, np.stack([exact[name] for name in exact]), np.stack([found[name] for name in exact]))


if __name__ == "__main__":
    main()
