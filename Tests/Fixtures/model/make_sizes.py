"""Goldens of models whose processor or data configuration has another size than their position embeddings.

    python Tests/Fixtures/model/make_sizes.py    # rewrites size_*.safetensors, same bytes each time

One file a model, all of images/cat.jpg. Tensors: weights.NAME in float32 as the library saves it; features, the last
hidden state after the final LayerNorm, and logits where there is a head, computed in double. Metadata: `config.json` and,
of Hugging Face's, `preprocessor_config.json`. ViT and DeiT run with interpolate_pos_encoding=True, without which they
refuse the size; DINOv2 and timm's dynamic_img_size need no option. Needs transformers 5.24 and timm 1.0.31.
"""
import copy
import json
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from PIL import Image

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))
from oracle import array, import_timm, randomize, write

timm = import_timm()
import transformers
from safetensors.torch import load_file
from timm.data import create_transform, resolve_data_config
from timm.models.vision_transformer import VisionTransformer, checkpoint_filter_fn
from transformers.models.deit import modeling_deit as deit
from transformers.models.dinov2 import modeling_dinov2 as dinov2
from transformers.models.dinov2_with_registers import modeling_dinov2_with_registers as registers
from transformers.models.vit import modeling_vit as vit

PICTURE = HERE.parent / "images" / "cat.jpg"
SIZES = dict(hidden_size=16, num_hidden_layers=2, num_attention_heads=2)
LABELS = dict(id2label={index: f"class {index}" for index in range(5)}, label2id={f"class {i}": i for i in range(5)})
NUMBERS = dict(image_mean=[0.485, 0.456, 0.406], image_std=[0.229, 0.224, 0.225])

HUGGING_FACE = {
    "dinov2": (
        lambda: dinov2.Dinov2Model(dinov2.Dinov2Config(**SIZES, mlp_ratio=2, image_size=518, patch_size=14)),
        "Bit", dict(size={"shortest_edge": 256}, crop_size={"height": 224, "width": 224}, **NUMBERS)),
    "dinov2_registers": (
        lambda: registers.Dinov2WithRegistersModel(registers.Dinov2WithRegistersConfig(
            **SIZES, mlp_ratio=2, image_size=64, patch_size=8, num_register_tokens=3)),
        "Bit", dict(size={"shortest_edge": 80}, crop_size={"height": 40, "width": 72}, **NUMBERS)),
    "dinov2_enlarged": (
        lambda: dinov2.Dinov2Model(dinov2.Dinov2Config(**SIZES, mlp_ratio=2, image_size=32, patch_size=8)),
        "Bit", dict(size={"shortest_edge": 80}, crop_size={"height": 76, "width": 76}, **NUMBERS)),
    "vit": (
        lambda: vit.ViTForImageClassification(
            vit.ViTConfig(**SIZES, intermediate_size=32, image_size=64, patch_size=8, **LABELS)),
        "ViT", dict(size={"height": 48, "width": 32})),
    "deit": (
        lambda: deit.DeiTForImageClassification(
            deit.DeiTConfig(**SIZES, intermediate_size=32, image_size=48, patch_size=8, **LABELS)),
        "DeiT", dict(size={"height": 72, "width": 72}, crop_size={"height": 64, "width": 64}, **NUMBERS)),
}

TIMM = {
    "timm_dynamic": dict(img_size=64, no_embed_class=False),
    "timm_dynamic_registers": dict(img_size=32, reg_tokens=2, no_embed_class=True, global_pool="avg"),
    # A file whose positions are for 64 x 64, which timm resamples while loading it.
    "timm_stored": dict(img_size=[40, 72], dynamic_img_size=False),
}


def make_hugging_face(name: str, seed: int) -> None:
    build, kind, options = HUGGING_FACE[name]
    model = build().eval()
    randomize(model, seed)
    processor = getattr(transformers, f"{kind}ImageProcessorPil")(**options)
    pixels = processor(Image.open(PICTURE).convert("RGB"), return_tensors="np")["pixel_values"].astype(np.float32)
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        weights = load_file(f"{folder}/model.safetensors")
        config = Path(f"{folder}/config.json").read_text()
    # The processor's own file has further keys of its library; these are the ones that it was made from.
    text = json.dumps(options | {"image_processor_type": f"{kind}ImageProcessor"}, sort_keys=True)
    double = copy.deepcopy(model).double()
    asked = {} if name.startswith("dinov2") else {"interpolate_pos_encoding": True}
    inputs = torch.from_numpy(pixels).double()
    tensors = {f"weights.{key}": array(value) for key, value in weights.items()}
    with torch.inference_mode():
        base = getattr(double, double.base_model_prefix, double)
        tensors["features"] = array(base(inputs, **asked).last_hidden_state)
        if "classifier.weight" in weights:
            tensors["logits"] = array(double(inputs, **asked).logits)
    write(HERE / f"size_{name}.safetensors", tensors, **{"config.json": config, "preprocessor_config.json": text},
          versions={"torch": torch.__version__, "transformers": transformers.__version__})


def make_timm(name: str, seed: int) -> None:
    arguments = dict(patch_size=8, embed_dim=16, depth=2, num_heads=2, num_classes=5, dynamic_img_size=True) | TIMM[name]
    pretrained = dict(input_size=[3, 40, 72], crop_pct=0.8, interpolation="bilinear", mean=[0.4] * 3, std=[0.3] * 3,
                      fixed_input_size=True, num_classes=5)
    model = VisionTransformer(**arguments).eval()
    randomize(model, seed)
    transform = create_transform(**resolve_data_config(pretrained_cfg=pretrained), is_training=False)
    inputs = transform(Image.open(PICTURE).convert("RGB"))[None].double()
    saved = model.state_dict()
    if name == "timm_stored":
        stored = VisionTransformer(**arguments | dict(img_size=64))
        randomize(stored, seed)
        saved = stored.state_dict()
        model.load_state_dict(checkpoint_filter_fn(dict(saved), model), strict=True)
    double = copy.deepcopy(model).double()
    tensors = {f"weights.{key}": array(value) for key, value in saved.items()}
    with torch.inference_mode():
        tensors |= {"features": array(double.forward_features(inputs)), "logits": array(double(inputs))}
    config = dict(architecture="vit_of_ones_own", model_args=arguments, pretrained_cfg=pretrained, num_classes=5)
    write(HERE / f"size_{name}.safetensors", tensors, **{"config.json": config},
          versions={"torch": torch.__version__, "timm": timm.__version__})


if __name__ == "__main__":
    torch.set_num_threads(1)
    for index, name in enumerate(HUGGING_FACE):
        make_hugging_face(name, 700 + index)
    for index, name in enumerate(TIMM):
        make_timm(name, 720 + index)
