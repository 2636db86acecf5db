"""Gradients of the pathway model of Tests/Fixtures/model in double, by PyTorch's autograd.

    python Tests/Fixtures/training/make_gradients.py    # rewrites gradients.safetensors in this folder

Weights, auxiliaries, scales and input are those of model/pathway.safetensors. The loss is the mean over the inputs of
the cross-entropy with `targets` (2, 10), which are soft. Cases: `plain`, without a pathway, and `two` and `combined` as
in that file's metadata. Tensors, float32 of numbers computed throughout in double:
    CASE.loss             ()
    CASE.gradient.NAME    of the target's parameter NAME
    CASE.scales           (auxiliaries, 8): of lambda, in the order of blocks and of LAYERS
"""
import json
import struct
import sys
from pathlib import Path

import numpy as np
import torch
from torch.func import functional_call

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))
from oracle import array, import_timm, write

timm = import_timm()
LAYERS = ("attn.qkv", "attn.proj", "mlp.fc1", "mlp.fc2")


def read(path: Path) -> tuple[dict, dict]:
    """Tensors, all float32 or float64, and metadata of a safetensors file."""
    data = path.read_bytes()
    size = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:8 + size])
    metadata = header.pop("__metadata__")
    types = {"F32": np.float32, "F64": np.float64}
    tensors = {
        name: torch.from_numpy(
            np.frombuffer(data[8 + size + entry["data_offsets"][0]:8 + size + entry["data_offsets"][1]],
                          types[entry["dtype"]]).reshape(entry["shape"]).copy())
        for name, entry in header.items()
    }
    return tensors, metadata


def part(tensors: dict, prefix: str) -> dict:
    return {name[len(prefix):]: value.double() for name, value in tensors.items() if name.startswith(prefix)}


def main() -> None:
    torch.set_num_threads(1)
    tensors, metadata = read(HERE.parent / "model" / "pathway.safetensors")
    config = json.loads(metadata["config"])
    scales, cases = json.loads(metadata["scales"]), json.loads(metadata["cases"])
    model = timm.create_model(
        config["architecture"], num_classes=config["num_classes"], global_pool=config["global_pool"],
        **config["model_args"]).double()
    auxiliaries = [part(tensors, f"auxiliary.{index}.") for index in range(2)]
    generator = torch.Generator().manual_seed(61)
    targets = torch.rand(2, 10, generator=generator, dtype=torch.float64)
    targets = (targets / targets.sum(dim=1, keepdim=True)).float().double()
    names = [f"blocks.{block}.{layer}" for block in range(2) for layer in LAYERS]
    result = {"targets": array(targets.float())}
    plain = {"auxiliaries": [], "bias": "target"}
    for case, rule in {"plain": plain, "two": cases["two"], "combined": cases["combined"]}.items():
        parameters = {name: value.requires_grad_() for name, value in part(tensors, "target.").items()}
        factors = torch.tensor(
            [[scales[m][name] for name in names] for m in rule["auxiliaries"]], dtype=torch.float64).requires_grad_()
        state = dict(parameters)
        for row, m in enumerate(rule["auxiliaries"]):
            for column, name in enumerate(names):
                for leaf in ("weight", "bias") if rule["bias"] == "combined" else ("weight",):
                    key = f"{name}.{leaf}"
                    state[key] = state[key] + factors[row, column] * auxiliaries[m][key]
        logits = functional_call(model, state, (tensors["input"].double(),))
        loss = torch.nn.functional.cross_entropy(logits, targets)
        loss.backward()
        result[f"{case}.loss"] = array(loss.float())
        result |= {f"{case}.gradient.{name}": array(value.grad.float()) for name, value in parameters.items()}
        if rule["auxiliaries"]:
            result[f"{case}.scales"] = array(factors.grad.float())
    write(HERE / "gradients.safetensors", result, versions={"torch": torch.__version__, "timm": timm.__version__})


if __name__ == "__main__":
    main()
