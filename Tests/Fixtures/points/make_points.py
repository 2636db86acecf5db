"""Goldens for point transformers: Point-MAE's fine-tuned classifier and its part segmentation model, rebuilt small.

    python Tests/Fixtures/points/make_points.py    # rewrites every *.safetensors in this folder, same bytes each time

The modules, their names and the order of what is concatenated are those of Point-MAE (Pang et al. 2022, arXiv
2203.06604); only the widths are smaller. One file a model. Tensors:
    weights.NAME      float32, NAME as Point-MAE's checkpoints have it
    points            (2, P, 3) float32, centred and scaled to the unit sphere
    float64.X         X computed in double from those weights and the float32 points:
        tokens        (2, G, C) as the mini-PointNet makes them
        positions     (2, G, C)
        block.N       (2, T, C) output of block N, T tokens with the class token first where there is one
        features      (2, T, C) after the final norm
        logits        (2, classes); (2, P, parts) log-probabilities of the segmentation model
    centers           (2, G) int32: indices of centres; neighbours (2, G, K) int32
    categories        (2) int32, of the segmentation model
Metadata: `config` is the model's config.json, `versions` says what made the file.
"""
import json
import sys
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))
from oracle import array, randomize, write

VERSIONS = {"torch": torch.__version__}


def centers_of(points: np.ndarray, count: int) -> np.ndarray:
    """The rule of the CUDA sampler: index 0 first; points with x^2 + y^2 + z^2 <= 1e-3 are never sampled after it."""
    chosen = np.zeros((len(points), count), np.int32)
    for row, cloud in enumerate(points):
        squares = (cloud[:, 0] * cloud[:, 0] + cloud[:, 1] * cloud[:, 1]) + cloud[:, 2] * cloud[:, 2]
        nearest = np.where(squares <= np.float32(1e-3), np.float32(-1), np.float32(np.inf))
        for step in range(1, count):
            d = cloud - cloud[chosen[row, step - 1]]
            nearest = np.minimum(nearest, (d[:, 0] * d[:, 0] + d[:, 1] * d[:, 1]) + d[:, 2] * d[:, 2])
            chosen[row, step] = nearest.argmax()
    return chosen


def neighbours_of(points: np.ndarray, chosen: np.ndarray, count: int) -> np.ndarray:
    result = np.zeros(chosen.shape + (count,), np.int32)
    for row, cloud in enumerate(points):
        for group, center in enumerate(chosen[row]):
            d = cloud - cloud[center]
            squares = (d[:, 0] * d[:, 0] + d[:, 1] * d[:, 1]) + d[:, 2] * d[:, 2]
            order = np.argsort(squares, kind="stable")
            assert squares[order[count]] > squares[order[count - 1]], "a tie at the edge: choose another seed"
            result[row, group] = order[:count]
    return result


class Encoder(nn.Module):
    def __init__(self, widths, channels):
        super().__init__()
        a, b, c = widths
        self.first_conv = nn.Sequential(nn.Conv1d(3, a, 1), nn.BatchNorm1d(a), nn.ReLU(), nn.Conv1d(a, b, 1))
        self.second_conv = nn.Sequential(
            nn.Conv1d(2 * b, c, 1), nn.BatchNorm1d(c), nn.ReLU(), nn.Conv1d(c, channels, 1))

    def forward(self, groups):
        batch, count, size, _ = groups.shape
        x = self.first_conv(groups.reshape(batch * count, size, 3).transpose(1, 2))
        x = torch.cat([x.max(dim=2, keepdim=True)[0].expand(-1, -1, size), x], dim=1)
        return self.second_conv(x).max(dim=2)[0].reshape(batch, count, -1)


