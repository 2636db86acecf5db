"""Files of torch.save with other protocols, values, views and wrappers: python3 make_variants.py
(torch 2.13, numpy 2, omegaconf 2.4).

variants.safetensors has the tensors that each must give, as FILE/NAME.
"""

import argparse
import collections
import datetime
import enum
import json
import pathlib
import sys
import types
import zipfile

import numpy as np
import torch
from omegaconf import OmegaConf
from safetensors.torch import save_file

HERE = pathlib.Path(__file__).parent
expected = {}


def numbers(*shape, dtype=torch.float32, start=0):
    return (torch.arange(int(np.prod(shape)), dtype=torch.float32) + 1 + start).reshape(shape).to(dtype)


def save(name, value, tensors, **options):
    torch.save(value, HERE / name, **options)
    for key, tensor in tensors.items():
        # The values of a view with a sign bit are those that Python prints.
        expected[f"{name}/{key}"] = torch.tensor(tensor.tolist(), dtype=tensor.dtype).reshape(tensor.shape)


def stand_in(module, name, bases=(object,)):
    """A class of a library that need not be installed: pickles contain only its name."""
    parts = module.split(".")
    for end in range(1, len(parts) + 1):
        sys.modules.setdefault(".".join(parts[:end]), types.ModuleType(".".join(parts[:end])))
    made = type(name, bases, {"__module__": module})
    setattr(sys.modules[module], name, made)
    return made


class Mode(enum.Enum):
    TRAIN = "train"


Mode.__module__ = "project.modes"
sys.modules["project"] = types.ModuleType("project")
sys.modules["project.modes"] = types.ModuleType("project.modes")
sys.modules["project.modes"].Mode = Mode
AttributeDict = stand_in("lightning.fabric.utilities.data", "AttributeDict", (dict,))
HistoryBuffer = stand_in("mmengine.logging.history_buffer", "HistoryBuffer")


def values():
    """Everything that training code saves with a model."""
    buffer = HistoryBuffer()
    buffer.history = np.arange(3.0)
    configuration = OmegaConf.create({"lr": 1e-3, "layers": [1, 2, {"name": "x"}], "path": "${lr}"})
    return {
        "args": argparse.Namespace(lr=1e-3, betas=(0.9, 0.95), mode=Mode.TRAIN, size=1 << 80, none=None),
        "best": np.float64(83.6), "count": np.int64(7), "history": np.ones((2, 3), np.float32),
        "names": np.array(["a", "bc"]), "objects": np.array([None, 1], dtype=object), "flags": np.bool_(True),
        "fortran": np.asfortranarray(np.ones((2, 3))), "structured": np.zeros(2, dtype=[("x", "<f4"), ("y", "<i8")]),
        "hyper_parameters": AttributeDict(lr=0.1, nested=AttributeDict(x=1)), "config": configuration,
        "list_config": OmegaConf.create([1, "a"]), "path": pathlib.PurePosixPath("out/run"), "size": torch.Size([2, 3]),
        "device": torch.device("cpu"), "dtype": torch.bfloat16, "when": datetime.datetime(2024, 1, 2, 3, 4),
        "for": datetime.timedelta(hours=1), "default": collections.defaultdict(list, a=[1]),
        "counter": collections.Counter("abca"), "deque": collections.deque([1, 2]), "set": {1, 2},
        "frozen": frozenset({3}), "bytes": b"\x00\xff\x80", "bytearray": bytearray(b"\x01\xfe"),
        "long": "x" * 300, "large": -(1 << 3000), "complex": 1 + 2j, "range": range(3), "slice": slice(1, 2),
        "buffer": buffer, "float": 1.5, "tuple": (1, 2, 3, 4, 5), "unicode": "\u00e9\U0001F600",
        "lr_schedulers": [{"last_epoch": 3, "_last_lr": [np.float64(0.1)]}],
    }


