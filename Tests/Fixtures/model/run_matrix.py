"""Every architecture of timm's vision_transformer.py and deit.py, and every class of transformers that m2pt supports,
shrunken, with random weights, run by m2pt and compared with timm and transformers in double.

    python Tests/Fixtures/model/run_matrix.py .build/release/m2pt [--only WORD] [--markdown FILE]

A model is counted as run if features, pooled and logits are all within 1e-5 of the largest expected number. Models that
m2pt refuses are counted by its message. The exit code is 1 if a model is neither.

Shrunken: two blocks, heads of 16 channels (at most 4), images of 3 x 3 patches; everything else is unchanged. Pictures
are PNG of the model's size, random bytes; the recipe is the identity, except for mean and std of 0.5.
"""
import argparse
import copy
import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from PIL import Image

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))
from oracle import import_timm, randomize

timm = import_timm()
import transformers.utils
import transformers.utils.import_utils

# A sound library that does not match torch is not needed here.
transformers.utils.is_torchaudio_available = transformers.utils.import_utils.is_torchaudio_available = lambda: False
import transformers
from safetensors.torch import load_file, save_file

BOUND = 1e-5


def pictures(folder: Path, size: tuple[int, int]) -> torch.Tensor:
    """Two PNG files, and their pixels after a recipe of mean and std 0.5."""
    generator = np.random.default_rng(7)
    pixels = generator.integers(0, 256, (2, *size, 3), dtype=np.uint8)
    for index, picture in enumerate(pixels):
        Image.fromarray(picture).save(folder / f"{index}.png")
    return torch.from_numpy(pixels.transpose(0, 3, 1, 2).astype(np.float64) / 255 - 0.5) / 0.5


