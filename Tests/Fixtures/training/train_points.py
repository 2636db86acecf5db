"""Trains a small point transformer to classify furniture: evidence that m2pt samples points as in training.

    pip install torch==2.13.0+cpu numpy                      # CPU wheels: PyTorch's package index
    apt-get install sweethome3d-furniture                    # 820 OBJ meshes with a catalogue, CC0 and CC-BY
    python Tests/Fixtures/training/train_points.py OUTPUT [--furniture /usr/share/sweethome3d/furniture] [--epochs 80]
    m2pt classify --model OUTPUT OUTPUT/held-out/*/*.obj

OUTPUT becomes a model directory; its folder held-out has every fourth mesh of a class, which is not trained on, as
CLASS/N.obj. Classes are words in the names of the catalogue, so labels are constructed. The model is Point-MAE's classifier,
96 wide and 4 deep, from scratch. Nothing here runs when the package is built, tested or used.
"""
import argparse
import json
import re
import sys
import zipfile
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "points")]
from make_points import Classifier
from oracle import array, write

CLASSES = {  # class: words in English names; the first class that fits counts
    "chair": "arm ?chair|chair|stool", "table": "table|desk", "person": "female|male|man|woman|boy|girl|person",
    "cabinet": "cabinet|wardrobe|dresser|bookcase|shelf|chest|sideboard|drawers", "lamp": "lamp|light|chandelier",
    "sofa": "sofa|couch",
}
SURFACE, POINTS, GROUPS, NEIGHBOURS = 4096, 1024, 32, 32
LABELS = sorted(CLASSES)
CONFIG = {
    "architecture": "point_furniture", "num_classes": len(LABELS), "label_names": LABELS,
    "model_args": {"embed_dim": 96, "depth": 4, "num_heads": 3},
    "m2pt": {"modality": "points", "points": {
        "points": POINTS, "groups": GROUPS, "group_size": NEIGHBOURS, "encoder_widths": [64, 128, 128],
        "position_width": 64, "head_widths": [64, 64]}},
}


def meshes(furniture: Path):
    """(class, name, OBJ text) of everything in the catalogues that fits a class, in a fixed order."""
    found = set()
    for archive in sorted(furniture.glob("*.sh3f")):
        with zipfile.ZipFile(archive) as file:
            catalogue = file.read("PluginFurnitureCatalog.properties").decode("latin-1")
            names, models = (
                dict(re.findall(rf"^{key}#(\d+)=(.*?)\s*$", catalogue, re.M)) for key in ("name", "model"))
            for number, name in names.items():
                model = models.get(number, "").lstrip("/")
                label = next((c for c, words in CLASSES.items() if re.search(rf"\b({words})\b", name.lower())), None)
                if label and model.endswith(".obj") and model in file.namelist():
                    found.add((label, name, model, file.read(model).decode("latin-1")))
    if not found:
        raise SystemExit(f"{furniture}: no .sh3f catalogue with meshes; install sweethome3d-furniture")
    return [(label, name, text) for label, name, _, text in sorted(found)]


def surface(text: str, generator: np.random.Generator) -> np.ndarray:
    """(SURFACE, 3) points of an OBJ mesh's surface, by area, centred and scaled to the unit sphere."""
    vertices, triangles = [], []
    for line in text.splitlines():
        words = line.split()
        if words[:1] == ["v"]:
            vertices.append([float(word) for word in words[1:4]])
        elif words[:1] == ["f"]:
            corners = [int(word.split("/")[0]) for word in words[1:]]
            corners = [corner - 1 if corner > 0 else len(vertices) + corner for corner in corners]
            triangles += [(corners[0], corners[k - 1], corners[k]) for k in range(2, len(corners))]
    a, b, c = np.array(vertices)[np.array(triangles).T]
    areas = np.linalg.norm(np.cross(b - a, c - a), axis=1).cumsum()
    chosen = np.searchsorted(areas, generator.random(SURFACE) * areas[-1])
    root, share = np.sqrt(generator.random((SURFACE, 1))), generator.random((SURFACE, 1))
    points = a[chosen] * (1 - root) + b[chosen] * root * (1 - share) + c[chosen] * root * share
    points -= points.mean(0)
    return (points / np.linalg.norm(points, axis=1).max()).astype(np.float32)


