"""Whether one commit trains faster than another: builds both, times both in turns.

usage: compare_commits.py BASE HEAD [--cells W1/1/full/float,W6/32/full/int8,...] [--rounds N]
       [--seconds S] [--bench FOLDER]

A cell is WORKLOAD/BATCH/REGIME/KIND; KIND is float, int8 (shadow update) or in_place (int8).  For
each cell the table has, in processor time of a step, the least of BASE and of HEAD over all rounds,
the ratio HEAD / BASE of these, the ratio of the medians of the rounds' medians, and the spread: how
far the rounds' minima lie apart, largest / smallest, for each side.  A ratio within the spread says
nothing.  Below 1 HEAD is faster.

Builds in build/compare/COMMIT, from a work tree of that commit beside it, and keeps both for the
next time.  The workloads are those of ../shared/bench, or of HONE_SHARED, or of --bench.
"""
import argparse
import json
import math
import os
import pathlib
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
SHARED = pathlib.Path(os.environ.get("HONE_SHARED", ROOT.parent / "shared"))
FILES = {"float": ("", "shadow"), "int8": ("_int8", "shadow"), "in_place": ("_int8", "in_place")}


def run(*command, **more):
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, **more)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.stdout.strip()


def built(revision):
    """The command `hone` of that commit."""
    commit = run("git", "-C", ROOT, "rev-parse", "--short=12", f"{revision}^{{commit}}")
    folder = ROOT / "build" / "compare" / commit
    source, build = folder / "source", folder / "build"
    if not source.exists():
        folder.mkdir(parents=True, exist_ok=True)
        run("git", "-C", ROOT, "worktree", "add", "--detach", source, commit)
    if not (build / "build.ninja").exists():
        run("meson", "setup", build, source, "-Dbuildtype=release", "-Dtests=disabled")
    print(f"building {revision} = {commit}", file=sys.stderr)
    run("ninja", "-C", build, "src/cli/hone")
    return build / "src/cli/hone"


def timed(hone, bench, cell, seconds):
    workload, batch, regime, kind = cell.split("/")
    suffix, update = FILES[kind]
    line = run(hone, "bench", bench / f"{workload}{suffix}.tflite", "--batch", batch, "--regime",
               regime, "--update", update, "--seconds", seconds, "--parity", "3")
    line = json.loads(line)
    return line["step_cpu_ms_min"], line["step_cpu_ms_median"]


def spread(rounds):
    least = [r[0] for r in rounds]
    return max(least) / min(least)


def compare(sides, bench, cell, rounds, seconds):
    """One line of the table; the ratio of the minima and of the medians."""
    times = [[], []]
    for n in range(rounds):
        for side in (0, 1) if n % 2 == 0 else (1, 0):  # so that neither is always first
            times[side].append(timed(sides[side], bench, cell, seconds))
    least = [min(r[0] for r in side) for side in times]
    median = [statistics.median(r[1] for r in side) for side in times]
    ratios = least[1] / least[0], median[1] / median[0]
    print(f"{cell:24} {least[0]:10.4f} {least[1]:10.4f} {ratios[0]:8.3f} {ratios[1]:8.3f}"
          f"   {spread(times[0]):.2f} {spread(times[1]):.2f}", flush=True)
    return ratios


def main():
    cells = [f"W{w}/{b}/full/{k}" for w in range(1, 8) for b in (1, 32) for k in ("float", "int8")]
    arguments = argparse.ArgumentParser(description="Compares the speed of two commits.")
    arguments.add_argument("base")
    arguments.add_argument("head")
    arguments.add_argument("--cells", default=",".join(cells))
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--seconds", type=float, default=0.5, help="of each side, a round")
    arguments.add_argument("--bench", type=pathlib.Path, default=SHARED / "bench")
    args = arguments.parse_args()
    if not (args.bench / "workloads.json").exists():
        sys.exit(f"expected the workloads in {args.bench}, there is no workloads.json")
    sides = [built(args.base), built(args.head)]
    print(f"{'ms of processor time':24} {'base':>10} {'head':>10} {'minima':>8} {'medians':>8}"
          "   spread")
    ratios = [compare(sides, args.bench, cell, args.rounds, args.seconds)
              for cell in args.cells.split(",")]
    means = [math.exp(statistics.fmean(math.log(r[i]) for r in ratios)) for i in (0, 1)]
    print(f"{'geometric mean':24} {'':10} {'':10} {means[0]:8.3f} {means[1]:8.3f}")


main()
