"""Goldens for the image front end: the results of Pillow, torchvision, timm and transformers for small pictures.

    pip install pillow==13.0.0 scikit-image==0.26.0 torchvision transformers==5.23.0    # and what ../oracle.py names
    python Tests/Fixtures/images/make_fixtures.py    # rewrites the files of this folder, same bytes each time

Files:
    *.jpg, *.png                reduced photographs (sources in README.md)
    decoding.safetensors        KIND.file, the bytes of an image file; KIND.rgb, (H, W, 3) as Pillow decodes it:
                                ImageOps.exif_transpose(Image.open(file)).convert("RGB"); 16-bit grey by its high bytes
    resizing.safetensors        SOURCE.rgb; SOURCE.FILTER.HxW, Image.resize((W, H), FILTER)
    preprocessing.safetensors   CASE.pixels, (3, H, W) float32; metadata `cases` has picture and configuration;
                                values.CASE, (3, 256): the result for each value of a sample
"""
import io
import json
import struct
import sys
import zlib
from pathlib import Path

import numpy as np
import PIL.features
import skimage
import torch
from PIL import Image, ImageOps

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))
from oracle import import_timm, write

timm = import_timm()
import torchvision
import transformers
from timm.data import create_transform, resolve_data_config

VERSIONS = {module.__name__: module.__version__ for module in (PIL, torch, torchvision, timm, transformers)}
VERSIONS["libjpeg-turbo"] = PIL.features.version("libjpeg_turbo")
random = np.random.default_rng(20)


# MARK: Photographs

def photograph(name: str, width: int) -> Image.Image:
    picture = Image.open(Path(skimage.__file__).parent / "data" / name).convert("RGB")
    return picture.resize((width, round(picture.height * width / picture.width)), Image.Resampling.LANCZOS)


def make_photographs() -> dict[str, Image.Image]:
    photograph("chelsea.png", 300).save(HERE / "cat.jpg", quality=85)
    photograph("rocket.jpg", 240).rotate(90, expand=True).save(
        HERE / "rocket.jpg", quality=85, progressive=True, subsampling="4:4:4", exif=orientation(6))
    photograph("coffee.png", 220).save(HERE / "coffee.jpg", quality=80, subsampling="4:2:2")
    photograph("astronaut.png", 96).save(HERE / "astronaut.png", optimize=True)
    return {path.name: rgb(path.read_bytes()) for path in sorted(HERE.iterdir()) if path.suffix in (".jpg", ".png")}


# MARK: Decoding

def orientation(value: int) -> Image.Exif:
    exif = Image.Exif()
    exif[274] = value
    return exif


def rgb(data: bytes) -> Image.Image:
    picture = Image.open(io.BytesIO(data))
    picture = ImageOps.exif_transpose(picture)
    if picture.mode.startswith("I;16"):
        # Pillow clips these to 255; the high bytes are what it keeps of all other 16-bit samples.
        picture = Image.fromarray((np.asarray(picture).astype(np.uint16) >> 8).astype(np.uint8))
    return picture.convert("RGB")


def jpeg(picture: Image.Image, **options) -> bytes:
    file = io.BytesIO()
    picture.save(file, "JPEG", **options)
    return file.getvalue()


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(samples: np.ndarray, depth: int, color: int, interlaced: bool = False, before: bytes = b"",
        after: bytes = b"") -> bytes:
    """A PNG file of any kind, (H, W, channels) samples of `depth` bits, each row with another filter."""
    height, width, channels = samples.shape
    pixel_bytes = max(1, depth * channels // 8)
    passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
    raw = bytearray()
    for left, top, right_step, down_step in passes if interlaced else [(0, 0, 1, 1)]:
        part = samples[top::down_step, left::right_step]
        if part.size == 0:
            continue
        previous = None
        for index, row in enumerate(part):
            bits = (row.reshape(-1, 1) >> np.arange(depth - 1, -1, -1)) & 1
            line = np.packbits(bits.astype(np.uint8).reshape(-1)).astype(int)
            above = np.zeros_like(line) if previous is None else previous
            left_of = np.concatenate([np.zeros(pixel_bytes, int), line])[:len(line)]
            corner = np.concatenate([np.zeros(pixel_bytes, int), above])[:len(line)]
            estimate = left_of + above - corner
            distances = np.abs(np.stack([estimate - left_of, estimate - above, estimate - corner]))
            paeth = np.choose(distances.argmin(0), [left_of, above, corner])
            kind = index % 5
            prediction = [0 * line, left_of, above, (left_of + above) // 2, paeth][kind]
            raw += bytes([kind]) + ((line - prediction) & 255).astype(np.uint8).tobytes()
            previous = line
    data = zlib.compress(bytes(raw), 9)
    half = len(data) // 2
    header = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, int(interlaced))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + before + chunk(b"IDAT", data[:half])
            + chunk(b"IDAT", data[half:]) + after + chunk(b"IEND", b""))


