"""Trains a small sound transformer to classify spoken digits: evidence that m2pt's spectrograms are those of Kaldi.

    pip install torch==2.13.0+cpu timm==1.0.31 kaldi-native-fbank==1.20 soundfile pillow
    python Tests/Fixtures/training/train_speech.py RECORDINGS OUTPUT [--epochs 40]
    m2pt classify --model OUTPUT 'RECORDINGS/*_theo_*.wav'

RECORDINGS holds the Free Spoken Digit Dataset's DIGIT_SPEAKER_N.wav, 8 kHz; the speakers theo and yweweler are not
trained on. OUTPUT becomes a model directory: the demo's transformer (train_demo.py) on 40 mel bins and
96 frames of kaldi-native-fbank. Prints the held-out accuracy and writes PyTorch's logits of the held-out recordings,
sorted by name, to OUTPUT/held-out.safetensors. Nothing here runs when the package is built, tested or used.
"""
import argparse
import sys
from pathlib import Path

import numpy as np
import soundfile
import torch

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "audio")]
import train_demo as demo
from make_features import kaldi
from oracle import array, write

RATE, BINS, FRAMES, MEAN, STD = 8000, 40, 96, -8.0, 4.0
SILENCE = -MEAN / (2 * STD)  # the normalised value of missing frames, which are 0 before


def spectrogram(path: Path) -> np.ndarray:
    """(BINS, FRAMES): (x - MEAN) / (2 STD) of Kaldi's filter bank, padded with zeros or cut."""
    samples, rate = soundfile.read(path, dtype="float32")
    assert rate == RATE and samples.ndim == 1, path
    features = kaldi(samples - samples.mean(), RATE, BINS)[:FRAMES]
    padded = np.zeros((FRAMES, BINS), np.float32)
    padded[:len(features)] = features
    return ((padded - MEAN) / (2 * STD)).T


def disguised(spectrograms: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """The demo's changes of voice, and a random volume; padding is not changed."""
    gain = 0.35 * torch.randn(len(spectrograms), 1, 1, 1, generator=generator) - 0.1
    return demo.disguise(torch.where(spectrograms == SILENCE, spectrograms, spectrograms + gain), generator)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("recordings", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--epochs", type=int, default=40)
    options = parser.parse_args()
    paths = sorted(options.recordings.glob("*_*_*.wav"))
    if not paths:
        raise SystemExit(f"{options.recordings}: no recordings named DIGIT_SPEAKER_N.wav")
    inputs = torch.from_numpy(np.stack([spectrogram(path) for path in paths]))[:, None]
    labels = torch.tensor([int(path.stem.split("_")[0]) for path in paths])
    held = torch.tensor([path.stem.split("_")[1] in demo.HELD_OUT_SPEAKERS for path in paths])
    torch.manual_seed(0)
    model, config = demo.make_model("vit_spoken_digits", (BINS, FRAMES), 8, 1, 0.0, 1.0)
    demo.train("speech", model, inputs[~held], labels[~held], disguised, options.epochs, seed=1)
    print(f"held-out speakers: {100 * demo.accuracy(model, inputs[held], labels[held]):.1f} %")
    config["m2pt"] = {"modality": "audio", "audio": {
        "sample_rate": RATE, "mean": MEAN, "std": STD, "remove_mean": True, "layout": "mel_time"}}
    demo.save_model(options.output, model.state_dict(), config, "spoken digits, by train_speech.py")
    write(options.output / "held-out.safetensors", {"logits": array(demo.logits(model, inputs[held]))})


if __name__ == "__main__":
    main()
