"""Trains a small video transformer to tell the direction in which a picture moves, which no single frame shows.

    pip install torch==2.13.0+cpu timm==1.0.31 pillow safetensors        # and ffmpeg
    python Tests/Fixtures/training/train_motion.py OUTPUT PHOTOGRAPH... HELD_OUT_PHOTOGRAPH [--steps 900]
    m2pt classify --model OUTPUT OUTPUT/clips

A clip is a window of 64 x 64 that moves over a photograph by 1 to 3 pixels per frame. All clips of the last photograph are
held out, and 200 of them are written to OUTPUT/clips as MP4, named after the right answer. OUTPUT becomes a model directory in
VideoMAE's layout: tubelets, fixed positions, no bias of keys, mean pooling. Prints PyTorch's accuracy on the clips
before encoding. Nothing here runs when the package is built, tested or used.
"""
import argparse
import json
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save_file
from torch import nn

sys.path.insert(0, str(Path(__file__).parents[1]))
from oracle import import_timm

timm = import_timm()
SIZE, FRAMES, WIDTH, DEPTH, HEADS, PATCH = 64, 16, 96, 3, 3, 16
DIRECTIONS = {"down": (0, 1), "left": (-1, 0), "right": (1, 0), "up": (0, -1)}


class VideoTransformer(nn.Module):
    def __init__(self):
        super().__init__()
        self.patch_embed = nn.ModuleDict({"proj": nn.Conv3d(3, WIDTH, (2, PATCH, PATCH), (2, PATCH, PATCH))})
        self.blocks = nn.ModuleList(timm.models.vision_transformer.Block(
            WIDTH, HEADS, qkv_bias=True, norm_layer=partial(nn.LayerNorm, eps=1e-6)) for _ in range(DEPTH))
        self.fc_norm = nn.LayerNorm(WIDTH, eps=1e-6)
        self.head = nn.Linear(WIDTH, len(DIRECTIONS))
        place = np.arange(FRAMES // 2 * (SIZE // PATCH) ** 2)[:, None]
        angle = place / 10000 ** (2 * (np.arange(WIDTH) // 2) / WIDTH)
        angle[:, 0::2], angle[:, 1::2] = np.sin(angle[:, 0::2]), np.cos(angle[:, 1::2])
        self.positions = torch.tensor(angle, dtype=torch.float32)

    def forward(self, x):
        x = self.patch_embed["proj"](x).flatten(2).transpose(1, 2) + self.positions
        for block in self.blocks:
            x = block(x)
        return self.head(self.fc_norm(x.mean(1)))

    def tensors(self):
        """In VideoMAE's layout. A bias of keys adds the same to all scores of a query, which does not change softmax."""
        tensors = {name: tensor.contiguous() for name, tensor in self.state_dict().items()}
        for block in range(DEPTH):
            query, _, value = tensors.pop(f"blocks.{block}.attn.qkv.bias").chunk(3)
            tensors[f"blocks.{block}.attn.q_bias"] = query.contiguous()
            tensors[f"blocks.{block}.attn.v_bias"] = value.contiguous()
        return tensors


def clip(photograph, direction, random):
    """(FRAMES, SIZE, SIZE, 3) bytes. The content moves in `direction`, so the window moves in the opposite one."""
    step = -np.array(direction) * random.uniform(1, 3)
    room = np.array(photograph.shape[1::-1]) - SIZE - np.abs(step * FRAMES) - 1
    start = random.uniform(0, room) + np.maximum(0, -step * FRAMES)
    corners = np.round(start + step * np.arange(FRAMES)[:, None]).astype(int)
    return np.stack([photograph[y:y + SIZE, x:x + SIZE] for x, y in corners])


def batch(photographs, count, random):
    labels = random.integers(len(DIRECTIONS), size=count)
    ways = list(DIRECTIONS.values())
    clips = np.stack([clip(photographs[random.integers(len(photographs))], ways[label], random) for label in labels])
    return clips, torch.tensor(labels)


def pixels(clips):
    """(B, 3, T, H, W), -1...1."""
    return torch.tensor(clips).permute(0, 4, 1, 2, 3).float() / 127.5 - 1


def write_clips(folder, clips, labels):
    folder.mkdir(parents=True, exist_ok=True)
    for index, (frames, label) in enumerate(zip(clips, labels)):
        raw = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{SIZE}x{SIZE}", "-r", "25", "-i", "-", "-crf", "18"]
        path = folder / f"{list(DIRECTIONS)[label]}-{index:03}.mp4"
        subprocess.run(["ffmpeg", "-v", "error", "-y", *raw, str(path)], input=frames.tobytes(), check=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("output", type=Path)
    parser.add_argument("photographs", nargs="+")
    parser.add_argument("--steps", type=int, default=900)
    options = parser.parse_args()
    images = [np.asarray(Image.open(path).convert("RGB")) for path in options.photographs]
    random = np.random.default_rng(0)
    torch.manual_seed(0)
    model = VideoTransformer()
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, options.steps)
    for step in range(options.steps):
        clips, labels = batch(images[:-1], 32, random)
        loss = nn.functional.cross_entropy(model(pixels(clips)), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        if step % 50 == 49:
            print(f"step {step + 1}: {loss.item():.3f}", flush=True)
    clips, labels = batch(images[-1:], 200, random)
    with torch.inference_mode():
        right = (model(pixels(clips)).argmax(1) == labels).float().mean()
    print(f"held-out accuracy {right:.1%}")
    write_clips(options.output / "clips", clips, labels)
    save_file(model.tensors(), options.output / "model.safetensors")
    config = {
        "architecture": "vit_motion", "num_classes": len(DIRECTIONS), "global_pool": "avg",
        "label_names": list(DIRECTIONS),
        "model_args": {"img_size": SIZE, "patch_size": PATCH, "embed_dim": WIDTH, "depth": DEPTH, "num_heads": HEADS,
                       "class_token": False, "fc_norm": True},
        "pretrained_cfg": {"input_size": [3, SIZE, SIZE], "mean": [0.5] * 3, "std": [0.5] * 3, "crop_pct": 1.0,
                           "interpolation": "bicubic"},
        "m2pt": {"modality": "video", "video": {"frames": FRAMES, "tubelet": 2, "sampling_rate": 1}},
    }
    (options.output / "config.json").write_text(json.dumps(config, indent=2))


main()
