"""Folders of pictures and of sounds: `hone run`, `train` and `eval` see the numbers that stand in
the files.

usage: folders.py HONE SOURCE_ROOT WORK_FOLDER

The watch's model takes 600 numbers, (1, 100, 6): a gray picture of 100 rows and 6 columns, or 600
samples of sound.
"""
import json
import os
import random
import shutil
import struct
import subprocess
import sys
import wave
import zlib

from arrays import read_npz, write_npz

hone, root, work = sys.argv[1:4]
shutil.rmtree(work, ignore_errors=True)
os.makedirs(work)
failures = checks = 0
rng = random.Random(1)


def check(what, passed, why=""):
    global failures, checks
    checks += 1
    failures += not passed
    print(("ok    " if passed else "FAILED"), what, why if not passed else "")


def call(*arguments, **options):
    return subprocess.run([hone, *arguments], capture_output=True, text=True, **options)


def json_of(*arguments):
    return json.loads(call(*arguments, "--json", check=True).stdout)


def f32(value):
    return struct.unpack("<f", struct.pack("<f", value))[0]


def write(path, data):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(data)


def png(pixels, width, height):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(
            ">I", zlib.crc32(kind + data))
    rows = b"".join(b"\0" + pixels[y * width:(y + 1) * width] for y in range(height))
    return (b"\x89PNG\r\n\x1a\n" +
            chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)) +
            chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def pictures(folder, count):
    """Bright, dark and middling ones; every second a PGM."""
    x = []
    for name, level in (("bright", 200), ("dark", 40), ("middling", 120)):
        for i in range(count):
            pixels = bytes(level + rng.randrange(-40, 41) for _ in range(600))
            if i % 2:
                write(f"{folder}/{name}/{i}.pgm", b"P5\n6 100\n255\n" + pixels)
            else:
                write(f"{folder}/{name}/{i}.png", png(pixels, 6, 100))
            x.append([f32(v * f32(1 / 255)) for v in pixels])
    return x


def sounds(folder, count):
    """Loud and soft ones; the last sound of each class is short and ends in silence."""
    x = []
    for name, level in (("loud", 30000), ("soft", 500)):
        for i in range(count):
            samples = [rng.randrange(-level, level) for _ in range(600 if i < count - 1 else 250)]
            os.makedirs(f"{folder}/{name}", exist_ok=True)
            with wave.open(f"{folder}/{name}/{i}.wav", "wb") as file:
                file.setnchannels(1)
                file.setsampwidth(2)
                file.setframerate(8000)
                file.writeframes(struct.pack(f"<{len(samples)}h", *samples))
            x.append([v / 32768 for v in samples] + [0.0] * (600 - len(samples)))
    return x


def same_outputs(name, model, folder, x):
    """All samples of the folder at once, against one after the other as arrays."""
    call("run", model, "--data", folder, "--output", f"{work}/all.npz", check=True)
    shape, got, _ = read_npz(f"{work}/all.npz")["out_0"]
    want = []
    for values in x:
        write_npz(f"{work}/x.npz", in_0=((1, 100, 6), values))
        call("run", model, "--input", f"{work}/x.npz", "--output", f"{work}/y.npz", check=True)
        want += read_npz(f"{work}/y.npz")["out_0"][1]
    check(f"{name}: the numbers of the files", shape == (len(x), 7) and got == want, shape)


def learns(name, model, folder, classes, each):
    out = f"{work}/{name}.tflite"
    done = call("train", model, "--data", folder, "-o", out, "--epochs", "30", "--lr", "0.003",
                "--split", "0.3", "--json", check=True)
    after = json.loads(done.stdout)["after"]
    check(f"{name}: learns to tell them apart", after["accuracy"] == 1, after)
    named = ", ".join(f"{i} {c}" for i, c in enumerate(classes))
    check(f"{name}: says which classes it found", named in done.stderr, done.stderr)
    again = call("eval", out, "--data", folder, "--json", check=True)
    confusion = json.loads(again.stdout)["confusion"]
    check(f"{name}: the files of each class",
          [sum(r) for r in confusion[:len(classes)]] == [each] * len(classes), confusion)
    check(f"{name}: the tuned model remembers them", "classes" not in again.stderr, again.stderr)
    first = json_of("eval", model, "--data", folder, "--classes", ",".join(classes))["confusion"]
    other = json_of("eval", model, "--data", folder, "--classes",
                    ",".join(reversed(classes)))["confusion"]
    check(f"{name}: --classes sets their order", first[:len(classes)] == other[:len(classes)][::-1])


float_model, int_model = (
    f"{root}/tests/models/har_watch_{kind}.tflite" for kind in ("float32", "int8"))
x = pictures(f"{work}/pictures", 8)
for model in (float_model, int_model):
    same_outputs("pictures", model, f"{work}/pictures", x)
learns("pictures", int_model, f"{work}/pictures", ["bright", "dark", "middling"], 8)
scaled = call("run", float_model, "--data", f"{work}/pictures", "--scale", "2", "--offset", "-1",
              "--output", f"{work}/scaled.npz", check=True)
with open(f"{work}/pictures/bright/1.pgm", "rb") as picture:
    values = [2.0 * v - 1 for v in picture.read()[-600:]]
write_npz(f"{work}/x.npz", in_0=((1, 100, 6), values))
call("run", float_model, "--input", f"{work}/x.npz", "--output", f"{work}/y.npz", check=True)
check("pictures: x = pixel * scale + offset",
      read_npz(f"{work}/scaled.npz")["out_0"][1][7:14] == read_npz(f"{work}/y.npz")["out_0"][1])

y = sounds(f"{work}/sounds", 8)
same_outputs("sounds", float_model, f"{work}/sounds", y)
learns("sounds", float_model, f"{work}/sounds", ["loud", "soft"], 8)

refused = [
    ("mixed", "a folder of two kinds", "expected files of one kind"),
    ("sizes", "pictures of two sizes", "expected a picture of"),
    ("empty", "a folder without data", "expected files *.csv or *.wav"),
    ("wide", "pictures that the model does not take", "expected samples of shape"),
]
shutil.copytree(f"{work}/pictures", f"{work}/mixed")
shutil.copytree(f"{work}/sounds", f"{work}/mixed", dirs_exist_ok=True)
shutil.copytree(f"{work}/pictures", f"{work}/sizes")
write(f"{work}/sizes/dark/9.pgm", b"P5\n7 100\n255\n" + bytes(700))
write(f"{work}/empty/dark/sounds.txt", b"nothing")
for kind in ("dark", "bright"):
    write(f"{work}/wide/{kind}/0.pgm", b"P5\n7 100\n255\n" + bytes(700))
for folder, what, words in refused:
    done = call("eval", float_model, "--data", f"{work}/{folder}")
    check(f"refused: {what}", done.returncode == 1 and words in done.stderr and
          folder in done.stderr, done.stderr)

print(f"{checks - failures} of {checks} hold")
sys.exit(failures > 0)
