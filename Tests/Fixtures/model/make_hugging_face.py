"""Goldens for models in other layouts: tiny models of Hugging Face's transformers library, as it saves them.

    python Tests/Fixtures/model/make_hugging_face.py    # rewrites hugging_face_*.safetensors, same bytes each time

One file a model. Tensors: weights.NAME in float32, NAME as `save_pretrained` writes it; input (2, 3, H, W); and
float64.{features,logits}, computed in double: features is the last hidden state after the final LayerNorm, logits is
there for classifiers. Metadata: `config` is config.json as `save_pretrained` writes it. Needs transformers 5.23.
"""
import copy
import json
import sys
import tempfile
from pathlib import Path

import torch

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))
from oracle import array, import_timm, randomize, write

import_timm()
import transformers
from safetensors.torch import load_file
from transformers.models.deit import modeling_deit as deit
from transformers.models.dinov2 import modeling_dinov2 as dinov2
from transformers.models.dinov2_with_registers import modeling_dinov2_with_registers as registers
from transformers.models.vit import modeling_vit as vit

SIZES = dict(hidden_size=32, num_hidden_layers=2, num_attention_heads=2, image_size=32, patch_size=8)
LABELS = dict(id2label={index: f"class {index}" for index in range(5)}, label2id={f"class {i}": i for i in range(5)})

MODELS = {
    "vit": lambda: vit.ViTForImageClassification(vit.ViTConfig(**SIZES, intermediate_size=48, **LABELS)),
    "vit_pooler": lambda: vit.ViTModel(vit.ViTConfig(**SIZES, intermediate_size=32, qkv_bias=False)),
    "deit": lambda: deit.DeiTForImageClassification(deit.DeiTConfig(**SIZES, intermediate_size=32, **LABELS)),
    "dinov2": lambda: dinov2.Dinov2Model(dinov2.Dinov2Config(**SIZES, mlp_ratio=2)),
    "dinov2_registers": lambda: registers.Dinov2WithRegistersModel(
        registers.Dinov2WithRegistersConfig(**SIZES, mlp_ratio=1, num_register_tokens=3)),
    "dinov2_classifier": lambda: dinov2.Dinov2ForImageClassification(
        dinov2.Dinov2Config(**SIZES, mlp_ratio=1, **LABELS)),
}


def make(name: str, seed: int) -> None:
    model = MODELS[name]().eval()
    randomize(model, seed)
    image = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(seed + 1000)).clamp(-1, 1)
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        weights = load_file(f"{folder}/model.safetensors")
        config = json.loads(Path(f"{folder}/config.json").read_text())
    tensors = {"input": array(image)} | {f"weights.{key}": array(value) for key, value in weights.items()}
    double = copy.deepcopy(model).double()
    with torch.inference_mode():
        base = getattr(double, double.base_model_prefix, double)
        tensors["float64.features"] = array(base(image.double()).last_hidden_state)
        if "classifier.weight" in weights:
            tensors["float64.logits"] = array(double(image.double()).logits)
    write(HERE / f"hugging_face_{name}.safetensors", tensors, config=config, versions={
        "torch": torch.__version__, "transformers": transformers.__version__})


if __name__ == "__main__":
    torch.set_num_threads(1)
    for index, name in enumerate(MODELS):
        make(name, 300 + index)
