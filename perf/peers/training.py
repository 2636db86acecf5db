"""Runs training steps of this engine and of PyTorch alternately and prints how many times faster it is: see ../README.md.

A step is forward pass, cross-entropy, backward pass and AdamW (PyTorch's is fused) over all parameters, of random
weights and one batch in memory. With --pathway folded every linear layer of every block has an auxiliary's, trained too.

usage: training.py [--architecture vit_base_patch16_224] [--batch 8] [--threads 2] [--precision float32|bfloat16]
                   [--pathway plain|folded] [--rounds 7] [--peers eager,compiled] [--server PATH] [--save]
"""
import argparse
import datetime
import json
import os
import statistics
import sys
from importlib.metadata import version
from pathlib import Path

from compare import PERF, Engine, processor, quartiles


def peak_bytes(engine: Engine) -> int:
    """The most memory that the process had, loading included."""
    for line in Path(f"/proc/{engine.process.pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise SystemExit(f"{engine.name}: /proc does not state its memory")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--architecture", default="vit_base_patch16_224")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--precision", choices=["float32", "bfloat16"], default="float32")
    parser.add_argument("--pathway", choices=["plain", "folded"], default="plain")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--peers", default="eager,compiled")
    parser.add_argument("--server", type=Path, default=PERF / ".build" / "release" / "StepServer")
    parser.add_argument("--save", action="store_true", help="write the JSON to perf/baselines/")
    options = parser.parse_args()
    if options.rounds < 2:
        parser.error("--rounds takes 2 or more")
    modes = [mode for mode in options.peers.split(",") if mode]
    if not set(modes) <= {"eager", "compiled"}:
        parser.error("peers: eager, compiled")

    threads = str(options.threads)
    shape = [options.architecture, str(options.batch), threads]
    ours = Engine("ours", [str(options.server), *shape, options.pathway, options.precision], {})
    peers = [
        Engine(mode, [sys.executable, str(Path(__file__).parent / "training_worker.py"), mode, options.precision, *shape,
                      options.pathway], {"OMP_NUM_THREADS": threads})
        for mode in modes
    ]
    times: dict[str, list[list[float]]] = {peer.name: [] for peer in peers}
    for _ in range(options.rounds):
        for peer in peers:
            times[peer.name].append([ours.turn(), peer.turn()])
    our_peak = peak_bytes(ours)
    peaks = {peer.name: peak_bytes(peer) for peer in peers}
    for engine in [ours, *peers]:
        engine.end()

    name, slug = processor()
    result = {
        "architecture": options.architecture, "batch": options.batch, "threads": options.threads,
        "pathway": options.pathway, "precision": options.precision, "rounds": options.rounds,
        "isa": ours.banner.split()[-1], "processor": name, "processors": os.cpu_count(), "load": os.getloadavg()[0],
        "date": datetime.date.today().isoformat(), "torch": version("torch"), "peak_bytes": our_peak, "peers": {},
    }
    print(f"training step of {options.architecture}, batch {options.batch}, {threads} threads, {options.precision}, "
          f"{options.pathway}, {result['isa']}, {name}")
    for mode in modes:
        pairs = times[mode]
        entry = {
            "ratio": quartiles([b / a for a, b in pairs]), "our_ms": statistics.median(a for a, _ in pairs),
            "their_ms": statistics.median(b for _, b in pairs), "peak_bytes": peaks[mode], "pairs_ms": pairs,
        }
        result["peers"][mode] = entry
        ratio = entry["ratio"]
        print(f"  {ratio['median']:.2f} x PyTorch {result['torch']} {mode}  ({ratio['low']:.2f}...{ratio['high']:.2f})   "
              f"{entry['our_ms']:.0f} against {entry['their_ms']:.0f} ms   "
              f"memory {our_peak / 2**30:.2f} against {peaks[mode] / 2**30:.2f} GiB")
    if options.save:
        # Not in the processor's folder, whose files make the README's table.
        place = PERF / "baselines" / (
            f"training-{slug}-{options.architecture}-batch{options.batch}-threads{threads}-{options.pathway}-"
            f"{options.precision}.json")
        place.write_text(json.dumps(result, indent=1) + "\n")
        print(f"  wrote {place.relative_to(PERF.parent)}")


if __name__ == "__main__":
    main()
