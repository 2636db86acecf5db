"""One engine in a process of its own: a forward pass for every line read, its milliseconds written.

usage: worker.py torch|onnxruntime|openvino CASE FOLDER THREADS     (started by compare.py)
"""
import sys
import time
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file


def engine(kind: str, case: str, folder: Path, threads: int, images: np.ndarray):
    """A function that makes one pass and returns the logits."""
    if kind == "torch":
        import torch
        from cases import torch_model

        torch.set_num_threads(threads)
        model = torch_model(case)
        tensor = torch.from_numpy(images)

        def run():
            with torch.inference_mode():
                return model(tensor).numpy()
        return run
    if kind == "onnxruntime":
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        session = onnxruntime.InferenceSession(str(folder / "model.onnx"), options, providers=["CPUExecutionProvider"])
        return lambda: session.run(None, {"images": images})[0]
    if kind == "openvino":
        import openvino

        compiled = openvino.Core().compile_model(str(folder / "model.onnx"), "CPU", {
            "INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"})
        request = compiled.create_infer_request()
        return lambda: request.infer({"images": images})[0]
    raise SystemExit(f"no engine '{kind}'")


def main() -> None:
    kind, case, folder, threads = sys.argv[1], sys.argv[2], Path(sys.argv[3]), int(sys.argv[4])
    run = engine(kind, case, folder, threads, load_file(folder / "images.safetensors")["images"])
    np.save(folder / f"{kind}.npy", np.asarray(run()))
    print("ready", flush=True)
    for _ in sys.stdin:
        start = time.perf_counter_ns()
        run()
        print((time.perf_counter_ns() - start) * 1e-6, flush=True)


if __name__ == "__main__":
    main()
