"""How long a C program takes that loads the demo's model and classifies one picture, for several builds of libm2pt.so.

    CSupport/Library/install DYNAMIC && CSupport/Library/install STATIC --static
    python3 perf/library_start.py DYNAMIC STATIC

Each argument is the prefix of an installation. Processes of all builds take turns, 11 of each after one that is not
counted; times are medians, from before the process starts: until `m2pt_load` returns, until the process ends.
"""
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

RUNS = 11
DEMO = Path(__file__).resolve().parent.parent / "Sources/m2pt/Demo"
PROGRAM = r"""
#include <m2pt.h>
#include <stdio.h>
#include <time.h>
int main(int argc, char **argv) {
  m2pt_model *model;
  float scores[10];
  if (argc != 3 || m2pt_load(argv[1], NULL, &model) != M2PT_OK)
    return 1;
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  printf("%.9f\n", (double)now.tv_sec + 1e-9 * (double)now.tv_nsec);
  int status = m2pt_classify_file(model, argv[2], scores, 10);
  m2pt_free(model);
  return status;
}
"""


def build(prefix: str, folder: Path, number: int) -> list[str]:
    program = folder / f"start{number}"
    subprocess.run(
        ["cc", "-O2", "-x", "c", "-", "-o", program, f"-I{prefix}/include", f"-L{prefix}/lib", "-lm2pt",
         f"-Wl,-rpath,{prefix}/lib"],
        input=PROGRAM, text=True, check=True)
    return [str(program), str(DEMO / "target"), str(DEMO / "samples/7/000.png")]


def run(command: list[str]) -> tuple[float, float]:
    """Milliseconds until the model is loaded, and until the process ends."""
    start = time.clock_gettime(time.CLOCK_MONOTONIC)
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    end = time.clock_gettime(time.CLOCK_MONOTONIC)
    return 1e3 * (float(output) - start), 1e3 * (end - start)


def main() -> None:
    prefixes = [os.path.abspath(prefix) for prefix in sys.argv[1:]]
    with tempfile.TemporaryDirectory() as folder:
        commands = [build(prefix, Path(folder), number) for number, prefix in enumerate(prefixes)]
        rounds = [[run(command) for command in commands] for _ in range(RUNS + 1)][1:]
    print("| library | bytes | loaded, ms | process, ms |\n| --- | --- | --- | --- |")
    for number, prefix in enumerate(prefixes):
        loaded, ended = (statistics.median(one[number][item] for one in rounds) for item in (0, 1))
        print(f"| {prefix} | {os.path.getsize(prefix + '/lib/libm2pt.so'):,} | {loaded:.1f} | {ended:.1f} |")


if __name__ == "__main__":
    main()
