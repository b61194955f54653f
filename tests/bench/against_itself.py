"""Writes docs/against_itself.md: integers against floats, two threads against one, epochs with the
cached cut against epochs without.

usage: against_itself.py HONE [--bench FOLDER] [--models FOLDER] [--rounds N] [--seconds S]
                         [--python VENV_PYTHON] [--runs RUNS.jsonl] > docs/against_itself.md

HONE is the command; the workloads are those of ../shared/bench, or of HONE_SHARED, or of --bench.
With --python, that of an environment with ai-edge-litert, int8 inference is measured against LiteRT
and its default delegate (XNNPACK), for every file of ../shared/models (--models) too; with --runs,
lines of compare.py, epochs against the best peer's.  Everything of a row runs in turns,
the least of all rounds counts: processor time of one thread, and where threads are compared wall
time.
"""
import argparse
import json
import math
import os
import pathlib
import resource
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
CELLS = ["W1/1", "W1/32", "W2/1", "W2/32", "W3/1", "W3/32", "W4/1", "W4/32", "W5/1", "W5/32",
         "W6/1", "W6/8", "W6/32", "W7/8"]
SHARED = pathlib.Path(os.environ.get("HONE_SHARED", ROOT.parent / "shared"))

INFERENCE = """
import sys, time, numpy, ai_edge_litert.interpreter as litert
path, batch, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
model = litert.Interpreter(path, num_threads=1)
x = model.get_input_details()[0]
model.resize_tensor_input(x["index"], [batch] + list(x["shape"][1:]))
model.allocate_tensors()
model.set_tensor(x["index"], numpy.zeros([batch] + list(x["shape"][1:]), x["dtype"]))
least, begin = 1e9, time.process_time()
while time.process_time() - begin < seconds:
    start = time.process_time()
    model.invoke()
    least = min(least, time.process_time() - start)
print(1000 * least)
"""

parser = argparse.ArgumentParser()
parser.add_argument("hone")
parser.add_argument("--bench", type=pathlib.Path, default=SHARED / "bench")
parser.add_argument("--models", type=pathlib.Path, default=SHARED / "models")
parser.add_argument("--rounds", type=int, default=3)
parser.add_argument("--seconds", type=float, default=0.5)
parser.add_argument("--python")
parser.add_argument("--runs")
args = parser.parse_args()


def run(*command):
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.stdout


def bench(file, batch, threads, *more):
    return json.loads(run("taskset", "-c", "0,1" if threads > 1 else "1", args.hone, "bench",
                          args.bench / f"{file}.tflite", "--batch", batch, "--threads", threads,
                          "--seconds", args.seconds, "--parity", 3, *more))


def xnnpack(file, batch):
    if not args.python:
        return math.nan
    return float(run("taskset", "-c", "1", args.python, "-c", INFERENCE,
                     args.bench / f"{file}.tflite", batch, args.seconds))


def least(measures):
    """The least of each, measured in turns."""
    best = {name: math.inf for name in measures}
    for _ in range(args.rounds):
        for name, measure in measures.items():
            best[name] = min(best[name], measure())
    return best


def geometric_mean(values):
    return math.exp(sum(map(math.log, values)) / len(values))


def table(titles, rows):
    print(f"\n| {' | '.join(titles)} |\n|{'---|' * len(titles)}")
    for row in rows:
        print(f"| {' | '.join(row)} |")


def integers():
    print("\n## Integers against floats\n\nMilliseconds; one thread.  Ratios below 1: the int8 "
          "step is faster than the float one; gains\nabove 1: int8 inference is faster than "
          "float's, and than LiteRT's with its default delegate.")
    rows, gains, against = [], [], []
    for cell in CELLS:
        w, b = cell.split("/")
        t = least({
            "step": lambda: bench(w, b, 1)["step_cpu_ms_min"],
            "shadow": lambda: bench(w + "_int8", b, 1)["step_cpu_ms_min"],
            "in_place": lambda: bench(w + "_int8", b, 1, "--update",
                                      "in_place")["step_cpu_ms_min"],
            "float": lambda: bench(w, b, 1)["inference_cpu_ms_min"],
            "int8": lambda: bench(w + "_int8", b, 1)["inference_cpu_ms_min"],
            "xnnpack": lambda: xnnpack(w + "_int8", b)})
        gains.append(t["float"] / t["int8"])
        against.append(t["xnnpack"] / t["int8"])
        rows.append([w, b, f"{t['step']:.3f}", f"{t['shadow'] / t['step']:.2f}",
                     f"{t['in_place'] / t['step']:.2f}", f"{t['float']:.3f}", f"{t['int8']:.3f}",
                     f"{gains[-1]:.2f}", f"{t['xnnpack']:.3f}", f"{against[-1]:.2f}"])
    rows.append(["geometric mean"] + [""] * 6 + [f"{geometric_mean(gains):.2f}", "",
                                                 f"{geometric_mean(against):.2f}"])
    table(["workload", "batch", "float step", "shadow / float", "in_place / float",
           "float inference", "int8 inference", "gain", "LiteRT int8", "gain"], rows)