def png_files() -> dict[str, bytes]:
    files = {}
    height, width = 11, 13
    colors = {0: ("grey", 1, (1, 2, 4, 8, 16)), 2: ("rgb", 3, (8, 16)), 3: ("palette", 1, (1, 2, 4, 8)),
              4: ("grey_alpha", 2, (8, 16)), 6: ("rgba", 4, (8, 16))}
    for color, (name, channels, depths) in colors.items():
        for depth in depths:
            samples = random.integers(0, 1 << depth, (height, width, channels))
            if (color, depth) == (0, 16):
                samples[::2] %= 256  # what Pillow does not clip
            before, transparent = b"", b""
            if color == 3:
                # One entry too few: the last index has no colour of its own.
                before = chunk(b"PLTE", random.integers(0, 256, 3 * max(1, (1 << depth) - 1), dtype=np.uint8).tobytes())
                transparent = chunk(b"tRNS", bytes([0, 128]))
            elif color in (0, 2):
                transparent = chunk(b"tRNS", b"".join(struct.pack(">H", int(v)) for v in samples[0, 0]))
            files[f"png_{name}_{depth}"] = png(samples, depth, color, before=before)
            files[f"png_{name}_{depth}_interlaced"] = png(samples, depth, color, True, before=before)
            if transparent:
                files[f"png_{name}_{depth}_transparent"] = png(samples, depth, color, before=before + transparent)
    tiny = random.integers(0, 256, (1, 2, 3))
    files["png_tiny_interlaced"] = png(tiny, 8, 2, True)
    colored = random.integers(0, 256, (3, 5, 3))
    gamma = chunk(b"gAMA", struct.pack(">I", 45455)) + chunk(b"sBIT", bytes([5, 6, 5]))
    files["png_gamma"] = png(colored, 8, 2, before=gamma)
    return files


def jpeg_files(picture: Image.Image) -> dict[str, bytes]:
    files = {}
    small = picture.crop((30, 20, 30 + 37, 20 + 27))
    files["jpeg_grey"] = jpeg(small.convert("L"))
    for name, subsampling in (("444", "4:4:4"), ("422", "4:2:2"), ("420", "4:2:0")):
        files[f"jpeg_{name}"] = jpeg(small, subsampling=subsampling, quality=60)
        files[f"jpeg_{name}_progressive"] = jpeg(small, subsampling=subsampling, quality=90, progressive=True)
    files["jpeg_rgb"] = jpeg(small, keep_rgb=True)
    files["jpeg_restarts"] = jpeg(small, restart_marker_blocks=2)
    files["jpeg_one_pixel"] = jpeg(small.crop((0, 0, 1, 1)))
    inks = np.concatenate([np.asarray(small), np.asarray(small)[::-1, :, 1:2]], -1)
    cmyk = jpeg(Image.fromarray(np.ascontiguousarray(inks), "CMYK"), quality=90)
    files["jpeg_cmyk"] = cmyk
    # The last byte of Adobe's marker is the colour transform: 2 makes the same data YCCK.
    adobe = cmyk.index(b"\xff\xee\x00\x0eAdobe") + 15
    files["jpeg_ycck"] = cmyk[:adobe] + b"\x02" + cmyk[adobe + 1:]
    files["jpeg_cmyk_unmarked"] = cmyk[:adobe - 15] + cmyk[adobe + 1:]
    files["jpeg_no_end"] = jpeg(small)[:-2] + bytes(16)
    return files


