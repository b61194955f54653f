"""Whether the stock interpreter computes on exported files, to the bit, what hone computes.

usage: exported.py HONE SOURCE_ROOT WORK_FOLDER

For each integer model: the file as it is, then fine-tuned with either kind of update, is run by
LiteRT's reference kernels and by `hone run`; outputs must be equal, and no tensor may have changed
but those that trained.
"""
import json
import os
import subprocess
import sys

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType

hone, root, work = sys.argv[1:4]
os.makedirs(work, exist_ok=True)
shared = os.environ.get("HONE_SHARED", os.path.join(root, "..", "shared"))
failures = checks = 0


def check(what, passed, why=""):
    global failures, checks
    checks += 1
    failures += not passed
    print(("ok    " if passed else "FAILED"), what, why if not passed else "")


def call(*arguments):
    done = subprocess.run([hone, *arguments], capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"hone {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout


def stock(path, x):
    interpreter = Interpreter(path, experimental_op_resolver_type=OpResolverType.BUILTIN_REF)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], x)
    interpreter.invoke()
    return [interpreter.get_tensor(o["index"]) for o in interpreter.get_output_details()]


def same_outputs(path, inputs):
    for x in inputs:
        np.savez(f"{work}/x.npz", in_0=x)
        call("run", path, "--input", f"{work}/x.npz", "--output", f"{work}/y.npz")
        got = np.load(f"{work}/y.npz")
        for i, want in enumerate(stock(path, x)):
            if not np.array_equal(got[f"out_{i}"], want):
                return False
    return True


def frozen_unchanged(before, after, trained):
    """Every tensor but the trained ones has its bytes, scales and name."""
    changed = {t["tensor"] for t in json.loads(call("diff", before, after, "--json"))["tensors"]}
    return changed <= trained, f"changed {sorted(changed - trained)}"


def constants(path):
    return {
        t["index"] for t in json.loads(call("info", path, "--json"))["tensors"] if t["constant"]
    }


def models():
    for name in ("har_watch_int8", "har_watch_right_int8"):
        yield f"{root}/tests/models/{name}.tflite", None
    bench = os.path.join(shared, "bench")
    if not os.path.isdir(bench):
        print(f"skipped: the workloads, {bench} is not there")
        return
    for i in range(1, 8):
        yield f"{bench}/W{i}_int8.tflite", f"{bench}/W{i}_data.npz"


def data_for(path, given, rng):
    """A few samples in real units: the workload's own, or noise with labels that depend on it."""
    if given is not None:
        d = np.load(given)
        return d["x"][:32], d["y"][:32]
    x = rng.normal(size=(32, 100, 6)).astype(np.float32)
    return x, (np.abs(x).mean((1, 2)) * 50 % 7).astype(np.int32)


for path, given in models():
    name = os.path.basename(path)[:-7]
    rng = np.random.default_rng(1)
    interpreter = Interpreter(path)
    detail = interpreter.get_input_details()[0]
    inputs = [rng.integers(-128, 128, detail["shape"], dtype=np.int8) for _ in range(4)]
    check(f"{name}: as it is", same_outputs(path, inputs))
    x, y = data_for(path, given, rng)
    np.savez(f"{work}/d.npz", x=x, y=y)
    for update in ("shadow", "in_place"):
        for train in ("all", "last:1"):
            out = f"{work}/{name}_{update}.tflite"
            call("train", path, "--data", f"{work}/d.npz", "--train", train, "-o", out, "--update",
                 update, "--epochs", "2", "--batch", "8", "--optimizer", "sgd", "--lr", "0.05",
                 "--json")
            check(f"{name}: {update} {train}", same_outputs(out, inputs))
            check(f"{name}: {update} {train} leaves the rest",
                  *frozen_unchanged(path, out, constants(path)))
            check(f"{name}: {update} {train} learned",
                  open(out, "rb").read() != open(path, "rb").read())
    out = f"{work}/{name}_0.tflite"
    call("train", path, "--data", f"{work}/d.npz", "-o", out, "--epochs", "0")
    check(f"{name}: no epochs, same bytes", open(out, "rb").read() == open(path, "rb").read())

print(f"{checks - failures} of {checks} hold")
sys.exit(failures > 0)
