"""Small files of torch.save, as training code writes them: python3 make_checkpoints.py (torch 2.13, numpy 2).

expected.safetensors has the tensors that each must give, as FILE/NAME. For mae.pth, a whole model, it has instead
mae.config's text in its metadata, mae.input and mae.logits, which timm computes in double.
"""

import argparse
import collections
import json
import os
import pathlib
import sys

import numpy as np
import torch
from safetensors.torch import save_file

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent))
from oracle import import_timm, randomize

import_timm()
import timm

expected = {}


def numbers(*shape, dtype=torch.float32, start=0):
    """1, 2, 3 ...: all elements are distinct in any format."""
    return (torch.arange(int(np.prod(shape)), dtype=torch.float32) + 1 + start).reshape(shape).to(dtype)


def save(name, value, tensors, **options):
    torch.save(value, HERE / name, **options)
    for key, tensor in tensors.items():
        expected[f"{name}/{key}"] = tensor.detach().clone().contiguous()


def training():
    """MAE's: model, optimizer, arguments, a scaler; and values of NumPy and pathlib in arguments."""
    torch.manual_seed(0)
    model = torch.nn.Sequential(collections.OrderedDict(fc1=torch.nn.Linear(3, 4), fc2=torch.nn.Linear(4, 2)))
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    model(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    arguments = argparse.Namespace(
        blr=None, betas=(0.9, 0.95), best=np.float64(83.6), output=pathlib.PurePosixPath("out"), seed=1 << 70,
        device=torch.device("cpu"), layers={1, 2}, dtype=torch.bfloat16,
        history=collections.defaultdict(list, loss=[np.ones(2), 0.5]), size=torch.Size([2, 3]))
    arguments.itself = arguments
    save(
        "training.pth",
        {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "epoch": 300, "scaler": {},
         "args": arguments},
        model.state_dict())


def fine_tuned():
    """A fine-tuned MAE in training: under `module.`, with leftovers of its decoder, one weight transposed."""
    arguments = {"img_size": 16, "patch_size": 8, "embed_dim": 16, "depth": 2, "num_heads": 2, "mlp_ratio": 2,
                 "num_classes": 3, "global_pool": "avg"}
    model = timm.models.VisionTransformer(**arguments)
    randomize(model, 5)
    state = {"module." + name: tensor.detach().clone() for name, tensor in model.state_dict().items()}
    state["module.blocks.1.mlp.fc1.weight"] = state["module.blocks.1.mlp.fc1.weight"].t().contiguous().t()
    state |= {"module.mask_token": torch.zeros(1, 1, 16), "module.decoder_embed.weight": torch.zeros(8, 16)}
    torch.save({"model": state, "epoch": 99, "args": argparse.Namespace(lr=1e-3)}, HERE / "mae.pth")
    images = torch.randn(2, 3, 16, 16, generator=torch.Generator().manual_seed(6))
    expected["mae.input"] = images
    with torch.no_grad():
        expected["mae.logits"] = model.double().eval()(images.double())
    return json.dumps({"architecture": "vit_base_patch16_224", "model_args": arguments, "num_classes": 3})


def views():
    """Shared storages, offsets, other strides, every type, parameters, empty tensors and scalars."""
    storage = numbers(6, 8)
    types = [
        torch.bool, torch.uint8, torch.int8, torch.uint16, torch.int16, torch.uint32, torch.int32, torch.uint64,
        torch.int64, torch.float16, torch.bfloat16, torch.float32, torch.float64]
    tensors = {
        "whole": storage, "rows": storage[2:4], "transposed": storage.t(), "columns": storage[:, 1::3],
        "element": storage[3, 5], "block": storage.reshape(2, 3, 2, 4).permute(2, 0, 3, 1), "one": storage[:, 2:3],
        "expanded": numbers(3).expand(4, 3), "empty": torch.zeros(0, 3), "scalar": torch.tensor(2.5),
        "parameter": torch.nn.Parameter(numbers(5)), "half_columns": numbers(4, 4).half()[:, ::2],
        "wide_columns": numbers(3, 4).double().t(), "byte_columns": numbers(3, 4).to(torch.uint8).t(),
    } | {str(dtype): numbers(3, dtype=dtype) for dtype in types}
    save("views.pt", tensors, tensors)


def wrappers():
    """Point-MAE's base_model next to an optimizer; averaged weights next to a model; a student and a teacher."""
    tensors = {"module.a": numbers(2)}
    save("base_model.pth", {"base_model": tensors, "optimizer": {"state": {0: {"step": numbers(1)}}}}, tensors)
    save(
        "averaged.bin", {"model_ema": {"a": numbers(2, start=9)}, "model": {"state_dict": {"a": numbers(2)}}},
        {"a": numbers(2, start=9)})
    save("named.pth", {"network": tensors, "optimizer_g": {"b": numbers(1)}, "epoch": 3}, tensors)
    save("ambiguous.pth", {"student": {"a": numbers(2)}, "teacher": {"a": numbers(2, start=9)}}, {})
    save("protocol_4.pth", {"a": numbers(2)}, {"a": numbers(2)}, pickle_protocol=4)
    save("nothing.pth", {"epoch": 3, "args": argparse.Namespace()}, {})


class Malicious:
    def __reduce__(self):
        return os.system, ("touch /tmp/m2pt-was-here",)


def refused():
    """Code, and unsupported formats."""
    torch.manual_seed(0)
    save("malicious.pth", {"model": {"a": numbers(2)}, "args": Malicious()}, {})
    save("whole_model.pth", torch.nn.Linear(2, 1), {})
    save("legacy.pth", {"a": numbers(2)}, {}, _use_new_zipfile_serialization=False)
    save("complex.pth", {"a": torch.ones(2, dtype=torch.complex64)}, {})
    torch.jit.save(torch.jit.script(torch.nn.Identity()), HERE / "script.pt")


if __name__ == "__main__":
    training()
    config = fine_tuned()
    views()
    wrappers()
    refused()
    save_file(expected, HERE / "expected.safetensors", {"mae.config": config})
