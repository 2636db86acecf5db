"""timm's plain vision transformers by name, with every number that makes one, for the table of presets.

    python Tests/Fixtures/model/make_architectures.py    # rewrites architectures.json

Plain: the class `VisionTransformer` with learned positions, LayerNorm, the exact GELU, `Mlp`, and a linear head over
pooled tokens. Models are built on the meta device: no memory, no weights.
"""
import json
import sys
from pathlib import Path

import torch
from torch import nn

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))
from oracle import import_timm

timm = import_timm()
from timm.layers import Attention, LayerNorm, LayerScale, Mlp
from timm.models.vision_transformer import Block, VisionTransformer


def is_plain(model) -> bool:
    if type(model) is not VisionTransformer or model.attn_pool is not None or model.pos_embed is None:
        return False
    block = model.blocks[0]
    return (
        type(block) is Block and type(block.attn) is Attention and type(block.mlp) is Mlp and type(block.mlp.act) is nn.GELU
        and type(block.norm1) is LayerNorm and isinstance(block.attn.q_norm, nn.Identity)
        and type(model.patch_embed).__name__ == "PatchEmbed" and isinstance(model.patch_embed.norm, nn.Identity)
        and isinstance(block.attn.norm, nn.Identity) and block.attn.proj.bias is not None
        and model.global_pool in ("", "token", "avg", "max", "avgmax") and not model.pool_include_prefix)


def describe(model) -> dict:
    block = model.blocks[0]
    assert (model.patch_embed.proj.bias is None) == isinstance(model.norm_pre, LayerNorm)
    return {
        "img_size": list(model.patch_embed.img_size), "patch_size": list(model.patch_embed.patch_size),
        "in_chans": model.in_chans, "num_classes": model.num_classes, "global_pool": model.global_pool,
        "embed_dim": model.embed_dim, "depth": len(model.blocks), "num_heads": block.attn.num_heads,
        "hidden": block.mlp.fc1.out_features, "qkv_bias": block.attn.qkv.bias is not None,
        "layer_scale": isinstance(block.ls1, LayerScale), "class_token": model.has_class_token,
        "reg_tokens": model.num_reg_tokens, "no_embed_class": model.no_embed_class,
        "pre_norm": not isinstance(model.norm_pre, nn.Identity), "norm": isinstance(model.norm, LayerNorm),
        "fc_norm": isinstance(model.fc_norm, LayerNorm), "epsilon": block.norm1.eps,
    }


def main() -> None:
    result = {}
    for name in timm.list_models():
        if not name.startswith(("vit_", "deit")):
            continue
        try:
            with torch.device("meta"):
                model = timm.create_model(name)
        except Exception as error:  # models that cannot be built without weights are not plain ones
            print(f"{name}: {error}", file=sys.stderr)
            continue
        if is_plain(model):
            result[name] = describe(model)
    text = ",\n".join(f'  "{name}": {json.dumps(value)}' for name, value in sorted(result.items()))
    (HERE / "architectures.json").write_text("{\n" + text + "\n}\n")
    print(f"{len(result)} architectures of timm {timm.__version__}")


if __name__ == "__main__":
    main()
