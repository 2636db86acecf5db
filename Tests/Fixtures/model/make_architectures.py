"""timm's vision transformers by name: the numbers of those that this engine runs, and the missing features of others.

    python Tests/Fixtures/model/make_architectures.py
        # rewrites architectures.json, architectures_refused.json and Sources/MultimodalPathway/Models/Configuration/TimmArchitectures.swift

Every name of timm's vision_transformer.py and deit.py is in one of the two JSON files; the second also has the names of
other files that begin like theirs. The Swift table is the same data. Plain: the class `VisionTransformer` (or the
distilled one) with learned positions, LayerNorm, the exact GELU, `Mlp`, and a linear head over pooled tokens. Models
are built on the meta device: no memory, no weights.
"""
import json
import sys
from pathlib import Path

import torch
from torch import nn

HERE = Path(__file__).parent
SWIFT = HERE.parents[2] / "Sources/MultimodalPathway/Models/Configuration/TimmArchitectures.swift"
sys.path.insert(0, str(HERE.parent))
from oracle import import_timm

timm = import_timm()
from timm.layers import Attention, LayerNorm, LayerScale, Mlp
from timm.models._registry import _deprecated_models
from timm.models.deit import VisionTransformerDistilled
from timm.models.vision_transformer import Block, VisionTransformer

BLOCKS = {
    "ParallelThingsBlock": "parallel branches of attention and MLP", "ResPostBlock": "norms after the layers",
    "ParallelScalingBlock": "attention and MLP in parallel",
    "DiffParallelScalingBlock": "attention and MLP in parallel, differential attention",
}
CLASSES = {
    "Eva": "rotary positions", "VisionTransformerRelPos": "relative positions", "VisionTransformerSAM": "windows",
}


def lacking(model) -> list[str]:
    """The features of a model that this engine lacks, in the words of the engine; empty for a plain one."""
    if type(model) not in (VisionTransformer, VisionTransformerDistilled):
        kind = type(model).__name__
        return [f"{CLASSES.get(kind, 'another design')} (timm's class {kind})"]
    found = []
    embedding = type(model.patch_embed).__name__
    if embedding != "PatchEmbed":
        found.append(f"a convolutional stem ({embedding})")
    elif not isinstance(model.patch_embed.norm, nn.Identity):
        found.append("a norm in the patch embedding")
    if model.pos_embed is None:
        found.append("no learned positions")
    norms = {type(m).__name__ for m in model.modules() if "norm" in type(m).__name__.lower()} - {"LayerNorm"}
    if any("rms" in name.lower() for name in norms):
        found.append("RMSNorm")
    elif norms:
        found.append(f"the norm {min(norms)}")
    block = model.blocks[0]
    if type(block) is not Block:
        found.append(f"{BLOCKS[type(block).__name__]} ({type(block).__name__})")
    else:
        if type(block.attn) is not Attention:
            found.append({"DiffAttention": "differential attention"}[type(block.attn).__name__])
        elif not isinstance(block.attn.q_norm, nn.Identity):
            found.append("norms of queries and keys")
        elif not isinstance(block.attn.norm, nn.Identity):
            found.append("norms inside attention and MLP")
        if block.attn.proj.bias is None:
            found.append("a projection without bias")
        if type(block.mlp).__name__ in ("SwiGLU", "GluMlp"):
            found.append("SwiGLU")
        elif type(block.mlp) is not Mlp:
            found.append(f"the MLP {type(block.mlp).__name__}")
        elif type(block.mlp.act) is not nn.GELU or block.mlp.act.approximate != "none":
            name = type(block.mlp.act).__name__
            found.append({"GELUTanh": "GELU by tanh"}.get(name, name))
    if model.attn_pool is not None:
        found.append("attention pooling")
    elif model.pool_include_prefix:
        found.append("pooling that includes prefix tokens")
    if model.attn_pool is None and model.global_pool not in ("", "token", "avg", "max", "avgmax"):
        found.append(f"the pooling {model.global_pool}")
    return found