def hone_inference(path):
    done = subprocess.run(["taskset", "-c", "1", args.hone, "bench", path, "--regime", "none",
                           "--batch", "1", "--seconds", str(args.seconds)],
                          capture_output=True, text=True)
    return json.loads(done.stdout)["inference_ms_min"] if done.returncode == 0 else None


def litert_inference(path):
    done = subprocess.run(["taskset", "-c", "1", args.python, "-c", INFERENCE, path, "1",
                           str(args.seconds)], capture_output=True, text=True)
    return float(done.stdout.split()[-1]) if done.returncode == 0 else None


def files():
    """Every file of 8-bit activations that both engines run."""
    print("\n## Inference of 8-bit files against LiteRT\n\nMilliseconds, batch 1, one thread, from "
          "integers to integers; LiteRT with its default delegate.")
    rows, gains = [], []
    for path in sorted(map(str, [*args.models.glob("*/*int8.tflite"),
                                 *args.bench.glob("W?_int8.tflite")])):
        mine, theirs = math.inf, math.inf
        for _ in range(args.rounds):
            measured = hone_inference(path), litert_inference(path)
            if None in measured:
                mine = None
                break
            mine, theirs = min(mine, measured[0]), min(theirs, measured[1])
        if mine is None:
            continue
        gains.append(theirs / mine)
        rows.append([pathlib.Path(path).stem, f"{mine:.4f}", f"{theirs:.4f}", f"{gains[-1]:.2f}"])
    rows.append([f"geometric mean of {len(gains)}", "", "", f"{geometric_mean(gains):.2f}"])
    table(["file", "hone", "LiteRT", "gain"], rows)


def threads():
    print("\n## Two threads against one\n\nMilliseconds of a float step, wall time; the losses are "
          "the same to the bit.")
    rows = []
    for cell in CELLS:
        w, b = cell.split("/")
        if b == "1":
            continue
        t = least({n: lambda n=n: bench(w, b, n)["step_ms_min"] for n in (1, 2)})
        rows.append([w, b, f"{t[1]:.3f}", f"{t[2]:.3f}", f"{t[1] / t[2]:.2f}"])
    for cell in [c for c in CELLS if c.endswith("/1")]:
        w, b = cell.split("/")
        t = least({n: lambda n=n: bench(w, b, n)["step_ms_min"] for n in (1, 2)})
        rows.append([w, b, f"{t[1]:.3f}", f"{t[2]:.3f}", f"{t[1] / t[2]:.2f}"])
    table(["workload", "batch", "one thread", "two", "gain"], rows)


def training(epochs, *more):
    """Processor time of a whole run, and its steps' times by epoch, in ms."""
    with tempfile.TemporaryDirectory() as folder:
        log = pathlib.Path(folder) / "log"
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        run("taskset", "-c", "1", args.hone, "train", args.bench / "W6.tflite", "--data",
            args.bench / "W6_data.npz", "--train", "last:1", "--epochs", epochs, "--batch", 32,
            "--optimizer", "sgd", "--lr", "0.01", "--log", log, "-o",
            pathlib.Path(folder) / "out.tflite", *more)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        steps = [json.loads(line) for line in log.read_text().splitlines()]
    total = 1000 * (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return total, steps


def epochs():
    print("\n## Ten epochs of the last layer\n\nMobileNetV2-0.35 (W6), 64 samples in batches of "
          "32, SGD, one thread, milliseconds.  The values at the\ncut are computed once, before "
          "the first step.")
    ten, live = math.inf, math.inf
    for _ in range(args.rounds):
        total, steps = training(10)
        ten = min(ten, total)
        live = min(live, sum(s["step_ms"] for s in steps if s["epoch"] > 1) / 9)
    rows = [["hone train: the whole process, cut included", f"{ten:.1f}", f"{live:.2f}"]]
    step = bench("W6", 32, 1, "--regime", "head")["step_cpu_ms_min"]
    rows.append(["hone bench: every sample from the start", f"{20 * step:.1f}", f"{2 * step:.2f}"])
    if args.runs:
        with open(args.runs) as file:
            lines = [json.loads(line) for line in file]
        peers = [r for r in lines if (r["workload"], r["batch"], r["regime"], r["threads"]) ==
                 ("W6", 32, "head", 1) and r.get("parity_ok") and r["engine"] != "hone"]
        if peers:
            best = min(peers, key=lambda r: r["step_cpu_ms_min"])
            rows.append([best["engine"], f"{20 * best['step_cpu_ms_min']:.1f}",
                         f"{2 * best['step_cpu_ms_min']:.2f}"])
    table(["", "ten epochs", "an epoch from the second on"], rows)


def processor():
    with open("/proc/cpuinfo") as file:
        name = next((line for line in file if line.startswith("model name")), ":unknown")
    return name.split(":", 1)[1].strip()


print("# Against itself\n\nWritten by `tests/bench/against_itself.py`, which says how.\n")
print(f"Machine: {processor()}.  The least of {args.rounds} rounds.")
integers()
if args.python:
    files()
threads()
epochs()