def groups_of(points: torch.Tensor):
    """Indices of centres by farthest-point sampling, (B, G), and of their neighbours, (B, G, K)."""
    rows = torch.arange(len(points))
    chosen = torch.zeros(len(points), GROUPS, dtype=torch.long)
    squares = torch.full(points.shape[:2], torch.inf)
    squares[points.square().sum(-1) <= 1e-3] = -1  # as the CUDA sampler of the published models
    for step in range(1, GROUPS):
        center = points[rows, chosen[:, step - 1]][:, None]
        squares = torch.minimum(squares, (points - center).square().sum(-1))
        chosen[:, step] = squares.argmax(1)
    return chosen, torch.cdist(points[rows[:, None], chosen], points).topk(NEIGHBOURS, largest=False)[1]


def varied(surfaces: torch.Tensor) -> torch.Tensor:
    """Other points of the surface, rotated around the upright axis and stretched by up to 20 % along each axis."""
    angle = torch.rand(len(surfaces)) * 2 * torch.pi
    turn = torch.zeros(len(surfaces), 3, 3)
    turn[:, 1, 1] = 1
    turn[:, 0, 0] = turn[:, 2, 2] = angle.cos()
    turn[:, 0, 2], turn[:, 2, 0] = angle.sin(), -angle.sin()
    points = surfaces[:, torch.randperm(SURFACE)[:POINTS]] @ turn * (torch.rand(len(surfaces), 1, 3) * 0.4 + 0.8)
    points = points - points.mean(1, keepdim=True)
    return points / points.norm(dim=-1).amax(1)[:, None, None]


def train(model: Classifier, surfaces: torch.Tensor, labels: torch.Tensor, epochs: int, batch: int = 16) -> None:
    """AdamW with weight decay 0.05, one cycle of the learning rate, label smoothing 0.1, gradients clipped at 10."""
    steps = len(labels) // batch
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 1.5e-3, total_steps=epochs * steps, pct_start=0.1)
    model.train()
    for epoch in range(epochs):
        order, right, losses = torch.randperm(len(labels)), 0, 0.0
        for chosen in order[:steps * batch].split(batch):
            points = varied(surfaces[chosen])
            logits = model(points, *groups_of(points), None)[-1]
            loss = F.cross_entropy(logits, labels[chosen], label_smoothing=0.1)
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 10)
            optimizer.step()
            schedule.step()
            right, losses = right + int((logits.argmax(1) == labels[chosen]).sum()), losses + loss.item()
        if epoch % 10 == 9 or epoch in (0, epochs - 1):
            print(f"epoch {epoch + 1}: loss {losses / steps:.3f}, right {right} of {steps * batch}", flush=True)
    model.eval()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("output", type=Path)
    parser.add_argument("--furniture", type=Path, default=Path("/usr/share/sweethome3d/furniture"))
    parser.add_argument("--epochs", type=int, default=80, help="at least 2")
    options = parser.parse_args()
    torch.manual_seed(0)
    generator = np.random.default_rng(0)
    surfaces, labels, seen = [], [], {}
    for label, _, text in meshes(options.furniture):
        number = seen[label] = seen.get(label, -1) + 1
        if number % 4 == 3:
            folder = options.output / "held-out" / label
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{number}.obj").write_text(text, encoding="latin-1")
        else:
            surfaces.append(surface(text, generator))
            labels.append(LABELS.index(label))
    print({label: count + 1 for label, count in seen.items()}, f"{len(labels)} to train on")
    model = Classifier(CONFIG)
    for parameter in (model.cls_token, model.cls_pos):
        torch.nn.init.trunc_normal_(parameter, std=0.02)
    train(model, torch.from_numpy(np.stack(surfaces)), torch.tensor(labels), options.epochs)
    options.output.mkdir(parents=True, exist_ok=True)
    write(options.output / "model.safetensors", {name: array(value) for name, value in model.state_dict().items()
                                                 if not name.endswith("num_batches_tracked")})
    (options.output / "config.json").write_text(json.dumps(CONFIG, indent=1) + "\n")


if __name__ == "__main__":
    main()