def describe(model) -> dict:
    block = model.blocks[0]
    norms = [m for m in model.modules() if isinstance(m, LayerNorm)]
    assert (model.patch_embed.proj.bias is None) == isinstance(model.norm_pre, LayerNorm)
    assert {norm.eps for norm in norms} == {block.norm1.eps}
    isDistilled = isinstance(model, VisionTransformerDistilled)
    assert not isDistilled or model.num_prefix_tokens == 2
    return {
        "img_size": list(model.patch_embed.img_size), "patch_size": list(model.patch_embed.patch_size),
        "in_chans": model.in_chans, "num_classes": model.num_classes, "global_pool": model.global_pool,
        "embed_dim": model.embed_dim, "depth": len(model.blocks), "num_heads": block.attn.num_heads,
        "hidden": block.mlp.fc1.out_features, "qkv_bias": block.attn.qkv.bias is not None,
        "layer_scale": isinstance(block.ls1, LayerScale), "class_token": model.has_class_token,
        "reg_tokens": model.num_reg_tokens, "no_embed_class": model.no_embed_class,
        "pre_norm": not isinstance(model.norm_pre, nn.Identity), "norm": isinstance(model.norm, LayerNorm),
        "fc_norm": isinstance(model.fc_norm, LayerNorm), "epsilon": block.norm1.eps, "distilled": isDistilled,
    }


def row(name: str, d: dict) -> str:
    """One line of the Swift table; words after the numbers are differences from a plain ViT."""
    assert d["img_size"][0] == d["img_size"][1] and d["patch_size"][0] == d["patch_size"][1] and d["in_chans"] == 3
    words = []
    if d["distilled"]: words.append("distilled")
    if d["global_pool"] != "token": words.append(f"pool={d['global_pool']}")
    if not d["class_token"]: words.append("no-class-token")
    if d["reg_tokens"]: words.append(f"registers={d['reg_tokens']}")
    if d["no_embed_class"]: words.append("positions-of-patches")
    if d["layer_scale"]: words.append("layer-scale")
    if not d["qkv_bias"]: words.append("no-qkv-bias")
    if d["pre_norm"]: words.append("pre-norm")
    if d["fc_norm"]: words.append("fc-norm")
    if not d["norm"] and not d["fc_norm"]: words.append("no-norm")
    if d["epsilon"] != 1e-6: words.append(f"epsilon={d['epsilon']:g}")
    numbers = [d["img_size"][0], d["patch_size"][0], d["embed_dim"], d["depth"], d["num_heads"], d["hidden"], d["num_classes"]]
    return " ".join([name] + [str(n) for n in numbers] + words)


def wrap(text: str, indent: str) -> str:
    lines, line = [], indent
    for word in text.split():
        if len(line) + len(word) + 1 > 118:
            lines.append(line.rstrip() + " \\")
            line = indent
        line += word + " "
    return "\n".join(lines + [line.rstrip()])


def swift(plain: dict, refused: dict, old: dict) -> str:
    groups: dict[str, list[str]] = {}
    for name, features in sorted(refused.items()):
        groups.setdefault(", ".join(features), []).append(name)
    rows = "\n".join("    " + row(name, value) for name, value in sorted(plain.items()))
    lacks = "\n".join(
        wrap(f"{features}: {' '.join(names)}", "    ") for features, names in sorted(groups.items()))
    aliases = "\n".join(f"    {name} {new}" for name, new in sorted(old.items()))
    return f'''// Data that Tests/Fixtures/model/make_architectures.py writes, read off the models of timm {timm.__version__}.

/// timm's vision transformers by name.
enum TimmArchitectures {{
  /// Those that this engine runs, one on a line: name, image, patch, width, depth, heads, hidden width, the classes of
  /// timm's usual weights, and what departs from a plain ViT.
  static let plain = """
{rows}
    """

  /// What this engine lacks, and the names that need it, one group on a line.
  static let refused = """
{lacks}
    """

  /// Names of timm before 0.9 and what they are now, one on a line.
  static let renamed = """
{aliases}
    """
}}
'''


def main() -> None:
    plain, refused = {}, {}
    own = timm.list_models(module="vision_transformer") + timm.list_models(module="deit")
    others = [name for name in timm.list_models() if name.startswith(("vit_", "deit", "test_vit"))]
    for name in sorted(set(own + others)):
        with torch.device("meta"):
            model = timm.create_model(name)
        features = lacking(model)
        if features:
            refused[name] = features
        else:
            plain[name] = describe(model)
    for file, values in [("architectures.json", plain), ("architectures_refused.json", refused)]:
        text = ",\n".join(f'  "{name}": {json.dumps(value)}' for name, value in sorted(values.items()))
        (HERE / file).write_text("{\n" + text + "\n}\n")
    old = {name: new for name, new in _deprecated_models.items() if new and new.split(".")[0] in plain | refused}
    SWIFT.write_text(swift(plain, refused, old))
    names = set(own)
    print(f"timm {timm.__version__}: of {len(names)} names of vision_transformer.py and deit.py "
          f"{len(names & plain.keys())} run and {len(names & refused.keys())} are refused; "
          f"{len(refused.keys() - names)} names of other files are refused")


if __name__ == "__main__":
    main()
