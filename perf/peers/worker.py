"""One engine in a process of its own: a forward pass for every line read, its milliseconds written.

usage: worker.py torch|onnxruntime|openvino|nncf float32|bfloat16|int8 CASE FOLDER THREADS     (started by compare.py)
"""
import sys
import time
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file


def torch_engine(precision: str, case: str, folder: Path, threads: int, images: np.ndarray):
    import torch
    from cases import torch_model

    torch.set_num_threads(threads)
    number = {"float32": torch.float32, "bfloat16": torch.bfloat16}[precision]
    model = torch_model(case).to(number)
    tensor = torch.from_numpy(images).to(number)

    def run():
        with torch.inference_mode():
            return model(tensor).float().numpy()
    return run


def onnxruntime_engine(precision: str, case: str, folder: Path, threads: int, images: np.ndarray):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    file = folder / {"float32": "model.onnx", "int8": "model-int8.onnx"}[precision]
    session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    return lambda: session.run(None, {"images": images})[0]


def openvino_engine(precision: str, case: str, folder: Path, threads: int, images: np.ndarray):
    import openvino

    settings = {"INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY"}
    # Of an int8 model, what is not in int8 runs in what OpenVINO chooses, which is bfloat16 where that is faster.
    if precision != "int8":
        settings["INFERENCE_PRECISION_HINT"] = {"float32": "f32", "bfloat16": "bf16"}[precision]
    file = "model-nncf.xml" if precision == "int8" else "model.onnx"
    compiled = openvino.Core().compile_model(str(folder / file), "CPU", settings)
    request = compiled.create_infer_request()
    return lambda: request.infer({"images": images})[0]


ENGINES = {"torch": torch_engine, "onnxruntime": onnxruntime_engine, "openvino": openvino_engine, "nncf": openvino_engine}


def main() -> None:
    kind, precision, case, folder, threads = *sys.argv[1:4], Path(sys.argv[4]), int(sys.argv[5])
    run = ENGINES[kind](precision, case, folder, threads, load_file(folder / "images.safetensors")["images"])
    np.save(folder / f"{kind}-{precision}.npy", np.asarray(run(), dtype=np.float32))
    print("ready", flush=True)
    for _ in sys.stdin:
        start = time.perf_counter_ns()
        run()
        print((time.perf_counter_ns() - start) * 1e-6, flush=True)


if __name__ == "__main__":
    main()