class Attention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.proj = nn.Linear(width, width)

    def forward(self, x):
        batch, tokens, width = x.shape
        q, k, v = self.qkv(x).reshape(batch, tokens, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        weights = (q @ k.transpose(-2, -1) * q.shape[-1] ** -0.5).softmax(dim=-1)
        return self.proj((weights @ v).transpose(1, 2).reshape(batch, tokens, width))


class MLP(nn.Module):
    def __init__(self, width, hidden):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(width, hidden), nn.Linear(hidden, width)

    def forward(self, x):
        return self.fc2(F.gelu(self.fc1(x)))


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.norm1, self.attn = nn.LayerNorm(width), Attention(width, heads)
        self.norm2, self.mlp = nn.LayerNorm(width), MLP(width, 4 * width)

    def forward(self, x):
        x = x + self.attn(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class Blocks(nn.Module):
    """Point-MAE's encoder: positions are added before every block. Its list of blocks is named `blocks` again."""

    def __init__(self, width, depth, heads):
        super().__init__()
        self.blocks = nn.ModuleList([Block(width, heads) for _ in range(depth)])

    def forward(self, x, positions):
        outputs = []
        for block in self.blocks:
            x = block(x + positions)
            outputs.append(x)
        return outputs


class PointModel(nn.Module):
    def __init__(self, c):
        super().__init__()
        p, width = c["m2pt"]["points"], c["model_args"]["embed_dim"]
        self.p, self.width = p, width
        self.encoder = Encoder(p["encoder_widths"], width)
        self.pos_embed = nn.Sequential(
            nn.Linear(3, p["position_width"]), nn.GELU(), nn.Linear(p["position_width"], width))
        self.blocks = Blocks(width, c["model_args"]["depth"], c["model_args"]["num_heads"])
        self.norm = nn.LayerNorm(width)

    def embed(self, points, chosen, neighbours):
        rows = torch.arange(len(points))
        centers = points[rows[:, None], chosen]
        groups = points[rows[:, None, None], neighbours] - centers[:, :, None]
        return self.encoder(groups), self.pos_embed(centers), centers


class Classifier(PointModel):
    def __init__(self, c):
        super().__init__(c)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, self.width))
        self.cls_pos = nn.Parameter(torch.zeros(1, 1, self.width))
        first, second = self.p["head_widths"]
        self.cls_head_finetune = nn.Sequential(
            nn.Linear(2 * self.width, first), nn.BatchNorm1d(first), nn.ReLU(), nn.Dropout(0.5),
            nn.Linear(first, second), nn.BatchNorm1d(second), nn.ReLU(), nn.Dropout(0.5),
            nn.Linear(second, c["num_classes"]))

    def forward(self, points, chosen, neighbours, _):
        tokens, positions, _ = self.embed(points, chosen, neighbours)
        batch = len(points)
        x = torch.cat([self.cls_token.expand(batch, -1, -1), tokens], dim=1)
        outputs = self.blocks(x, torch.cat([self.cls_pos.expand(batch, -1, -1), positions], dim=1))
        features = self.norm(outputs[-1])
        logits = self.cls_head_finetune(torch.cat([features[:, 0], features[:, 1:].max(dim=1)[0]], dim=-1))
        return tokens, positions, outputs, features, logits


class FeaturePropagation(nn.Module):
    def __init__(self, channels, widths):
        super().__init__()
        self.mlp_convs, self.mlp_bns = nn.ModuleList(), nn.ModuleList()
        for width in widths:
            self.mlp_convs.append(nn.Conv1d(channels, width, 1))
            self.mlp_bns.append(nn.BatchNorm1d(width))
            channels = width

    def forward(self, points, centers, features):
        squares = ((points[:, :, None] - centers[:, None]) ** 2).sum(dim=-1)
        squares, order = squares.sort(dim=-1)
        weights = 1 / (squares[:, :, :3] + 1e-8)
        weights = weights / weights.sum(dim=-1, keepdim=True)
        rows = torch.arange(len(points))[:, None, None]
        mixed = (features[rows, order[:, :, :3]] * weights[..., None]).sum(dim=2)
        x = torch.cat([points, mixed], dim=-1).transpose(1, 2)
        for conv, norm in zip(self.mlp_convs, self.mlp_bns):
            x = F.relu(norm(conv(x)))
        return x


class Segmenter(PointModel):
    def __init__(self, c):
        super().__init__(c)
        p, features = self.p, len(self.p["feature_blocks"]) * self.width
        first, second = p["point_widths"]
        self.label_conv = nn.Sequential(
            nn.Conv1d(len(p["categories"]), p["category_width"], 1, bias=False), nn.BatchNorm1d(p["category_width"]),
            nn.LeakyReLU(0.2))
        self.propagation_0 = FeaturePropagation(features + 3, p["propagation_widths"])
        self.convs1 = nn.Conv1d(p["propagation_widths"][1] + 2 * features + p["category_width"], first, 1)
        self.convs2, self.convs3 = nn.Conv1d(first, second, 1), nn.Conv1d(second, c["num_classes"], 1)
        self.bns1, self.bns2 = nn.BatchNorm1d(first), nn.BatchNorm1d(second)

    def forward(self, points, chosen, neighbours, categories):
        tokens, positions, centers = self.embed(points, chosen, neighbours)
        outputs = self.blocks(tokens, positions)
        x = torch.cat([self.norm(outputs[index]) for index in self.p["feature_blocks"]], dim=-1)
        one_hot = F.one_hot(categories.long(), len(self.p["categories"])).to(points.dtype)[:, :, None]
        cloud = torch.cat([x.max(dim=1)[0], x.mean(dim=1), self.label_conv(one_hot)[:, :, 0]], dim=-1)
        x = self.propagation_0(points, centers, x)
        x = torch.cat([x, cloud[:, :, None].expand(-1, -1, points.shape[1])], dim=1)
        x = F.relu(self.bns2(self.convs2(F.relu(self.bns1(self.convs1(x))))))
        return tokens, positions, outputs, self.norm(outputs[-1]), F.log_softmax(self.convs3(x), 1).transpose(1, 2)