def tiff(*entries: tuple[int, int, int, bytes], big: bool = False, directory: int = 8) -> bytes:
    order = ">" if big else "<"
    packed = b"".join(struct.pack(order + "HHI", *entry[:3]) + entry[3] for entry in entries)
    return ((b"MM\0*" if big else b"II*\0") + struct.pack(order + "IH", directory, len(entries)) + packed + bytes(4))


def exif_files(picture: Image.Image) -> dict[str, bytes]:
    base = jpeg(picture.crop((60, 40, 60 + 9, 40 + 6)), quality=95)
    samples = random.integers(0, 256, (4, 3, 3))

    def in_jpeg(*segments: bytes) -> bytes:
        return base[:2] + b"".join(b"\xff\xe1" + struct.pack(">H", len(s) + 2) + s for s in segments) + base[2:]

    six = (274, 3, 1, struct.pack("<I", 6))
    files = {}
    for value in range(1, 9):
        files[f"exif_{value}_jpeg"] = in_jpeg(b"Exif\0\0" + tiff((274, 3, 1, struct.pack("<I", value))))
        big = tiff((274, 3, 1, struct.pack(">HH", value, 0)), big=True)
        files[f"exif_{value}_png"] = png(samples, 8, 2, before=chunk(b"eXIf", big))
    broken = {
        "value_0": tiff((274, 3, 1, bytes(4))), "value_9": tiff((274, 3, 1, struct.pack("<I", 9))),
        "byte": tiff((274, 1, 1, b"\6\0\0\0")), "long": tiff((274, 4, 1, struct.pack("<I", 6))),
        "no_values": tiff((274, 3, 0, struct.pack("<I", 6))), "two_values": tiff((274, 3, 2, struct.pack("<HH", 6, 3))),
        "twice": tiff(six, (274, 3, 1, struct.pack("<I", 3))), "cut": tiff(six)[:16], "after_cut": tiff(six, six)[:24],
        "far_directory": tiff(six, directory=60000), "unknown_type": tiff((271, 99, 9, bytes(4)), six),
        "far_data": tiff((271, 2, 8, struct.pack("<I", 60000)), six),
        "large_data": tiff((271, 2, 60000, struct.pack("<I", 8)), six), "prefix_twice": b"Exif\0\0" + tiff(six),
    }
    for name, data in broken.items():
        files[f"exif_{name}_jpeg"] = in_jpeg(b"Exif\0\0" + data)
    whole = tiff(six)
    files["exif_split_jpeg"] = in_jpeg(b"Exif\0\0" + whole[:13], b"Exif\0\0" + whole[13:])
    files["exif_behind_image_png"] = png(samples, 8, 2, after=chunk(b"eXIf", whole))
    profile = b"\nexif\n%8d\n" % len(whole) + whole.hex().encode()
    files["exif_profile_png"] = png(
        samples, 8, 2, before=chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(profile)))
    for name, text in (("attribute", b'<x tiff:Orientation="8"/>'), ("element", b"<tiff:Orientation>5</x>"),
                       ("second", b'tiff:Orientation="x" tiff:Orientation="3"'), ("none", b"tiff:Orientation=6")):
        files[f"xmp_{name}_jpeg"] = in_jpeg(b"http://ns.adobe.com/xap/1.0/\0" + text)
        files[f"xmp_{name}_png"] = png(samples, 8, 2, before=chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + text))
    files["xmp_and_exif_jpeg"] = in_jpeg(b"http://ns.adobe.com/xap/1.0/\0<tiff:Orientation>5<", b"Exif\0\0" + whole)
    return files


