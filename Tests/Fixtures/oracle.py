"""Shared code of the scripts that make goldens: importing timm, filling a model with suitable numbers, writing files.

Run them with Python 3.11 and `pip install torch==2.13.0+cpu timm==1.0.31 ml_dtypes numpy` (CPU wheels: PyTorch's own
package index). They are never run by the build, by `swift test`, or by the package.
"""
import json
import struct
import sys
from pathlib import Path

import numpy as np
import torch

ELEMENT_TYPES = {"float64": "F64", "float32": "F32", "float16": "F16", "bfloat16": "BF16", "uint8": "U8",
                 "int32": "I32", "int64": "I64"}


def import_timm():
    """timm, also with a torchvision that was built for another torch, whose operators are then not registered."""
    try:
        import timm
        return timm
    except RuntimeError:
        register = torch.library.register_fake

        def register_known(op, *arguments, **options):
            if isinstance(op, str) and op.startswith("torchvision::"):
                return lambda function: function
            return register(op, *arguments, **options)

        torch.library.register_fake = register_known
        for name in [name for name in sys.modules if name.split(".")[0] in ("timm", "torchvision")]:
            del sys.modules[name]
        import timm
        return timm


def randomize(model: torch.nn.Module, seed: int) -> None:
    """Fills every parameter so that no term of the forward pass is the identity.

    Fresh models have zero biases, unit norms and near-zero embeddings: a reader that dropped one would still agree.
    Matrices get a gain of 1.5, which makes the attention rows peaked instead of uniform.
    """
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in sorted(model.named_parameters()):
        leaf = name.split(".")[-1]
        noise = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
        with torch.no_grad():
            if leaf == "gamma":
                value = 0.5 + 0.2 * noise
            elif leaf == "weight" and parameter.ndim == 1:
                value = 1.0 + 0.3 * noise
            elif parameter.ndim >= 2 and leaf == "weight":
                value = 1.5 * noise / (parameter[0].numel() ** 0.5)
            else:
                value = 0.3 * noise
            parameter.copy_(value)


def array(tensor: torch.Tensor) -> np.ndarray:
    return np.ascontiguousarray(tensor.detach().numpy())


def write(path: Path, tensors: dict, **metadata) -> None:
    """Writes numpy arrays as safetensors, sorted, so that the same numbers give the same bytes (the safetensors package
    orders metadata by a random hash). Metadata values that are not strings become JSON."""
    text = {key: value if isinstance(value, str) else json.dumps(value, sort_keys=True)
            for key, value in sorted(metadata.items())}
    header, offset = {"__metadata__": text}, 0
    for name, value in sorted(tensors.items()):
        end = offset + value.nbytes
        dtype = ELEMENT_TYPES[value.dtype.name]
        header[name] = {"dtype": dtype, "shape": list(value.shape), "data_offsets": [offset, end]}
        offset = end
    encoded = json.dumps(header, separators=(",", ":")).encode()
    encoded += b" " * (-len(encoded) % 8)
    partial = path.with_suffix(".partial")
    with open(partial, "wb") as file:
        file.write(struct.pack("<Q", len(encoded)) + encoded)
        for _, value in sorted(tensors.items()):
            file.write(np.ascontiguousarray(value).tobytes())
    partial.replace(path)
    print(f"{path.name}: {path.stat().st_size} bytes, {len(tensors)} tensors")
