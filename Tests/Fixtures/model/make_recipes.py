"""timm's recipes by architecture and tag, for the table of lone files' preprocessing.

    python Tests/Fixtures/model/make_recipes.py             # rewrites recipes.json
    python Tests/Fixtures/model/make_recipes.py --swift     # prints the rows of TimmRecipes+Table.swift

Every name of timm/models/vision_transformer.py and deit.py that has tags. recipes.json has the result of
timm's `resolve_data_config` for each tag; the tests compare the table with all of it.
"""
import json
import sys
import textwrap
from itertools import groupby
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))
from oracle import import_timm

timm = import_timm()
from timm.data import resolve_data_config
from timm.models import get_pretrained_cfg
from timm.models._registry import _model_default_cfgs, _module_to_models

# What the table calls a mean and a standard deviation.
NORMALIZATIONS = {
    ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)): "imagenet", ((0.5,) * 3, (0.5,) * 3): "half",
    ((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)): "clip", ((0.0,) * 3, (1.0,) * 3): "unit",
}


def recipes() -> dict:
    """By name, the tags in timm's order: the first is the default."""
    result = {}
    for name in sorted(_module_to_models["vision_transformer"] | _module_to_models["deit"]):
        if name not in _model_default_cfgs:
            continue
        result[name] = []
        for tag in _model_default_cfgs[name].tags:
            cfg = get_pretrained_cfg(f"{name}.{tag}" if tag else name)
            data = resolve_data_config(pretrained_cfg=cfg.to_dict())
            result[name].append({
                "tag": tag, "input_size": list(data["input_size"]), "mean": list(data["mean"]), "std": list(data["std"]),
                "crop_pct": data["crop_pct"], "crop_mode": data["crop_mode"], "interpolation": data["interpolation"],
                "num_classes": cfg.num_classes})
        assert get_pretrained_cfg(name).tag == result[name][0]["tag"]
    return result


def row(recipe: dict) -> str:
    size = recipe["input_size"]
    assert size[0] == 3 and size[1] == size[2]
    words = [str(size[1]), NORMALIZATIONS[tuple(recipe["mean"]), tuple(recipe["std"])], f"{recipe['crop_pct']:g}",
             str(recipe["num_classes"])]
    words += [recipe["crop_mode"]] * (recipe["crop_mode"] != "center")
    words += [recipe["interpolation"]] * (recipe["interpolation"] != "bicubic")
    return ",".join(words)


def main() -> None:
    table = recipes()
    if "--swift" in sys.argv:
        for name, tags in table.items():
            groups = [f"{key} {' '.join(tag['tag'] or '-' for tag in group)}" for key, group in groupby(tags, row)]
            print("\n".join(textwrap.wrap(
                f"{name} {' '.join(groups)}", 114, initial_indent="    ", subsequent_indent="      ",
                break_on_hyphens=False, break_long_words=False)))
        return
    text = ",\n".join(f'  "{name}": {json.dumps(tags)}' for name, tags in table.items())
    (HERE / "recipes.json").write_text("{\n" + text + "\n}\n")
    print(f"{len(table)} names, {sum(map(len, table.values()))} tags of timm {timm.__version__}")


if __name__ == "__main__":
    main()
