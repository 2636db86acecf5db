"""Models that every engine gets alike: random weights, as a model directory of timm's, and as ONNX."""
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "Tests" / "Fixtures"))

BASE = {"img_size": 224, "patch_size": 16, "embed_dim": 768, "depth": 12, "num_heads": 12}
CASES = {
    "vit-b": BASE,
    "vit-ti": BASE | {"embed_dim": 192, "num_heads": 3},
    "vit-s": BASE | {"embed_dim": 384, "num_heads": 6},
    "vit-l": BASE | {"embed_dim": 1024, "depth": 24, "num_heads": 16},
    "dinov2-s": BASE | {"img_size": 518, "patch_size": 14, "embed_dim": 384, "num_heads": 6, "init_values": 1e-5},
    # As many tokens as 16 video frames of 224 x 224, and as 1,024 spectrogram frames of 128 bins and a class token.
    "video-1568": BASE | {"img_size": [448, 896], "class_token": False},
    "audio-512": BASE | {"img_size": [1024, 128]},
}
CLASSES = 1000


def pooling(name: str) -> str:
    return "token" if CASES[name].get("class_token", True) else "avg"


def channels(name: str) -> int:
    return 1 if name.startswith("audio") else 3


def size(name: str) -> tuple[int, int]:
    value = CASES[name]["img_size"]
    return (value, value) if isinstance(value, int) else tuple(value)


def torch_model(name: str):
    """timm's model with seeded weights in which no bias, norm or scale is trivial."""
    from oracle import import_timm, randomize

    arguments = {key: tuple(value) if isinstance(value, list) else value for key, value in CASES[name].items()}
    model = import_timm().models.VisionTransformer(
        num_classes=CLASSES, in_chans=channels(name), global_pool=pooling(name), **arguments)
    randomize(model, seed=7)
    return model.eval()


def prepare(name: str, batch: int, precision: str, folder: Path) -> None:
    """Writes model/{config.json,model.safetensors}, model.onnx, images.safetensors and the logits of PyTorch in float32,
    reference.npy, where they are not there yet; for int8, model-int8.onnx and model-nncf.xml too."""
    if not (folder / "done").exists():
        export(name, batch, folder)
    quantized = folder / "model-int8.onnx"
    if precision == "int8" and not quantized.exists():
        partial = folder / "partial.onnx"
        quantize(folder / "model.onnx", partial)
        partial.rename(quantized)
    calibrated = folder / "model-nncf.xml"
    if precision == "int8" and not calibrated.exists():
        calibrate(folder, calibrated, channels(name), size(name))


def quantize(model: Path, target: Path) -> None:
    """ONNX Runtime's dynamic int8, by channel. Only products: the convolution's integer form is slower than its float32."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    quantize_dynamic(model, target, op_types_to_quantize=["MatMul"], per_channel=True, weight_type=QuantType.QInt8)


def calibrate(folder: Path, target: Path, channels: int, size: tuple[int, int]) -> None:
    """NNCF's int8 for OpenVINO, its ranges measured on 64 images of the distribution that the timed ones are of."""
    import nncf
    import numpy as np
    import openvino

    model = openvino.Core().read_model(folder / "model.onnx")
    batch = model.input(0).shape[0]
    random = np.random.default_rng(5)
    inputs = [{"images": random.standard_normal((batch, channels, *size), dtype=np.float32)} for _ in range(-(-64 // batch))]
    model = nncf.quantize(
        model, nncf.Dataset(inputs), model_type=nncf.ModelType.TRANSFORMER, subset_size=len(inputs))
    # The file that is looked for is renamed last; the weights have the other ending.
    openvino.save_model(model, folder / "partial.xml", compress_to_fp16=False)
    (folder / "partial.bin").rename(target.with_suffix(".bin"))
    (folder / "partial.xml").rename(target)


def export(name: str, batch: int, folder: Path) -> None:
    import numpy as np
    import torch
    from safetensors.torch import save_file

    (folder / "model").mkdir(parents=True, exist_ok=True)
    model = torch_model(name)
    save_file({key: value.contiguous() for key, value in model.state_dict().items()}, folder / "model" / "model.safetensors")
    config = {
        "architecture": "vit_base_patch16_224", "num_classes": CLASSES, "global_pool": pooling(name),
        "model_args": CASES[name], "pretrained_cfg": {"input_size": [channels(name), *size(name)]},
    }
    (folder / "model" / "config.json").write_text(json.dumps(config, indent=2))
    images = torch.randn(batch, channels(name), *size(name), generator=torch.Generator().manual_seed(3))
    save_file({"images": images}, folder / "images.safetensors")
    with torch.inference_mode():
        np.save(folder / "reference.npy", model(images).numpy())
        torch.onnx.export(
            model, (images,), folder / "model.onnx", opset_version=17, dynamo=False, input_names=["images"],
            output_names=["logits"])
    (folder / "done").touch()