def protocols():
    weights = {"a": numbers(2, 3), "b": numbers(4).bfloat16(), "c": torch.nn.Parameter(numbers(3, start=5))}
    for protocol in range(1, 6):
        save(f"protocol_{protocol}.pt", values() | {"state_dict": weights, "epoch": 3}, weights,
             pickle_protocol=protocol)


class Labelled(torch.Tensor):
    pass


Labelled.__module__ = "project.tensors"
sys.modules["project.tensors"] = types.ModuleType("project.tensors")
sys.modules["project.tensors"].Labelled = Labelled


def views():
    """Views with a sign, and tensors and parameters with attributes of their own."""
    waves = torch.complex(numbers(2, 3), numbers(2, 3, start=10))
    attributed, parameter = numbers(3), torch.nn.Parameter(numbers(2))
    attributed.note, parameter.note = "kept apart", ["x"]
    tensors = {
        "negative": torch._neg_view(numbers(2, 3)), "negative_half": torch._neg_view(numbers(4).half()),
        "negative_double": torch._neg_view(numbers(2, 2).double())[:, 1], "imaginary": waves.conj().imag,
        "negative_integer": torch._neg_view(numbers(3).to(torch.int32)), "real": waves.conj().real,
        "negative_parameter": torch.nn.Parameter(torch._neg_view(numbers(3))),
        "attributed": attributed, "parameter": parameter, "plain": numbers(2),
    }
    save("signs.pth", tensors, tensors)
    save("subclass.pth", {"a": numbers(2), "b": numbers(2).as_subclass(Labelled)}, {})
    save("sparse.pth", {"a": numbers(2), "b": numbers(2, 2).to_sparse()}, {})
    save("quantized.pth", {"b": torch.quantize_per_tensor(numbers(4), 0.1, 0, torch.qint8)}, {})
    save("meta.pth", {"b": torch.empty(2, device="meta")}, {})
    save("float8.pth", {"b": numbers(2).to(torch.float8_e4m3fn)}, {})


def arrays():
    """NumPy arrays as weights."""
    plain = {
        "a": np.arange(6, dtype=np.float32).reshape(2, 3), "f": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        "h": np.arange(3, dtype=np.float16) - 1, "i": np.arange(3), "scalar": np.array(2.5, np.float32),
        "empty": np.zeros((0, 3), np.float32), "flag": np.array([True, False])}
    tensors = {name: torch.from_numpy(array.copy(order="C")) for name, array in plain.items()}
    for protocol in (2, 5):
        save(f"arrays_{protocol}.pth", {"model": plain | {"t": numbers(2)}, "epoch": np.int64(3)},
             tensors | {"t": numbers(2)}, pickle_protocol=protocol)
    save("others.pth", {"a": numbers(1), "head.bias": [1.0, 2.0], "head.weight": None, "scale": 0.5}, {"a": numbers(1)})
    save("big_endian.pth", {"a": np.arange(3, dtype=">f4"), "t": numbers(1)}, {})


def wrappers():
    """Averaged weights and others, as several code bases save them."""
    plain, average = {"a": numbers(2)}, {"a": numbers(2, start=9)}
    save("timm.pth", {"epoch": 3, "state_dict": plain, "optimizer": {"state": {0: {"step": numbers(1)}}},
                      "state_dict_ema": average}, average)
    save("mae_ema.pth", {"model": plain, "model_ema": average, "args": argparse.Namespace()}, average)
    save("none_ema.pth", {"model": plain, "model_ema": None}, plain)
    save("detr.pth", {"model": plain, "ema": {"module": average, "updates": 7}}, average)
    save("basicsr.pth", {"params": plain, "params_ema": average}, average)
    save("mmengine.pth", {"meta": {"mmengine_version": "0.10.4"}, "message_hub": {}, "state_dict": average,
                          "ema_state_dict": {"module.a": numbers(2), "steps": torch.tensor(5)}}, average)
    save("dino.pth", {"student": {"module.backbone.a": numbers(2)}, "teacher": {"backbone.a": numbers(2, start=9)},
                      "dino_loss": {"center": numbers(1, 2)}}, {"backbone.a": numbers(2, start=9)})
    save("ijepa.pth", {"encoder": plain, "predictor": {"a": numbers(1)}, "target_encoder": average}, plain)
    save("deepspeed.pt", {"module": plain, "optimizer": None, "ds_version": "0.14", "ds_config": {}}, plain)
    save("two_models.pth", {"state_dict": plain, "model": average}, {})
    save("one_model_twice.pth", {"state_dict": plain, "model": collections.OrderedDict(plain)}, plain)
    save("towers.pth", {"model": {"encoder": plain, "decoder": average}}, {})
    save("prefixes.pth", {"model": {"student.a": numbers(2), "teacher.a": numbers(2, start=9)}},
         {"student.a": numbers(2), "teacher.a": numbers(2, start=9)})
    save("lightning.ckpt.pth", {
        "epoch": 3, "global_step": 9, "pytorch-lightning_version": "2.5.0", "state_dict": plain,
        "loops": {"fit_loop": {"state_dict": {}}}, "callbacks": {"Averaging": {"x": numbers(1)}},
        "optimizer_states": [{}], "hyper_parameters": AttributeDict(lr=0.1), "lr_schedulers": []}, plain)


