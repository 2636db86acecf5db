"""Makes labelled point clouds, and a model without training for their parts: data for `m2pt train` that anyone can repeat.

    python Tests/Fixtures/training/make_parts.py OUTPUT          # torch, numpy
    m2pt train --target OUTPUT/model --from-scratch --data OUTPUT/train --validation OUTPUT/validation ...
    m2pt evaluate --model run/model --data OUTPUT/test

OUTPUT/train, validation and test have a folder of PLY files for each category, 2,048 points each on surfaces of random
proportions, turned around the upright axis; the property `label` is the part: of a mug its body and handle, of a table its
top and legs, of a lamp its foot, pole and shade. Nothing here runs when the package is built, tested or used.
"""
import argparse
import json
import sys
from pathlib import Path

import numpy as np
import torch

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "points")]
from make_points import Segmenter
from oracle import array, write

POINTS = 2048
COUNTS = {"train": 40, "validation": 10, "test": 20}  # files of each category
CONFIG = {
    "architecture": "point_parts", "num_classes": 7,
    "label_names": ["body", "handle", "top", "leg", "foot", "pole", "shade"],
    "model_args": {"embed_dim": 48, "depth": 3, "num_heads": 3, "class_token": False, "global_pool": "max"},
    "m2pt": {"modality": "points", "task": "per_point", "points": {
        "points": 512, "groups": 48, "group_size": 16, "encoder_widths": [32, 48, 64], "position_width": 32,
        "feature_blocks": [0, 1, 2], "category_width": 8, "propagation_widths": [96, 64], "point_widths": [64, 48],
        "categories": [
            {"name": "lamp", "parts": [4, 5, 6]}, {"name": "mug", "parts": [0, 1]},
            {"name": "table", "parts": [2, 3]}]}},
}


def cylinder(random, count, radius, low, high, top=None):
    """Points on the side of a cylinder or, with another radius at its upper end, of a cone's part."""
    angle, height = random.random(count) * 2 * np.pi, random.random(count)
    radii = radius + ((radius if top is None else top) - radius) * height
    return np.stack([radii * np.cos(angle), low + (high - low) * height, radii * np.sin(angle)], 1)


def mug(random):
    radius, height = random.uniform(0.6, 0.9), random.uniform(1.4, 2)
    middle, width = height / 2, random.uniform(0.3, 0.5) * height
    angle = (random.random(POINTS // 5) - 0.5) * np.pi
    handle = np.stack(
        [radius + 0.6 * width * np.cos(angle), middle + width * np.sin(angle), 0.08 * random.standard_normal(len(angle))],
        1)
    body = cylinder(random, POINTS - len(handle), radius, 0, height)
    return [(0, body), (1, handle)]


def table(random):
    width, depth, height = random.uniform(0.8, 1.4), random.uniform(0.5, 0.9), random.uniform(0.7, 1.2)
    top = random.uniform(-1, 1, (POINTS * 3 // 5, 3)) * [width, 0.03, depth] + [0, height, 0]
    legs = cylinder(random, POINTS - len(top), 0.05, 0, height - 0.05)
    corner = random.integers(0, 2, (len(legs), 2)) * 2 - 1
    legs[:, 0] += corner[:, 0] * (width - 0.1)
    legs[:, 2] += corner[:, 1] * (depth - 0.1)
    return [(2, top), (3, legs)]


def lamp(random):
    height, shade = random.uniform(1.4, 2.4), random.uniform(0.4, 0.7)
    radius = random.uniform(0.3, 0.5) * np.sqrt(random.random(POINTS // 4))
    angle = random.random(len(radius)) * 2 * np.pi
    foot = np.stack([radius * np.cos(angle), 0.02 * random.standard_normal(len(radius)), radius * np.sin(angle)], 1)
    pole = cylinder(random, POINTS // 4, 0.04, 0.05, height - shade)
    return [(4, foot), (5, pole), (6, cylinder(random, POINTS // 2, 0.6, height - shade, height, top=0.3))]


def cloud(make, random):
    """A shape's points in random order, with their parts."""
    parts = make(random)
    angle = random.random() * 2 * np.pi
    turn = np.array([[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]])
    points = np.concatenate([points for _, points in parts]) @ turn
    labels = np.concatenate([np.full(len(points), part) for part, points in parts])
    order = random.permutation(len(points))
    vertices = np.zeros(len(points), [("x", "<f4"), ("y", "<f4"), ("z", "<f4"), ("label", "u1")])
    vertices["x"], vertices["y"], vertices["z"] = points[order].T
    vertices["label"] = labels[order]
    return vertices


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("output", type=Path)
    output = parser.parse_args().output
    random = np.random.default_rng(0)
    for split, count in COUNTS.items():
        for make in (lamp, mug, table):
            folder = output / split / make.__name__
            folder.mkdir(parents=True, exist_ok=True)
            for index in range(count):
                vertices = cloud(make, random)
                header = "ply\nformat binary_little_endian 1.0\n" + f"element vertex {len(vertices)}\n" + "".join(
                    f"property {kind} {name}\n"
                    for kind, name in [("float", "x"), ("float", "y"), ("float", "z"), ("uchar", "label")])
                (folder / f"{index}.ply").write_bytes((header + "end_header\n").encode() + vertices.tobytes())
    (output / "model").mkdir(exist_ok=True)
    torch.manual_seed(0)
    weights = Segmenter(CONFIG).state_dict()
    write(output / "model" / "model.safetensors", {
        name: array(value) for name, value in weights.items() if not name.endswith("num_batches_tracked")})
    (output / "model" / "config.json").write_text(json.dumps(CONFIG, indent=1) + "\n")


if __name__ == "__main__":
    main()
