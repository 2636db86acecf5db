"""How far PyTorch's gradients under autocast to bfloat16 are from those in double, of the model of make_gradients.py.

    python Tests/Fixtures/training/make_bfloat16.py    # rewrites bfloat16.safetensors in this folder

Parameters are float32, and so are the sums with pathways; the forward pass runs under `torch.autocast`. The loss is the
mean cross-entropy of 64 inputs, so that no error is a matter of luck: input k has the class k % 10, and all values are
(next() >> 40) / 2^23 - 1 of one SplitMix64 generator with the seed 71. Tensors:
    CASE.errors    of logits, then of the gradients of the target's parameters and of scales, in the order of the
                   metadata `names`: |found - exact| / |exact|, Euclidean norms
"""
import json

import numpy as np
import torch
from torch.func import functional_call

from make_gradients import HERE, LAYERS, array, part, read, timm, write

COUNT, SEED = 64, 71


def split_mix(count: int, seed: int) -> np.ndarray:
    with np.errstate(over="ignore"):
        z = np.uint64(seed) + np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def gradients(model, tensors, rule, scales, inputs, targets, dtype, narrow):
    """Logits and gradients of one case, with parameters in `dtype`."""
    def cast(values):
        return {name: value.to(dtype) for name, value in values.items()}

    names = [f"blocks.{block}.{layer}" for block in range(2) for layer in LAYERS]
    parameters = {name: value.requires_grad_() for name, value in cast(part(tensors, "target.")).items()}
    factors = torch.tensor(
        [[scales[m][name] for name in names] for m in rule["auxiliaries"]], dtype=dtype).requires_grad_()
    state = dict(parameters)
    for row, m in enumerate(rule["auxiliaries"]):
        other = cast(part(tensors, f"auxiliary.{m}."))
        for column, name in enumerate(names):
            for leaf in ("weight", "bias") if rule["bias"] == "combined" else ("weight",):
                key = f"{name}.{leaf}"
                state[key] = state[key] + factors[row, column] * other[key]
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=narrow):
        logits = functional_call(model.to(dtype), state, (inputs.to(dtype),))
    torch.nn.functional.cross_entropy(logits.to(dtype), targets).backward()
    result = {"logits": logits.detach()} | {name: value.grad for name, value in parameters.items()}
    return result | ({"scales": factors.grad} if rule["auxiliaries"] else {})


def main() -> None:
    torch.set_num_threads(1)
    tensors, metadata = read(HERE.parent / "model" / "pathway.safetensors")
    config = json.loads(metadata["config"])
    scales, cases = json.loads(metadata["scales"]), json.loads(metadata["cases"])
    model = timm.create_model(
        config["architecture"], num_classes=config["num_classes"], global_pool=config["global_pool"],
        **config["model_args"])
    values = (split_mix(COUNT * 3 * 32 * 32, SEED) >> np.uint64(40)).astype(np.float64) / 2**23 - 1
    inputs, targets = torch.from_numpy(values).reshape(COUNT, 3, 32, 32), torch.arange(COUNT) % 10
    result, names = {}, {}
    for case in ("plain", "two", "combined"):
        rule = cases.get(case, {"auxiliaries": [], "bias": "target"})
        exact = gradients(model, tensors, rule, scales, inputs, targets, torch.float64, False)
        found = gradients(model, tensors, rule, scales, inputs, targets, torch.float32, True)
        errors = [float((found[name].double() - exact[name]).norm() / exact[name].norm()) for name in exact]
        print(case, dict(zip(exact, errors)))
        result[f"{case}.errors"] = array(torch.tensor(errors))
        names[case] = list(exact)
    write(HERE / "bfloat16.safetensors", result, versions={"torch": torch.__version__, "timm": timm.__version__},
          names=names)


if __name__ == "__main__":
    main()
