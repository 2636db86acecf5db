"""Runs this engine and its peers alternately and prints how many times faster it is: see ../README.md.

usage: compare.py [--case vit-b] [--batch 1] [--threads 2] [--precision float32|bfloat16|int8] [--rounds 20]
                  [--peers torch,onnxruntime,openvino,nncf] [--pathway plain|two-branch|folded|merged] [--server PATH] [--save]
"""
import argparse
import datetime
import json
import os
import re
import signal
import statistics
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file

from cases import CASES

PERF = Path(__file__).resolve().parents[1]
# The peers by precision: ONNX Runtime has no bfloat16 on CPUs. In int8 it quantises activations at run time, as this
# engine does; "nncf" is OpenVINO with the model that NNCF has quantised, whose ranges were measured before (cases.py).
PEERS = {
    "float32": ["torch", "onnxruntime", "openvino"],
    "bfloat16": ["torch", "openvino"],
    "int8": ["onnxruntime", "nncf"],
}


class Engine:
    """A process that makes one pass for every line it gets. Stopped (SIGSTOP) while others have their turn."""

    def __init__(self, name: str, command: list[str], environment: dict[str, str]):
        self.name = name
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=os.environ | environment)
        self.banner = self.process.stdout.readline().strip()
        if not self.banner.startswith("ready"):
            self.process.kill()
            raise SystemExit(f"{name} did not start: {' '.join(command)}")
        self.process.send_signal(signal.SIGSTOP)

    def turn(self) -> float:
        """Milliseconds of a pass, after one that warms caches and wakes threads."""
        self.process.send_signal(signal.SIGCONT)
        self.one_pass()
        milliseconds = self.one_pass()
        self.process.send_signal(signal.SIGSTOP)
        return milliseconds

    def one_pass(self) -> float:
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise SystemExit(f"{self.name} ended with status {self.process.wait()}")
        return float(answer)

    def end(self) -> None:
        self.process.send_signal(signal.SIGCONT)
        self.process.stdin.close()
        self.process.wait()


def processor() -> tuple[str, str]:
    """Its name, and a folder name that tells models apart that share one."""
    text = Path("/proc/cpuinfo").read_text()
    field = {key: re.search(rf"^{key}\s*: (.*)$", text, re.M).group(1) for key in ("model name", "cpu family", "model")}
    slug = re.sub(r"[^a-z0-9]+", "-", field["model name"].lower()).strip("-")
    return field["model name"], f"{slug}-family{field['cpu family']}-model{field['model']}"


def quartiles(values: list[float]) -> dict[str, float]:
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return {"median": middle, "low": low, "high": high}


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    """The least over the batch of the cosine between two rows of logits."""
    a, b = a.astype(np.float64), b.astype(np.float64)
    return float(((a * b).sum(1) / (np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1))).min())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--case", choices=CASES, default="vit-b")
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--precision", choices=PEERS, default="float32")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--peers", help="default: all that know the precision")
    parser.add_argument("--pathway", choices=["plain", "two-branch", "folded", "merged"], default="plain")
    parser.add_argument("--server", type=Path, default=PERF / ".build" / "release" / "ForwardServer")
    parser.add_argument("--save", action="store_true", help="write the JSON to perf/baselines/PROCESSOR/")
    options = parser.parse_args()
    if options.rounds < 2:
        parser.error("--rounds takes 2 or more")
    known = PEERS[options.precision]
    kinds = known if options.peers is None else [kind for kind in options.peers.split(",") if kind]
    if not set(kinds) <= set(known):
        parser.error(f"peers in {options.precision}: {', '.join(known)}")
    folder = PERF / ".build" / "peers" / f"{options.case}-{options.batch}"
    # In a process of its own, so that PyTorch's threads are not about while others run.
    subprocess.run(
        [sys.executable, "-c", f"import cases, pathlib; cases.prepare({options.case!r}, {options.batch}, "
         f"{options.precision!r}, pathlib.Path({str(folder)!r}))"], cwd=Path(__file__).parent, check=True)

    threads = str(options.threads)
    ours = Engine(
        "ours", [str(options.server), str(folder / "model"), str(folder / "images.safetensors"),
                 str(folder / "ours.safetensors"), threads, options.pathway, options.precision], {})
    peers = [
        Engine(kind, [sys.executable, str(Path(__file__).parent / "worker.py"), kind, options.precision, options.case,
                      str(folder), threads], {"OMP_NUM_THREADS": threads})
        for kind in kinds
    ]

    times: dict[str, list[list[float]]] = {peer.name: [] for peer in peers}
    for _ in range(options.rounds):
        for peer in peers:
            times[peer.name].append([ours.turn(), peer.turn()])
    for engine in [ours, *peers]:
        engine.end()

    name, slug = processor()
    mine = load_file(folder / "ours.safetensors")["logits"]
    reference = np.load(folder / "reference.npy")
    # A pathway of random weights has other logits than the model that the peers run.
    is_same_model = options.pathway == "plain"
    result = {
        "case": options.case, "batch": options.batch, "threads": options.threads, "pathway": options.pathway,
        "precision": options.precision, "rounds": options.rounds, "isa": ours.banner.split()[-1], "processor": name,
        "processors": os.cpu_count(), "load": os.getloadavg()[0], "date": datetime.date.today().isoformat(),
        "cosine": cosine(mine, reference) if is_same_model else None, "peers": {},
    }
    print(f"{options.case}, batch {options.batch}, {threads} threads, {options.precision}, {options.pathway}, "
          f"{result['isa']}, {name}")
    if is_same_model:
        print(f"  cosine of our logits and those of PyTorch in float32: {result['cosine']:.7f}")
    for kind in kinds:
        pairs = times[kind]
        theirs = np.load(folder / f"{kind}-{options.precision}.npy")
        entry = {
            "version": version(kind), "ratio": quartiles([b / a for a, b in pairs]),
            "our_ms": statistics.median(a for a, _ in pairs), "their_ms": statistics.median(b for _, b in pairs),
            "cosine": cosine(theirs, reference),
            "logits_difference": float(np.abs(mine - theirs).max() / np.abs(theirs).max()) if is_same_model else None,
            "pairs_ms": pairs,
        }
        result["peers"][kind] = entry
        ratio = entry["ratio"]
        agreement = f"   logits differ by {entry['logits_difference']:.1e} of the largest" if is_same_model else ""
        print(f"  {ratio['median']:.2f} x {kind} {entry['version']}  ({ratio['low']:.2f}...{ratio['high']:.2f})   "
              f"{entry['our_ms']:.1f} against {entry['their_ms']:.1f} ms   its cosine {entry['cosine']:.7f}{agreement}")
    if options.save:
        place = PERF / "baselines" / slug / (
            f"{options.case}-batch{options.batch}-threads{threads}-{options.pathway}-{options.precision}.json")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(json.dumps(result, indent=1) + "\n")
        print(f"  wrote {place.relative_to(PERF.parent)}")
    if not is_same_model:
        return
    # Rounding of narrower numbers is no error; a wrong product is: it leaves nothing of the direction.
    if result["cosine"] < 0.99:
        raise SystemExit(f"wrong logits: their cosine with PyTorch's in float32 is {result['cosine']:.4f}")
    worst = max((entry["logits_difference"] for entry in result["peers"].values()), default=0)
    if options.precision == "float32" and worst > 1e-4:
        raise SystemExit(f"the engines disagree: logits differ by {worst:.1e} of the largest")


if __name__ == "__main__":
    main()