def model():
    """A whole model and its average: config.json's text is in the metadata of variants.safetensors, model.config."""
    arguments = {"img_size": 16, "patch_size": 8, "embed_dim": 8, "depth": 1, "num_heads": 2, "mlp_ratio": 2}
    shapes = {"cls_token": (1, 1, 8), "pos_embed": (1, 5, 8), "patch_embed.proj.weight": (8, 3, 8, 8),
              "patch_embed.proj.bias": (8,), "blocks.0.attn.qkv.weight": (24, 8), "blocks.0.attn.qkv.bias": (24,),
              "blocks.0.attn.proj.weight": (8, 8), "blocks.0.attn.proj.bias": (8,), "blocks.0.mlp.fc1.weight": (16, 8),
              "blocks.0.mlp.fc1.bias": (16,), "blocks.0.mlp.fc2.weight": (8, 16), "blocks.0.mlp.fc2.bias": (8,),
              "head.weight": (3, 8), "head.bias": (3,)}
    for norm in ("blocks.0.norm1", "blocks.0.norm2", "norm"):
        shapes |= {norm + ".weight": (8,), norm + ".bias": (8,)}
    generator = torch.Generator().manual_seed(3)
    plain, average = ({name: torch.randn(shape, generator=generator) for name, shape in shapes.items()} for _ in "ab")
    save("model.pth", {"model": plain, "model_ema": average, "epoch": 3}, {})
    for key, state in (("model", plain), ("model_ema", average)):
        expected[f"model.pth/{key}/head.bias"] = state["head.bias"].clone()
    return json.dumps({"architecture": "vit_base_patch16_224", "model_args": arguments, "num_classes": 3})


def archives():
    """Files without checksums; and an archive that zip rewrote, without a folder and compressed."""
    torch.serialization.set_crc32_options(False)
    save("no_checksums.pth", {"a": numbers(5)}, {"a": numbers(5)})
    torch.serialization.set_crc32_options(True)
    torch.save({"a": numbers(5)}, HERE / "temporary.pth")
    with zipfile.ZipFile(HERE / "temporary.pth") as source:
        for name, method in [("rezipped.pth", zipfile.ZIP_STORED), ("deflated.pth", zipfile.ZIP_DEFLATED)]:
            with zipfile.ZipFile(HERE / name, "w", method) as target:
                for entry in source.namelist():
                    information = zipfile.ZipInfo(entry.split("/", 1)[1], (2024, 1, 1, 0, 0, 0))
                    information.compress_type = method
                    target.writestr(information, source.read(entry))
    (HERE / "temporary.pth").unlink()
    expected["rezipped.pth/a"] = numbers(5)


if __name__ == "__main__":
    protocols()
    views()
    arrays()
    wrappers()
    config = model()
    archives()
    save_file(expected, HERE / "variants.safetensors", {"model.config": config})