def run(m2pt: str, *arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run([m2pt, *arguments], capture_output=True, text=True)


def refusal(process: subprocess.CompletedProcess) -> str:
    lines = [line for line in process.stderr.splitlines() if line.startswith("Error:")]
    return lines[0] if lines else f"exit code {process.returncode}: {process.stderr[-200:]}"


def error(found: torch.Tensor, expected: torch.Tensor) -> float:
    if found.shape != expected.shape:
        return float("inf")
    return float((found.double() - expected).abs().max() / expected.abs().max())


def answers(m2pt: str, model: list[str], folder: Path) -> tuple[str, dict]:
    """The output of m2pt for the two pictures: features, pooled and logits; or its reason to refuse."""
    files = [str(folder / "0.png"), str(folder / "1.png")]
    output = str(folder / "features.safetensors")
    process = run(m2pt, "features", "--model", *model, *files, "--output", output, "--threads", "1")
    if process.returncode != 0:
        return refusal(process), {}
    found = load_file(output)
    process = run(m2pt, "classify", "--model", *model, *files, "--json", "--top-k", "100000", "--threads", "1")
    if process.returncode == 0:
        rows = [sorted(answer["classes"], key=lambda item: item["index"]) for answer in json.loads(process.stdout)]
        found["logits"] = torch.tensor([[item["logit"] for item in row] for row in rows], dtype=torch.float64)
        found["scores"] = torch.tensor(
            [[item.get("probability", item.get("value")) for item in row] for row in rows], dtype=torch.float64)
    elif "has no head" not in process.stderr:
        return refusal(process), {}
    return "", found


def worst(found: dict, expected: dict) -> tuple[float, str]:
    results = {name: error(found[name], value) if name in found else float("inf") for name, value in expected.items()}
    if "logits" in found and "logits" not in expected:
        results["logits"] = float("inf")
    name = max(results, key=results.get)
    return results[name], name


def converted(m2pt: str, model: list[str], folder: Path, found: dict) -> str:
    """Empty if the converted model gives the same bits."""
    place = folder / "converted"
    process = run(m2pt, "convert", *model, str(place))
    if process.returncode != 0:
        return f"convert: {refusal(process)}"
    again = answers(m2pt, [str(place)], folder)
    same = again[1].keys() == found.keys() and all(torch.equal(again[1][name], found[name]) for name in found)
    return "" if same else f"converted differs {again[0]}"


# timm


def timm_model(name: str):
    with torch.device("meta"):
        full = timm.create_model(name)
    if not hasattr(full, "patch_embed") or not hasattr(full.patch_embed, "patch_size"):
        return None, {}, None
    patch = full.patch_embed.patch_size[0]
    heads = min(4, getattr(getattr(full.blocks[0], "attn", full.blocks[0]), "num_heads", 4))
    arguments = dict(img_size=3 * patch, embed_dim=16 * heads, depth=2, num_heads=heads)
    if full.num_classes > 0:
        arguments["num_classes"] = 7
    return timm.create_model(name, **arguments).eval(), arguments, full


def timm_case(m2pt: str, name: str, folder: Path) -> tuple[str, str, float]:
    try:
        model, arguments, full = timm_model(name)
    except Exception as problem:  # a name that cannot be shrunken still has to be refused by its feature
        model, arguments = None, dict(img_size=48, patch_size=16, embed_dim=64, depth=2, num_heads=4)
        problem = str(problem)
    if model is None:
        folder.mkdir(exist_ok=True)
        config = {"architecture": name, "num_classes": 7, "model_args": arguments, "pretrained_cfg": {"input_size": [3, 48, 48]}}
        (folder / "config.json").write_text(json.dumps(config))
        save_file({"blocks.0.attn.qkv.weight": torch.zeros(3, 1)}, folder / "model.safetensors")
        pictures(folder, (48, 48))
        text, _ = answers(m2pt, [str(folder)], folder)
        return ("refused" if "lacks" in text else "WRONG"), text, 0
    randomize(model, 11)
    size = model.patch_embed.img_size
    cfg = dict(input_size=[3, *size], mean=[0.5] * 3, std=[0.5] * 3, crop_pct=1.0, interpolation="bicubic",
               crop_mode="center", num_classes=model.num_classes)
    config = {"architecture": name, "num_classes": model.num_classes, "global_pool": model.global_pool,
              "model_args": arguments, "pretrained_cfg": cfg}
    (folder / "config.json").write_text(json.dumps(config))
    save_file({key: value.contiguous() for key, value in model.state_dict().items()}, folder / "model.safetensors")
    x = pictures(folder, size)
    expected = {}
    double = copy.deepcopy(model).double()
    with torch.inference_mode():
        features = double.forward_features(x)
        expected["features"] = features
        if model.num_classes > 0:
            expected["logits"] = double(x)
            expected["scores"] = expected["logits"].softmax(-1)
        if model.global_pool or hasattr(model, "head_dist"):
            expected["pooled"] = double.forward_head(features, pre_logits=True)
    text, found = answers(m2pt, [str(folder)], folder)
    if text:
        return ("refused" if "lacks" in text else "WRONG"), text, 0
    result, where = worst(found, expected)
    text = converted(m2pt, [str(folder)], folder, found)
    if not text:
        place = folder / "converted"
        written = json.loads((place / "config.json").read_text())
        again = timm.create_model(written["architecture"], **written["model_args"])
        again.load_state_dict(load_file(place / "model.safetensors"), strict=True)
    if text or result > BOUND:
        return "WRONG", f"{where} {text}", result
    return "run", where, result


# transformers

SIZES = dict(hidden_size=32, num_hidden_layers=2, num_attention_heads=2, image_size=32, patch_size=8)
PLAIN = dict(SIZES, intermediate_size=48)
# Their heads read what timm does not pool.
NOT_TIMM = ["Dinov2ForImageClassification", "Dinov2WithRegistersForImageClassification"]


def transformers_cases() -> dict:
    t = transformers
    names = dict(id2label={i: f"name {i}" for i in range(5)}, label2id={f"name {i}": i for i in range(5)})
    cases = {}
    for kind, options in [("ViT", PLAIN), ("DeiT", PLAIN), ("Dinov2", dict(SIZES, mlp_ratio=2)),
                          ("Dinov2WithRegisters", dict(SIZES, mlp_ratio=2, num_register_tokens=3))]:
        config = getattr(t, kind + "Config")
        cases[kind + "Model"] = (getattr(t, kind + "Model"), config(**options))
        cases[kind + "ForImageClassification"] = (getattr(t, kind + "ForImageClassification"), config(**options, **names))
    cases["DeiTForImageClassificationWithTeacher"] = (t.DeiTForImageClassificationWithTeacher, t.DeiTConfig(**PLAIN, **names))
    for kind in ["ViT", "DeiT"]:
        config = getattr(t, kind + "Config")(**PLAIN, encoder_stride=8)
        cases[kind + "ForMaskedImageModeling"] = (getattr(t, kind + "ForMaskedImageModeling"), config)
    for kind, options in [("Dinov2", {}), ("Dinov2WithRegisters", {"num_register_tokens": 3})]:
        config = getattr(t, kind + "Config")(**SIZES, mlp_ratio=2, **options)
        cases[kind + "Backbone"] = (getattr(t, kind + "Backbone"), config)
    decoder = dict(decoder_hidden_size=16, decoder_num_hidden_layers=1, decoder_num_attention_heads=2, decoder_intermediate_size=16)
    cases["ViTMAEForPreTraining"] = (t.ViTMAEForPreTraining, t.ViTMAEConfig(**PLAIN, mask_ratio=0.0, **decoder))
    cases["ViTMAEModel"] = (t.ViTMAEModel, t.ViTMAEConfig(**PLAIN, mask_ratio=0.0))
    for problem in ["regression", "multi_label_classification", "single_label_classification"]:
        cases[f"ViT {problem}"] = (t.ViTForImageClassification, t.ViTConfig(**PLAIN, **names, problem_type=problem))
    for problem in [None, "regression", "multi_label_classification"]:
        cases[f"ViT of one label, {problem}"] = (
            t.ViTForImageClassification, t.ViTConfig(**PLAIN, num_labels=1, problem_type=problem))
    cases["ViT of two labels"] = (t.ViTForImageClassification, t.ViTConfig(**PLAIN))
    cases["ViTModel, narrow pooler"] = (t.ViTModel, t.ViTConfig(**PLAIN, pooler_output_size=24))
    return cases


def pipeline_scores(config, logits: torch.Tensor) -> torch.Tensor:
    """The scores of transformers' ImageClassificationPipeline.postprocess."""
    from transformers.pipelines.image_classification import ImageClassificationPipeline
    pipeline = object.__new__(ImageClassificationPipeline)
    pipeline.model = type("Model", (), {"config": config})()
    rows = []
    for row in logits:
        answer = ImageClassificationPipeline.postprocess(pipeline, {"logits": row[None]}, top_k=100000)
        scores = {item["label"]: item["score"] for item in answer}
        rows.append([scores[config.id2label[index]] for index in range(config.num_labels)])
    return torch.tensor(rows, dtype=torch.float64)


def transformers_case(m2pt: str, kind, config, form: str, folder: Path) -> tuple[str, str, float]:
    model = kind(copy.deepcopy(config)).eval()
    randomize(model, 12)
    if form == "save_pretrained":
        model.save_pretrained(folder)
    else:
        if form == "state_dict":
            model.config.architectures = [kind.__name__]
        model.config.save_pretrained(folder)
        torch.save(model.state_dict(), folder / "pytorch_model.bin")
    processor = dict(image_processor_type="ViTImageProcessor", do_resize=True, size={"height": 32, "width": 32}, resample=2,
                     do_rescale=True, rescale_factor=1 / 255, do_normalize=True, image_mean=[0.5] * 3, image_std=[0.5] * 3)
    (folder / "preprocessor_config.json").write_text(json.dumps(processor))
    x = pictures(folder, (32, 32))
    double = copy.deepcopy(model).double()
    expected = {}
    base = getattr(double, double.base_model_prefix, double)
    with torch.inference_mode():
        options = {}
        if "MAE" in kind.__name__:
            # No masking; the order of patches by this noise is their own.
            options["noise"] = torch.arange(16, dtype=torch.float64)[None].expand(2, -1)
        if kind.__name__.endswith("Backbone"):
            output = base(x, output_hidden_states=True)
            expected["features"] = double.layernorm(output.hidden_states[-1])
        else:
            output = base(x, **options)
            expected["features"] = output.last_hidden_state
        if not hasattr(model, "classifier") and not hasattr(model, "cls_classifier"):
            if getattr(output, "pooler_output", None) is not None:
                expected["pooled"] = output.pooler_output
        else:
            logits = double(x).logits
            expected["logits"] = logits
            expected["scores"] = pipeline_scores(model.config, logits)
    weights = [str(folder)] if form == "save_pretrained" else [str(folder / "pytorch_model.bin")]
    text, found = answers(m2pt, weights, folder)
    if text:
        return "WRONG", text, 0
    result, where = worst(found, expected)
    text = converted(m2pt, weights, folder, found)
    if not text and kind.__name__ not in NOT_TIMM:
        written = json.loads((folder / "converted/config.json").read_text())
        if not any("pooler" in name for name in load_file(folder / "converted/model.safetensors")):
            again = timm.create_model(written["architecture"], **written["model_args"])
            again.load_state_dict(load_file(folder / "converted/model.safetensors"), strict=True)
    return ("WRONG" if text or result > BOUND else "run"), f"{where} {text}", result


def names_case(m2pt: str, kind, config, folder: Path) -> tuple[str, str, float]:
    """For sound and video: the same tensors whichever names a file has; the tests of the package run such models."""
    model = kind(copy.deepcopy(config)).eval()
    randomize(model, 13)
    written = []
    for form in ["save_pretrained", "state_dict", "state_dict without architectures"]:
        place = folder / form.replace(" ", "_")
        place.mkdir()
        if form == "save_pretrained":
            model.save_pretrained(place)
        else:
            model.config.architectures = [kind.__name__] if form == "state_dict" else None
            model.config.save_pretrained(place)
            torch.save(model.state_dict(), place / "pytorch_model.bin")
        if "Video" in kind.__name__:
            (place / "preprocessor_config.json").write_text(json.dumps(dict(
                image_processor_type="VideoMAEImageProcessor", do_resize=True, size={"shortest_edge": 32}, resample=2,
                do_center_crop=True, crop_size={"height": 32, "width": 32}, do_rescale=True, rescale_factor=1 / 255,
                do_normalize=True, image_mean=[0.5] * 3, image_std=[0.5] * 3)))
        process = run(m2pt, "convert", str(place if form == "save_pretrained" else place / "pytorch_model.bin"), str(place / "out"))
        if process.returncode != 0:
            return "WRONG", f"{form}: {refusal(process)}", 0
        written.append((load_file(place / "out/model.safetensors"), (place / "out/config.json").read_text()))
    for form, (tensors, text) in zip(["state_dict", "without architectures"], written[1:]):
        first, config_text = dict(written[0][0]), written[0][1]
        # A file of save_pretrained has no bias of keys; in memory it has none either, and is joined as zeros.
        for name in [name for name in first if name.endswith("q_bias")]:
            query, value = first.pop(name), first.pop(name.replace("q_bias", "v_bias"))
            first[name.replace("q_bias", "qkv.bias")] = torch.cat([query, torch.zeros_like(query), value])
            config_text = text
        same = first.keys() == tensors.keys() and all(torch.equal(first[name], tensors[name]) for name in first)
        if not same or text != config_text:
            return "WRONG", f"{form}: other tensors or another configuration", 0
    return "run", "tensors", 0.0


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("m2pt")
    parser.add_argument("--only", default="")
    parser.add_argument("--markdown")
    options = parser.parse_args()
    torch.set_num_threads(1)
    rows = []

    def case(library: str, name: str, body) -> None:
        if options.only not in f"{library} {name}":
            return
        folder = Path(tempfile.mkdtemp())
        try:
            rows.append((library, name, *body(folder)))
        except Exception as problem:
            rows.append((library, name, "WRONG", f"{type(problem).__name__}: {str(problem)[:300]}", 0))
        finally:
            shutil.rmtree(folder)
        print(*rows[-1], sep=" | ", flush=True)

    for name in timm.list_models(module="vision_transformer") + timm.list_models(module="deit"):
        case("timm", name, lambda folder: timm_case(options.m2pt, name, folder))
    for name, (kind, config) in transformers_cases().items():
        for form in ["save_pretrained", "state_dict", "state_dict without architectures"]:
            case("transformers", f"{name}, {form}", lambda folder: transformers_case(options.m2pt, kind, config, form, folder))

    t = transformers
    sound = dict(hidden_size=32, num_hidden_layers=1, num_attention_heads=2, patch_size=16, intermediate_size=48,
                 max_length=64, num_mel_bins=32)
    video = dict(PLAIN, num_frames=4, decoder_num_hidden_layers=1, decoder_hidden_size=16, decoder_intermediate_size=32,
                 decoder_num_attention_heads=2)
    for kind, config in [(t.ASTModel, t.ASTConfig(**sound)), (t.ASTForAudioClassification, t.ASTConfig(**sound)),
                         (t.VideoMAEModel, t.VideoMAEConfig(**video)), (t.VideoMAEForPreTraining, t.VideoMAEConfig(**video)),
                         (t.VideoMAEForVideoClassification, t.VideoMAEConfig(**video))]:
        case("transformers", kind.__name__, lambda folder: names_case(options.m2pt, kind, config, folder))

    for library in ["timm", "transformers"]:
        own = [row for row in rows if row[0] == library]
        done = [row for row in own if row[2] == "run"]
        bad = [row for row in own if row[2] == "WRONG"]
        if own:
            print(f"{library}: {len(done)} run, worst error {max([row[4] for row in done], default=0):.2g}; "
                  f"{sum(row[2] == 'refused' for row in own)} refused; {len(bad)} wrong")
    if options.markdown:
        text = "| library | model | result | worst | error |\n| --- | --- | --- | --- | --- |\n"
        text += "".join(f"| {a} | {b} | {c} | {d.strip()} | {f'{e:.2g}' if c == 'run' else ''} |\n" for a, b, c, d, e in rows)
        Path(options.markdown).write_text(text)
    sys.exit(any(row[2] == "WRONG" for row in rows))


if __name__ == "__main__":
    main()