def make_decoding(picture: Image.Image) -> None:
    tensors = {}
    for name, data in (png_files() | jpeg_files(picture) | exif_files(picture)).items():
        tensors[f"{name}.file"] = np.frombuffer(data, np.uint8)
        tensors[f"{name}.rgb"] = np.asarray(rgb(data))
    write(HERE / "decoding.safetensors", tensors, versions=VERSIONS)


# MARK: Resizing

FILTERS = {name: Image.Resampling[name.upper()] for name in ("nearest", "box", "bilinear", "bicubic", "lanczos")}


def make_resizing(picture: Image.Image) -> None:
    stripes = np.zeros((18, 25, 3), np.uint8)
    stripes[::2, :, 0], stripes[:, ::2, 1], stripes[1::3, ::3, 2] = 255, 255, 255
    sources = {
        "photo": np.asarray(picture.crop((90, 40, 90 + 53, 40 + 38))), "stripes": stripes,
        "pixel": np.array([[[7, 200, 255]]], np.uint8), "row": random.integers(0, 256, (1, 90, 3), dtype=np.uint8),
        "column": random.integers(0, 256, (90, 1, 3), dtype=np.uint8),
        "tall": random.integers(0, 256, (301, 2, 3), dtype=np.uint8),
        "noise": random.integers(0, 256, (17, 16, 3), dtype=np.uint8),
    }
    sizes = [(1, 1), (8, 8), (13, 22), (29, 3), (2, 41), (38, 9), (17, 53), (60, 1)]
    tensors = {}
    for name, source in sources.items():
        tensors[f"{name}.rgb"] = source
        for kind, filter in FILTERS.items():
            for height, width in sizes:
                resized = Image.fromarray(source).resize((width, height), filter)
                tensors[f"{name}.{kind}.{height}x{width}"] = np.asarray(resized)
    write(HERE / "resizing.safetensors", tensors, versions=VERSIONS)


# MARK: Preprocessing

def timm_cases() -> dict[str, tuple[str, dict]]:
    square, wide = [3, 24, 24], [3, 16, 33]
    imagenet = dict(mean=[0.485, 0.456, 0.406], std=[0.229, 0.224, 0.225])
    half = dict(mean=[0.5, 0.5, 0.5], std=[0.5, 0.5, 0.5])
    cases = {"timm_defaults": ("cat.jpg", dict(input_size=square))}
    for mode in ("center", "squash", "border"):
        for fraction in (1.0, 0.9, 0.875):
            shape = wide if fraction == 0.9 else square
            cases[f"timm_{mode}_{fraction}"] = ("rocket.jpg" if fraction == 1 else "coffee.jpg", dict(
                input_size=shape, crop_pct=fraction, crop_mode=mode, interpolation="bicubic", **imagenet))
    for filter in ("bilinear", "lanczos", "nearest", "box"):
        cases[f"timm_{filter}"] = (
            "astronaut.png", dict(input_size=square, crop_pct=0.95, interpolation=filter, **half))
    cases["timm_enlarging"] = ("tiny", dict(input_size=[3, 31, 20], crop_pct=0.9, interpolation="bicubic", **half))
    cases["timm_row"] = ("row", dict(input_size=square, crop_pct=0.9, interpolation="bicubic", **half))
    cases["timm_column_squashed"] = (
        "column", dict(input_size=square, crop_pct=1.0, crop_mode="squash", interpolation="lanczos", **half))
    cases["timm_pixel"] = ("pixel", dict(input_size=square, crop_pct=0.875, interpolation="bicubic", **half))
    return cases


