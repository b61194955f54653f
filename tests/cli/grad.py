"""`hone grad` against the gradients of whole models that PyTorch gave in float64, and its losses
against one another.

usage: grad.py HONE SOURCE_ROOT WORK_FOLDER

tests/golden/record_gradients.py says what is recorded; tests/model/gradients_test.cpp derives the
bound: each gradient within 1e-4 of the largest of its tensor and 1e-7 of the largest of the model.
"""
import os
import subprocess
import sys
import zipfile

from arrays import read_npz, write_npz

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
    subprocess.run([hone, *arguments], check=True)


def grad(model, loss, inputs, target=None):
    write_npz(f"{work}/x.npz", **inputs)
    extra = ["--target", write_npz(f"{work}/t.npz", **target)] if target else []
    call("grad", model, "--input", f"{work}/x.npz", "--loss", loss, "--output", f"{work}/g.npz",
         *extra)
    return read_npz(f"{work}/g.npz")


def path_of(model):
    own = f"{root}/tests/models/{os.path.basename(model)}.tflite"
    return own if os.path.exists(own) else os.path.join(shared, model + ".tflite")


def worst_of(got, recorded, loss):
    """The largest error, in units of its bound, and where."""
    largest = {k[len(loss) + 1:-4]: v[1][0] for k, v in recorded.items()
               if k.startswith(loss + "/") and k.endswith("/max")}
    slack = 1e-7 * max(largest.values())
    worst = (0, "")
    for key, most in largest.items():
        want = recorded[f"{loss}/{key}"][1]
        _, values, kind = got.get("grad_" + key, (None, None, None))
        if values is None:
            values, kind = [0.0] * len(want), "<f4"
        else:
            values = values[::1 + len(values) // 256]
        if kind != "<f4" or len(values) != len(want):
            return float("inf"), key
        error = max(abs(g - w) for g, w in zip(values, want)) / (1e-4 * most + slack)
        worst = max(worst, (error, key))
    extra = [k for k in got if k.startswith("grad_") and k[5:] not in largest and any(got[k][1])]
    return (float("inf"), extra[0]) if extra else worst


def against_pytorch(archive, name):
    path = path_of(name)
    if not os.path.exists(path):
        print(f"skipped: {name}, {path} is not there")
        return
    for sample in range(2):
        recorded = read_npz(archive.read(f"{name}/{sample}.npz"))
        inputs = {"in_0": recorded["in_0"]}
        for loss, key in (("dot", "cotangent_0"), ("xent", "label")):
            got = grad(path, loss, inputs, {key: recorded[key]})
            want = recorded[f"{loss}/loss"][1][0]
            value = got["loss"][1][0]
            check(f"{name} {sample}: {loss}",
                  abs(value - want) <= 1e-4 * max(1, abs(want)), (value, want))
            worst, where = worst_of(got, recorded, loss)
            check(f"{name} {sample}: gradients of {loss}", worst <= 1, (worst, where))


def same(a, b, bound):
    """Whether two results have the same keys, and values but for rounding."""
    if a.keys() != b.keys():
        return False
    for key in a.keys() - {"loss"}:
        largest = max(map(abs, a[key][1]), default=0)
        if any(abs(x - y) > bound * largest for x, y in zip(a[key][1], b[key][1])):
            return False
    return True


def against_one_another(name, archive):
    """sum is dot with ones; mse is dot with 2 (y - t) / n."""
    path = path_of(name)
    inputs = {"in_0": read_npz(archive.read(f"{name}/0.npz"))["in_0"]}
    write_npz(f"{work}/x.npz", **inputs)
    call("run", path, "--input", f"{work}/x.npz", "--output", f"{work}/y.npz")
    shape, y, _ = read_npz(f"{work}/y.npz")["out_0"]
    summed = grad(path, "sum", inputs)
    check(f"{name}: sum", abs(summed["loss"][1][0] - sum(y)) <= 1e-5)
    ones = {"cotangent_0": (shape, [1.0] * len(y), "<f4")}
    check(f"{name}: sum is dot with ones", same(summed, grad(path, "dot", inputs, ones), 0))
    t = [0.25 * i for i in range(len(y))]
    squared = grad(path, "mse", inputs, {"target": (shape, t, "<f4")})
    want = sum((a - b) ** 2 for a, b in zip(y, t)) / len(y)
    check(f"{name}: mse", abs(squared["loss"][1][0] - want) <= 1e-5 * want)
    seeds = [2 * (a - b) / len(y) for a, b in zip(y, t)]
    dot = grad(path, "dot", inputs, {"cotangent_0": (shape, seeds, "<f4")})
    check(f"{name}: mse is dot with 2 (y - t) / n", same(squared, dot, 1e-5))


with zipfile.ZipFile(f"{root}/tests/golden/gradients.zip") as recorded_models:
    for model in sorted({n.rsplit("/", 1)[0] for n in recorded_models.namelist()}):
        against_pytorch(recorded_models, model)
    against_one_another("models/har/har_watch_float32", recorded_models)

print(f"{checks - failures} of {checks} hold")
sys.exit(failures > 0)
