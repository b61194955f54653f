"""`hone bench --profile`: a row for every operator, shares that add up, counts that a hand gets
too, and the same losses as without it.

usage: profile.py HONE SOURCE_ROOT WORK_FOLDER
"""
import json
import os
import shutil
import subprocess
import sys
import zipfile

hone, root, work = sys.argv[1:4]
os.makedirs(work, exist_ok=True)
failures = 0


def check(what, passed, why=""):
    global failures
    failures += not passed
    print(("ok    " if passed else "FAILED"), what, why if not passed else "")


def run(*arguments):
    done = subprocess.run([hone, "bench", *arguments], capture_output=True, text=True)
    check("exit code 0", done.returncode == 0, done.stderr)
    return done.stdout


def npy(shape, kind, values):
    """A .npy file of these numbers."""
    import struct
    header = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {tuple(shape)}, }}"
    header += " " * (63 - (len(header) + 10) % 64) + "\n"
    code = {"<f4": "f", "<i4": "i"}[kind]
    return (b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() +
            struct.pack(f"<{len(values)}{code}", *values))


# the activity recogniser as a workload: its file, where its weights are, samples
shutil.copy(os.path.join(root, "tests/models/har_watch_float32.tflite"),
            os.path.join(work, "HAR.tflite"))
info = json.loads(subprocess.run([hone, "info", os.path.join(work, "HAR.tflite"), "--json"],
                                 capture_output=True, text=True, check=True).stdout)
shape = [abs(d) for d in info["inputs"][0]["shape"]]
shape[0] = 16
count = 1
for d in shape:
    count *= d
classes = info["outputs"][0]["shape"][-1]
with zipfile.ZipFile(os.path.join(work, "HAR_data.npz"), "w") as data:
    data.writestr("x.npy", npy(shape, "<f4", [(i * 7919 % 1000) / 500 - 1 for i in range(count)]))
    data.writestr("y.npy", npy([16], "<i4", [i % classes for i in range(16)]))
trained = sorted({t for op in info["operators"] if op["trainable"] for t in op["inputs"][1:3]
                  if t >= 0})
with open(os.path.join(work, "workloads.json"), "w") as file:
    json.dump({"HAR": {"lr": 0.01, "regimes": {"full": [str(t) for t in trained]},
                       "tflite": {str(t): {"tensor": t} for t in trained}}}, file)

model = ["HAR", "--dir", work, "--batch", "4", "--seconds", "0.1"]
plain = json.loads(run(*model, "--parity", "6", "--steps", "1"))
watched = json.loads(run(*model, "--parity", "0", "--steps", "6", "--profile", "--json"))
check("the same losses", watched["losses"] == plain["losses"],
      f'{watched["losses"]} {plain["losses"]}')

profile = watched["profile"]
rows = [(row["index"], row["type"]) for row in profile["operators"] if row["index"] >= 0]
check("a row for every operator",
      rows == [(op["index"], op["type"]) for op in info["operators"]], str(rows))
check("and one for the loss", any(row["index"] < 0 for row in profile["operators"]))
shares = sum(row["share"] for row in profile["operators"]) + profile["rest_share"]
check("shares add up to the step", abs(shares - 1) < 1e-6, str(shares))
check("most of it is in the operators", 0 <= profile["rest_share"] < 0.9,
      str(profile["rest_share"]))
check("parts are not negative",
      all(row[k] >= 0 for row in profile["operators"]
          for k in ("forward_ms", "backward_ms", "update_ms", "mflop", "gflops", "of_peak")))
check("weights have updates", any(row["update_ms"] > 0 for row in profile["operators"]))
check("a peak was measured", profile["peak_gflops"] > 0)

tensors = {t["index"]: t for t in info["tensors"]}
for op, row in zip(info["operators"], profile["operators"]):
    if op["type"] != "FULLY_CONNECTED":
        continue
    outputs, inputs = tensors[op["inputs"][1]]["shape"]
    once = 2 * 4 * outputs * inputs / 1e6  # a batch of 4
    check(f'operations of #{op["index"]}', abs(row["mflop"] - 3 * once) < 1e-6,
          f'{row["mflop"]}, not {3 * once}')

given = json.loads(run(*model, "--steps", "2", "--parity", "0", "--profile", "--json", "--peak",
                       "50"))["profile"]
check("--peak is taken", given["peak_gflops"] == 50)
text = run(*model, "--steps", "2", "--parity", "0", "--profile")
check("a table for people", all(op["type"] in text for op in info["operators"]), text)
forward = json.loads(run(*model, "--steps", "2", "--regime", "none", "--profile", "--json"))
check("forward only",
      all(row["backward_ms"] == 0 == row["update_ms"] for row in forward["profile"]["operators"]))
sys.exit(failures != 0)