def hugging_face_cases() -> dict[str, tuple[str, dict]]:
    side = dict(height=24, width=24)
    return {
        "hf_vit": ("cat.jpg", dict(image_processor_type="ViTImageProcessor", size=side, resample=2)),
        "hf_vit_rectangle": ("rocket.jpg", dict(
            image_processor_type="ViTImageProcessor", size=dict(height=20, width=37),
            image_mean=[0.485, 0.456, 0.406], image_std=[0.229, 0.224, 0.225])),
        "hf_vit_old": ("coffee.jpg", dict(feature_extractor_type="ViTFeatureExtractor", size=24, resample=3)),
        "hf_vit_unscaled": ("cat.jpg", dict(image_processor_type="ViTImageProcessorFast", size=side, do_rescale=False,
                                            do_normalize=False)),
        "hf_vit_factor": ("cat.jpg", dict(image_processor_type="ViTImageProcessor", size=side, rescale_factor=0.01)),
        "hf_dinov2": ("coffee.jpg", dict(
            image_processor_type="BitImageProcessor", size=dict(shortest_edge=29), crop_size=side, resample=3,
            image_mean=[0.485, 0.456, 0.406], image_std=[0.229, 0.224, 0.225])),
        "hf_dinov2_odd": ("rocket.jpg", dict(
            image_processor_type="BitImageProcessor", size=dict(shortest_edge=28),
            crop_size=dict(height=23, width=21))),
        "hf_bit_small": ("astronaut.png", dict(
            image_processor_type="BitImageProcessor", size=dict(shortest_edge=20),
            crop_size=dict(height=25, width=23))),
        "hf_deit": ("cat.jpg", dict(image_processor_type="DeiTImageProcessor", size=dict(height=30, width=30),
                                    crop_size=dict(height=21, width=24))),
        "hf_clip_unresized": ("astronaut.png", dict(
            image_processor_type="CLIPImageProcessor", do_resize=False, crop_size=dict(height=20, width=131))),
    }


def hugging_face(configuration: dict, picture: Image.Image) -> np.ndarray:
    name = configuration.get("image_processor_type", "ViT").split("ImageProcessor")[0].split("FeatureExtractor")[0]
    options = {key: value for key, value in configuration.items() if not key.endswith("_type")}
    processor = getattr(transformers, f"{name}ImageProcessorPil")(**options)
    return np.asarray(processor(picture, return_tensors="np")["pixel_values"][0])


def make_preprocessing(pictures: dict[str, Image.Image]) -> None:
    tensors, cases = {}, []
    for name in ("tiny", "row", "column", "pixel"):
        height, width = dict(tiny=(9, 7), row=(1, 300), column=(257, 1), pixel=(1, 1))[name]
        pictures[name] = Image.fromarray(random.integers(0, 256, (height, width, 3), dtype=np.uint8))
        tensors[f"{name}.rgb"] = np.asarray(pictures[name])
    for name, (picture, configuration) in timm_cases().items():
        options = resolve_data_config(pretrained_cfg=configuration)
        transform = create_transform(**options, is_training=False)
        tensors[f"{name}.pixels"] = transform(pictures[picture]).numpy()
        cases.append(dict(name=name, picture=picture, library="timm", configuration=configuration))
    for name, (picture, configuration) in hugging_face_cases().items():
        tensors[f"{name}.pixels"] = hugging_face(configuration, pictures[picture]).astype(np.float32)
        cases.append(dict(name=name, picture=picture, library="transformers", configuration=configuration))

    # Every value of a sample, in every range that models use.
    ramp = Image.fromarray(np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, 2))
    ranges = {
        "imagenet": ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]), "half": ([0.5] * 3, [0.5] * 3),
        "clip": ([0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711]),
    }
    for name, (mean, std) in ranges.items():
        normalize = torchvision.transforms.Compose([
            torchvision.transforms.ToTensor(),
            torchvision.transforms.Normalize(torch.tensor(mean), torch.tensor(std))])
        tensors[f"values.timm.{name}"] = normalize(ramp)[:, 0].numpy()
        configuration = dict(image_processor_type="ViTImageProcessor", do_resize=False, image_mean=mean, image_std=std)
        tensors[f"values.transformers.{name}"] = hugging_face(configuration, ramp)[:, 0].astype(np.float32)
    write(HERE / "preprocessing.safetensors", tensors, versions=VERSIONS, cases=cases)


if __name__ == "__main__":
    photographs = make_photographs()
    make_decoding(photographs["cat.jpg"])
    make_resizing(photographs["cat.jpg"])
    make_preprocessing(photographs)