MODELS = {
    "classifier": (Classifier, {
        "architecture": "point_test", "num_classes": 7,
        "model_args": {"embed_dim": 32, "depth": 2, "num_heads": 2},
        "m2pt": {"modality": "points", "points": {
            "points": 140, "groups": 20, "group_size": 9, "encoder_widths": [16, 24, 40], "position_width": 20,
            "head_widths": [28, 24]}},
    }),
    "segmenter": (Segmenter, {
        "architecture": "point_test", "num_classes": 9,
        "model_args": {"embed_dim": 32, "depth": 3, "num_heads": 2, "class_token": False, "global_pool": "max"},
        "m2pt": {"modality": "points", "task": "per_point", "points": {
            "points": 150, "groups": 12, "group_size": 8, "encoder_widths": [16, 24, 40], "position_width": 20,
            "feature_blocks": [0, 1, 2], "category_width": 6, "propagation_widths": [40, 36],
            "point_widths": [28, 20], "categories": [
                {"name": "lamp", "parts": [0, 1]}, {"name": "chair", "parts": [2, 3, 4]},
                {"name": "table", "parts": [5, 6]}, {"name": "mug", "parts": [7, 8]}]}},
    }),
}


def cloud(count: int, generator: torch.Generator) -> np.ndarray:
    """Points of a few boxes, one near the middle, centred and scaled to the unit sphere."""
    points = torch.rand(count, 3, generator=generator) * 2 - 1
    boxes = torch.rand(4, 3, generator=generator) + 0.1
    points = points * boxes[torch.randint(4, (count,), generator=generator)]
    points[count // 2] = points.mean(dim=0)
    points = points - points.mean(dim=0)
    return array((points / points.norm(dim=1).max()).float())


@torch.inference_mode()
def make(name: str, seed: int) -> None:
    kind, config = MODELS[name]
    p = config["m2pt"]["points"]
    model = kind(config)
    randomize(model, seed)
    generator = torch.Generator().manual_seed(seed + 1)
    for key, buffer in sorted(model.named_buffers()):
        if key.endswith("running_mean"):
            buffer.copy_(0.3 * torch.randn(buffer.shape, generator=generator))
        elif key.endswith("running_var"):
            buffer.copy_(0.5 + torch.rand(buffer.shape, generator=generator))
        else:
            buffer.fill_(1234)
    model.eval()
    points = np.stack([cloud(p["points"], generator) for _ in range(2)])
    chosen = centers_of(points, p["groups"])
    neighbours = neighbours_of(points, chosen, p["group_size"])
    categories = np.array([2, 0], np.int32)
    weights = {f"weights.{key}": array(value) for key, value in model.state_dict().items()}
    model.double()
    arguments = [torch.from_numpy(item) for item in (points.astype(np.float64), chosen, neighbours, categories)]
    arguments[1], arguments[2] = arguments[1].long(), arguments[2].long()
    tokens, positions, outputs, features, logits = model(*arguments)
    tensors = {"points": points, "centers": chosen, "neighbours": neighbours}
    if name == "segmenter":
        tensors["categories"] = categories
    results = {"tokens": tokens, "positions": positions, "features": features, "logits": logits}
    results |= {f"block.{index}": output for index, output in enumerate(outputs)}
    tensors |= {f"float64.{key}": array(value) for key, value in results.items()}
    write(HERE / f"{name}.safetensors", tensors | weights, config=config, versions=VERSIONS)


if __name__ == "__main__":
    torch.set_num_threads(1)
    for index, name in enumerate(MODELS):
        make(name, seed=200 + index)
