"""`hone plan` promises what `hone train` takes, and proposes only what keeps its promise.

usage: plan.py HONE SOURCE_ROOT WORK_FOLDER

Where ../shared (or HONE_SHARED) is, the workloads are planned too: their steps are within 5 % of
the most that is alive at once.
"""
import glob
import json
import os
import subprocess
import sys

hone, root, work = sys.argv[1:4]
os.makedirs(work, exist_ok=True)
shared = os.environ.get("HONE_SHARED", os.path.join(root, "..", "shared"))
data = ["--data", f"{root}/examples/data/watch/s02",
        "--sidecar", f"{root}/tests/models/har_watch.json"]
failures = checks = 0


def check(what, passed, why=""):
    global failures, checks
    checks += 1
    failures += not passed
    print(("ok    " if passed else "FAILED"), what, why if not passed else "")


def run(*arguments, fails=False):
    done = subprocess.run([hone, *map(str, arguments)], capture_output=True, text=True)
    if fails:
        return done
    if done.returncode != 0:
        print(done.stderr)
        sys.exit(1)
    return json.loads(done.stdout)


def plan(model, *arguments):
    return run("plan", model, "--json", *arguments)


model = f"{root}/tests/models/har_watch_int8.tflite"
for name, how in {"shadow": ["--batch", 8],
                  "head": ["--batch", 16, "--train", "head"],
                  "in place": ["--batch", 1, "--update", "in_place", "--optimizer", "sgd",
                               "--fused", "--lean"]}.items():
    promise = plan(model, *how)
    taken = run("train", model, *data, "--json", "--epochs", 1, "-o", f"{work}/out.tflite", *how)
    check(f"{name}: promised and taken", promise["peak_bytes"] == taken["peak_bytes"],
          f"{promise['peak_bytes']} promised, {taken['peak_bytes']} taken")
    check(f"{name}: the same micro-batch", promise["micro_batch"] == taken["micro_batch"])

floats = f"{root}/tests/models/har_watch_float32.tflite"
how = ["--batch", 16, "--micro-batch", 16, "--optimizer", "sgd"]
without, again = plan(floats, *how), plan(floats, *how, "--recompute", "auto")
saved = sum(r["saved_bytes"] for r in again["recomputed"])
check("computing again lowers the peak", without["peak_bytes"] - again["peak_bytes"] == saved > 0,
      f"{without['peak_bytes']} before, {again['peak_bytes']} after, {saved} saved")
named = ",".join(f"#{r['op']}" for r in again["recomputed"])
trained = []
for more in [], ["--recompute", named], ["--recompute", "auto"]:
    taken = run("train", floats, *data, "--json", "--epochs", 1, "-o", f"{work}/out.tflite",
                *how, *more)
    trained.append((taken["peak_bytes"], open(f"{work}/out.tflite", "rb").read()))
check("computed again: promised and taken", trained[1][0] == again["peak_bytes"],
      f"{again['peak_bytes']} promised, {trained[1][0]} taken")
check("computed again: the same bytes", trained[0][1] == trained[1][1])
check("train chooses what plan does", trained[1] == trained[2])
bad = run("plan", floats, "--recompute", "#1,two", fails=True)
check("operators that are no numbers", bad.returncode == 1 and "#3,#5" in bad.stderr)
bad = run("plan", floats, "--recompute", "#99", fails=True)
check("an operator that is not there", bad.returncode == 1 and "got #99" in bad.stderr)

scheme = f"{work}/scheme.txt"
with open(scheme, "w", encoding="utf-8") as file:
    file.write("; what fits, a selector a line\n\n  bias:2 \r\nlast:1\n")
from_file = plan(model, "--batch", 8, "--train", f"@{scheme}")
check("a scheme in a file", from_file == plan(model, "--batch", 8, "--train", "bias:2,last:1"))
check("it is less than all", 0 < from_file["parameters"] < plan(model)["parameters"])
for what, text in {"no file": None, "a file without a selector": "; nothing\n"}.items():
    if text is not None:
        with open(f"{work}/bad.txt", "w", encoding="utf-8") as file:
            file.write(text)
    bad = run("plan", model, "--train", f"@{work}/{'bad' if text else 'none'}.txt", fails=True)
    check(f"a scheme from {what}", bad.returncode == 1 and "expected a" in bad.stderr, bad.stderr)

whole = plan(model, "--batch", 8)
budget = whole["peak_bytes"] // 2
small = plan(model, "--batch", 8, "--budget", budget, *data)
check("something fits into half", len(small["proposals"]) > 0)
check("all that is proposed fits", all(p["peak_bytes"] <= budget for p in small["proposals"]))
for p in small["proposals"][:3]:
    how = ["--batch", 8, "--train", p["train"], "--micro-batch", p["micro_batch"]]
    how += ["--lean"] if p["lean"] else []
    how += ["--recompute", p["recompute"]] if p["recompute"] else []
    check(f"proposal {p['train']} keeps its promise",
          plan(model, *how)["peak_bytes"] == p["peak_bytes"])
check("without data, too", len(plan(model, "--batch", 8, "--budget", budget)["proposals"]) > 0)
check("nothing fits into nothing", plan(model, "--budget", 100)["proposals"] == [])
bad = run("plan", model, "--budget", "much", fails=True)
check("a budget that is no number", bad.returncode == 1 and "expected bytes" in bad.stderr)

for path in sorted(glob.glob(f"{shared}/bench/W?.tflite") +
                   glob.glob(f"{shared}/bench/W?_int8.tflite")):
    for batch in (1, 32):
        p = plan(path, "--batch", batch)
        check(f"{os.path.basename(path)} batch {batch}",
              p["step_bytes"] <= 1.05 * p["least_step_bytes"],
              f"{p['step_bytes']} for {p['least_step_bytes']}")
# Sparse updates (Lin et al. 2022): biases of ten operators, weights of two 1x1 convolutions.
# What they count, weights aside, is at most 141 KB.
mobile = f"{shared}/bench/W6_int8.tflite"
if os.path.exists(mobile):
    with open(scheme, "w", encoding="utf-8") as file:
        file.write("bias:10\n#11\n#13\n")
    how = ["--batch", 1, "--optimizer", "sgd", "--update", "in_place", "--fused", "--lean"]
    again = plan(mobile, *how, "--recompute", "auto")
    check("all updates in 1.2 MB", again["peak_bytes"] <= 1_200_000)
    named = ",".join(f"#{r['op']}" for r in again["recomputed"])
    some, whole = ["--train", f"@{scheme}"], ["--recompute", named]
    promise = plan(mobile, *how, *some)
    rest = promise["peak_bytes"] - sum(o["weights"] for o in promise["operators"])
    check("sparse updates in 141 KB", rest <= 141 * 1024, f"{rest} bytes")
    for what, more in ("sparse", some), ("all", whole):
        promise = plan(mobile, *how, *more)
        taken = run("train", mobile, "--data", f"{shared}/bench/W6_data.npz", "--json",
                    "--epochs", 1, "-o", f"{work}/out.tflite", *how, *more)
        check(f"{what} updates: promised and taken", promise["peak_bytes"] == taken["peak_bytes"],
              f"{promise['peak_bytes']} promised, {taken['peak_bytes']} taken")
print(f"{checks - failures} of {checks} hold")
sys.exit(failures != 0)
