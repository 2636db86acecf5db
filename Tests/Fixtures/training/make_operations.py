"""Pictures changed by timm's RandAugment operations, which are Pillow's.

    python Tests/Fixtures/training/make_operations.py    # rewrites operations.safetensors in this folder

`pip install pillow==13.0.0` besides what oracle.py names. Tensors, uint8 (H, W, 3):
    NAME.picture    noise on a gradient, of another range in each channel
    NAME.results    (cases, H, W, 3), in the order of the metadata `cases`
A case has the operation's name in the list without `Increasing`, whether it is of that list (`increases`), the level,
the sign of the argument, the argument itself, and whether the interpolation is bicubic. The colour outside pictures is
that of the metadata `fill`. 0 bits are absent: Pillow refuses them.
"""
from unittest import mock

import numpy as np
import PIL
from PIL import Image

from make_gradients import HERE, timm, write
from timm.data import auto_augment

FILL = (124, 116, 104)
SIZES = {"odd": (11, 13), "pixel": (1, 1), "row": (1, 7), "column": (5, 2), "square": (4, 4)}
LEVELS = (0, 3, 6.5, 9, 10)
# Of signed arguments; quarter turns are reached by `mmax`.
FAR_LEVELS = (30, 60)
SAMPLED = ("Rotate", "ShearX", "ShearY", "TranslateXRel", "TranslateYRel")


def picture(height: int, width: int, seed: int) -> np.ndarray:
    generator = np.random.default_rng(seed)
    ramp = np.linspace(0, 1, height * width).reshape(height, width, 1)
    noise = generator.random((height, width, 3))
    low, high = np.array([20, 0, 90]), np.array([210, 256, 130])
    return np.floor(low + (high - low) * (ramp + noise) / 2).astype(np.uint8)


def cases() -> list[dict]:
    result = []
    for increases, names in ((False, auto_augment._RAND_TRANSFORMS), (True, auto_augment._RAND_INCREASING_TRANSFORMS)):
        for name in names:
            level_of = auto_augment.LEVEL_TO_ARG[name]
            if increases and name in auto_augment._RAND_TRANSFORMS:
                continue
            for level in LEVELS + (FAR_LEVELS if name == "Rotate" else ()) if level_of else (10,):
                for draw in (0.75, 0.25):
                    with mock.patch("random.random", lambda: draw):
                        arguments = level_of(level, {}) if level_of else ()
                    argument = float(arguments[0]) if arguments else 0.0
                    for cubic in (True, False) if name in SAMPLED else (True,):
                        case = {"operation": name.replace("Increasing", ""), "increases": increases, "level": level,
                                "negative": draw > 0.5, "argument": argument, "cubic": cubic}
                        same = [other for other in result if other | {"negative": draw > 0.5} == case]
                        if not same and not (name.startswith("Posterize") and argument < 1):
                            result.append(case)
    return result


def change(image: Image.Image, case: dict) -> np.ndarray:
    integral = case["operation"] in ("Posterize", "Solarize", "SolarizeAdd")
    argument = int(case["argument"]) if integral else case["argument"]
    arguments = () if case["operation"] in ("AutoContrast", "Equalize", "Invert") else (argument,)
    resample = Image.Resampling.BICUBIC if case["cubic"] else Image.Resampling.BILINEAR
    changed = auto_augment.NAME_TO_OP[case["operation"]](image, *arguments, fillcolor=FILL, resample=resample)
    return np.asarray(changed)


def main() -> None:
    tensors, listed = {}, cases()
    for seed, (name, size) in enumerate(SIZES.items()):
        values = picture(*size, seed)
        tensors[f"{name}.picture"] = values
        tensors[f"{name}.results"] = np.stack([change(Image.fromarray(values), case) for case in listed])
    # Enough pixels for a step of several, and one channel of a single value.
    values = picture(40, 30, 9)
    values[..., 2] = 77
    few = [index for index, case in enumerate(listed) if case["operation"] in ("AutoContrast", "Equalize", "Sharpness")]
    tensors["large.picture"] = values
    tensors["large.results"] = np.stack([change(Image.fromarray(values), listed[index]) for index in few])
    write(HERE / "operations.safetensors", tensors, cases=listed, fill=list(FILL), large=few,
          versions={"timm": timm.__version__, "pillow": PIL.__version__})
    print(len(listed), "cases")


if __name__ == "__main__":
    main()
