"""Goldens for heads other than a linear layer of one token, and for the names of transformers 5 in memory.

    python Tests/Fixtures/model/make_heads.py    # rewrites heads_*.safetensors, same bytes each time

One file a model. Tensors: weights.NAME in float32; input (2, 3, 32, 32); and float64.{features,pooled,logits}, computed
in double, where the model has them. Metadata: `config` is its config.json.
"""
import copy
import json
import sys
from pathlib import Path

import torch
from torch import nn

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))
from oracle import array, import_timm, randomize, write

timm = import_timm()
import transformers.utils
import transformers.utils.import_utils

# A sound library that does not match torch is not needed here.
transformers.utils.is_torchaudio_available = transformers.utils.import_utils.is_torchaudio_available = lambda: False
import transformers as t

SIZES = dict(hidden_size=32, num_hidden_layers=1, num_attention_heads=2, image_size=32, patch_size=8)
PLAIN = dict(SIZES, intermediate_size=48)
LABELS = dict(id2label={index: f"class {index}" for index in range(5)}, label2id={f"class {i}": i for i in range(5)})


def hugging_face(kind, config):
    def make(seed):
        model = kind(config).eval()
        randomize(model, seed)
        model.config.architectures = [kind.__name__]
        return model, json.loads(model.config.to_json_string(use_diff=True))
    return make


def distilled(seed):
    arguments = dict(img_size=32, patch_size=8, embed_dim=32, depth=1, num_heads=2, mlp_ratio=2)
    model = timm.create_model("deit_tiny_distilled_patch16_224", num_classes=5, **arguments).eval()
    randomize(model, seed)
    return model, {"architecture": "deit_tiny_distilled_patch16_224", "num_classes": 5, "global_pool": "token",
                   "model_args": arguments, "pretrained_cfg": {"input_size": [3, 32, 32]}}


def probe(seed):
    """MAE's main_linprobe.py: a batch norm without weights before the head."""
    arguments = dict(img_size=32, patch_size=8, embed_dim=32, depth=1, num_heads=2, mlp_ratio=2)
    model = timm.create_model("vit_tiny_patch16_224", num_classes=5, **arguments).eval()
    randomize(model, seed)
    model.head = nn.Sequential(nn.BatchNorm1d(32, affine=False, eps=1e-6), model.head).eval()
    generator = torch.Generator().manual_seed(seed)
    model.head[0].running_mean.copy_(torch.randn(32, generator=generator))
    model.head[0].running_var.copy_(torch.rand(32, generator=generator) + 0.01)
    return model, {"architecture": "vit_tiny_patch16_224", "num_classes": 5, "model_args": arguments,
                   "pretrained_cfg": {"input_size": [3, 32, 32]}}


MODELS = {
    "distilled": distilled,
    "probe": probe,
    "deit_teacher": hugging_face(t.DeiTForImageClassificationWithTeacher, t.DeiTConfig(**PLAIN, **LABELS)),
    "dinov2": hugging_face(t.Dinov2ForImageClassification, t.Dinov2Config(**SIZES, mlp_ratio=1, **LABELS)),
    "dinov2_registers": hugging_face(
        t.Dinov2WithRegistersForImageClassification,
        t.Dinov2WithRegistersConfig(**SIZES, mlp_ratio=1, num_register_tokens=3, **LABELS)),
    "vit_pooler": hugging_face(t.ViTModel, t.ViTConfig(**PLAIN, pooler_output_size=24)),
    "vit": hugging_face(t.ViTForImageClassification, t.ViTConfig(**PLAIN, **LABELS)),
}


def main() -> None:
    torch.set_num_threads(1)
    for index, (name, make) in enumerate(MODELS.items()):
        model, config = make(500 + index)
        image = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(600 + index)).clamp(-1, 1)
        # Names of the modules in memory, as torch.save(model.state_dict()) keeps them.
        tensors = {f"weights.{key}": array(value) for key, value in model.state_dict().items()}
        tensors["input"] = array(image)
        double, image = copy.deepcopy(model).double(), image.double()
        with torch.inference_mode():
            if "model_type" in config:
                output = getattr(double, double.base_model_prefix, double)(image)
                tensors["float64.features"] = array(output.last_hidden_state)
                if "Model" in config["architectures"][0]:
                    tensors["float64.pooled"] = array(output.pooler_output)
                else:
                    tensors["float64.logits"] = array(double(image).logits)
            else:
                features = double.forward_features(image)
                tensors["float64.features"] = array(features)
                tensors["float64.pooled"] = array(double.forward_head(features, pre_logits=True))
                tensors["float64.logits"] = array(double(image))
        write(HERE / f"heads_{name}.safetensors", tensors, config=config, versions={
            "torch": torch.__version__, "timm": timm.__version__, "transformers": t.__version__})


if __name__ == "__main__":
    main()
