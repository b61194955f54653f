"""`hone diff`: names what training changed, and tells it from any other change.

usage: diff.py HONE SOURCE_ROOT WORK_FOLDER
"""
import json
import os
import random
import subprocess
import sys

from arrays import write_npz

hone, root, work = sys.argv[1:4]
os.makedirs(work, exist_ok=True)
failures = checks = 0
rng = random.Random(1)


def check(what, passed, why=""):
    global failures, checks
    checks += 1
    failures += not passed
    print(("ok    " if passed else "FAILED"), what, why if not passed else "")


def diff(a, b, *arguments):
    return subprocess.run([hone, "diff", a, b, *arguments],
                          capture_output=True,
                          text=True,
                          check=True).stdout


model = f"{root}/tests/models/har_watch_int8.tflite"
tuned, other = f"{work}/tuned.tflite", f"{work}/other.tflite"
check("a file and itself", diff(model, model) == "identical\n")
data = write_npz(f"{work}/d.npz", x=((16, 100, 6), [rng.gauss(0, 1) for _ in range(16 * 600)]),
                 y=((16,), [i % 7 for i in range(16)], "<i4"))
subprocess.run([
    hone, "train", model, "--data", data, "--train", "head", "--epochs", "2", "--lr", "0.05", "-o",
    tuned
],
               capture_output=True,
               check=True)
told = json.loads(diff(model, tuned, "--json"))
info = json.loads(
    subprocess.run([hone, "info", model, "--json"], capture_output=True, check=True).stdout)
head = info["operators"][8]["inputs"][1:]
check("the tensors that trained", {t["tensor"] for t in told["tensors"]} == set(head), told)
check("nothing else", not told["others"] and told["structure"] == "" and told["metadata"] == [],
      told)
check("in words", diff(model, tuned).endswith("nothing else did\n"))

with open(tuned, "rb") as file:
    changed = file.read()
for what, old, new in (("a tensor's name", b"head_1/MatMul", b"head_2/MatMul"),
                       ("a signature's name", b"serving_default\0", b"serving_defaulu\0")):
    assert old in changed
    with open(other, "wb") as file:
        file.write(changed.replace(old, new))
    told = json.loads(diff(model, other, "--json"))
    check(f"{what} is another change", told["others"] and
          {t["tensor"] for t in told["tensors"]} == set(head), told)
    check(f"{what} in words", "nothing else" not in diff(model, other))

print(f"{checks - failures} of {checks} hold")
sys.exit(failures > 0)
