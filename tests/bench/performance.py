"""Writes docs/performance.md from the runs of ../shared/bench/compare.py, hone among its engines.

usage: performance.py [--note TEXT] RUNS.jsonl... > docs/performance.md

The runs come from, for example:
  python ../shared/bench/compare.py --venvs DIR --regimes full,lastk,head,bias --rounds 3 \\
    --engine 'hone=build/src/cli/hone bench --dir {dir}' --out runs.jsonl
One thread is compared by processor time, more by wall time; the least of all rounds counts, and
only where the losses agree with the reference.  Spread: the median of a cell's rounds over the
least, median of the cells that have several.  TEXT: how the run was made.
"""
import json
import math
import platform
import statistics
import sys


def time_of(run):
    wall = run["step_ms_min"]
    return run.get("step_cpu_ms_min", wall) if run["threads"] == 1 else wall


def processor():
    with open("/proc/cpuinfo") as file:
        for line in file:
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.machine()


def geometric_mean(values):
    return math.exp(sum(map(math.log, values)) / len(values))


arguments = sys.argv[1:]
note = arguments[1] + "\n" if arguments[0] == "--note" else ""
runs = {}
for path in arguments[2 if note else 0:]:
    with open(path) as file:
        for line in file:
            run = json.loads(line)
            if "step_ms_min" in run and run.get("parity_ok"):
                cell = run["workload"], run["batch"], run["regime"], run["threads"]
                runs.setdefault(cell, {}).setdefault(run["engine"], []).append(run)

engines = sorted({engine for cell in runs.values() for engine in cell})
versions = {e: r[-1].get("version", "") for cell in runs.values() for e, r in cell.items()}
rounds = max(len(r) for cell in runs.values() for r in cell.values())
spreads = [statistics.median(map(time_of, r)) / min(map(time_of, r))
           for cell in runs.values() for r in cell.values() if len(r) > 1]
order = ["full", "lastk", "head", "bias"]

print("# Performance\n")
print("Written by `tests/bench/performance.py`, which says how.  Milliseconds of one training step;"
      " the best\npeer of each cell, and how many times longer its step is than hone's.\n")
print(f"Machine: {processor()}, {platform.system()}.  Rounds: at most {rounds}; spread within a "
      + (f"cell of several: {statistics.median(spreads):.2f}." if spreads else
         "cell: not measured."))
print("Engines: " + ", ".join(f"{e} {versions[e]}".strip() for e in engines) + f".\n{note}")
titles = ["workload", "batch", "regime", "threads", "hone", "best peer", "its step", "ratio",
          "PyTorch, better layout", "resident MB"]
print(f"| {' | '.join(titles)} |")
print("|---" * len(titles) + "|")
ratios = {}
for cell in sorted(runs, key=lambda c: (c[3], c[0], c[1], order.index(c[2]))):
    best = {engine: min(map(time_of, r)) for engine, r in runs[cell].items()}
    hone = best.pop("hone", None)
    if hone is None or not best:
        continue
    peer = min(best, key=best.get)
    torch = min((t for e, t in best.items() if e.startswith("torch-eager")), default=math.nan)
    workload, batch, regime, threads = cell
    ratios.setdefault((threads, batch), []).append(best[peer] / hone)
    resident = max(r.get("hwm_train_mb", 0) for r in runs[cell]["hone"])
    print(f"| {workload} | {batch} | {regime} | {threads} | {hone:.3f} | {peer} "
          f"| {best[peer]:.3f} | {best[peer] / hone:.2f} "
          f"| {'-' if math.isnan(torch) else f'{torch / hone:.2f}'} | {resident:.1f} |")
print("\n| threads | batch | geometric mean of the ratios | least |")
print("|---|---|---|---|")
for (threads, batch), values in sorted(ratios.items()):
    print(f"| {threads} | {batch} | {geometric_mean(values):.2f} | {min(values):.2f} |")
