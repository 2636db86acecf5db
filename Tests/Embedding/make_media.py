"""Makes sounds and clouds: data for the models in Sound/ and Parts/, and files for checks, with the standard library.

    python3 make_media.py hum 7 OUTPUT.wav          # hum, beeps or hiss; a seed
    python3 make_media.py mug 7 OUTPUT.ply          # mug or table: its body or top first, then its handle or legs
    python3 make_media.py data OUTPUT               # folders of classes, for training

The models have 30,000 and 42,000 parameters. They were trained by

    m2pt train --target Sound --from-scratch --data OUTPUT/sounds/train --validation OUTPUT/sounds/test \\
        --set epochs=20 --set batch=20 --set warmup_epochs=2 --set learning_rate=0.002 --output sound
    m2pt train --target Parts --from-scratch --data OUTPUT/clouds/train --validation OUTPUT/clouds/test \\
        --set epochs=30 --set batch=8 --set warmup_epochs=2 --set learning_rate=0.003 --output parts

and name all 60 sounds of OUTPUT/sounds/test rightly; the instance mIoU of OUTPUT/clouds/test is 94.12 %.
"""
import math
import random
import struct
import sys
import wave
from pathlib import Path

RATE = 8000  # samples a second
POINTS = 512
COUNTS = {"train": 60, "test": 20}  # files of each class


def write_sound(kind: str, choice: random.Random, file: Path) -> None:
    """0.6 to 0.9 s of a tone with overtones (hum), of a tone that comes and goes (beeps), or of noise (hiss)."""
    count = int(choice.uniform(0.6, 0.9) * RATE)
    pitch = choice.uniform(120, 300) if kind == "hum" else choice.uniform(600, 1800)
    strength, background = choice.uniform(0.2, 0.6), choice.uniform(0.005, 0.02)
    period = choice.uniform(0.1, 0.2) * RATE
    samples = []
    for index in range(count):
        turn = 2 * math.pi * pitch * index / RATE
        if kind == "hum":
            value = sum(math.sin(overtone * turn) / overtone for overtone in range(1, 5)) / 2
        elif kind == "beeps":
            value = math.sin(turn) if index % period < period / 2 else 0
        else:
            value = choice.gauss(0, 0.3)
        samples.append(round(32767 * max(-1, min(1, strength * value + choice.gauss(0, background)))))
    with wave.open(str(file), "wb") as output:
        output.setparams((1, 2, RATE, 0, "NONE", ""))
        output.writeframes(struct.pack(f"<{count}h", *samples))


def mug(choice: random.Random):
    radius, height = choice.uniform(0.6, 0.9), choice.uniform(1.4, 2)
    width = choice.uniform(0.3, 0.5) * height

    def body():
        angle = choice.uniform(0, 2 * math.pi)
        return radius * math.cos(angle), choice.uniform(0, height), radius * math.sin(angle)

    def handle():
        angle = choice.uniform(-math.pi / 2, math.pi / 2)
        return radius + 0.8 * width * math.cos(angle), height / 2 + width * math.sin(angle), choice.gauss(0, 0.08)

    return [(0, body, POINTS * 3 // 4), (1, handle, POINTS // 4)]


def table(choice: random.Random):
    width, depth, height = choice.uniform(0.8, 1.4), choice.uniform(0.5, 0.9), choice.uniform(0.7, 1.2)

    def top():
        return choice.uniform(-width, width), height + choice.uniform(-0.03, 0.03), choice.uniform(-depth, depth)

    def leg():
        x, z = choice.choice((-1, 1)) * (width - 0.1), choice.choice((-1, 1)) * (depth - 0.1)
        return x + choice.gauss(0, 0.03), choice.uniform(0, height - 0.05), z + choice.gauss(0, 0.03)

    return [(2, top, POINTS * 5 // 8), (3, leg, POINTS * 3 // 8)]


def write_cloud(kind: str, choice: random.Random, file: Path) -> None:
    """A mug or a table, turned around its upright axis: POINTS points and their parts, part by part."""
    parts = (mug if kind == "mug" else table)(choice)
    angle = choice.uniform(0, 2 * math.pi)
    cosine, sine = math.cos(angle), math.sin(angle)
    vertices = b""
    for part, place, count in parts:
        for _ in range(count):
            x, y, z = place()
            vertices += struct.pack("<3fB", cosine * x + sine * z, y, cosine * z - sine * x, part)
    properties = [("float", "x"), ("float", "y"), ("float", "z"), ("uchar", "label")]
    header = ["ply", "format binary_little_endian 1.0", f"element vertex {POINTS}"]
    header += [f"property {kind} {name}" for kind, name in properties] + ["end_header", ""]
    file.write_bytes("\n".join(header).encode() + vertices)


KINDS = {"beeps": write_sound, "hiss": write_sound, "hum": write_sound, "mug": write_cloud, "table": write_cloud}


def write_data(output: Path) -> None:
    for kind, write in KINDS.items():
        for split, count in COUNTS.items():
            folder, ending = ("sounds", "wav") if write is write_sound else ("clouds", "ply")
            place = output / folder / split / kind
            place.mkdir(parents=True)
            for index in range(count):
                write(kind, random.Random(f"{split} {index}"), place / f"{index}.{ending}")


if __name__ == "__main__":
    if sys.argv[1] == "data":
        write_data(Path(sys.argv[2]))
    else:
        kind, seed, file = sys.argv[1:]
        KINDS[kind](kind, random.Random(int(seed)), Path(file))
