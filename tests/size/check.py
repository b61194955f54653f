"""Builds the small library for one model, weighs it, and trains with it and with the whole one.

usage: check.py SOURCE_ROOT WHOLE_LIBRARY_FOLDER FOLDER MESON... -- COMPILER...

What is weighed: libhone.so after strip, as a file.  It needs libstdc++, libgcc and libc.
"""
import os
import pathlib
import subprocess
import sys

root, whole, folder = (pathlib.Path(p) for p in sys.argv[1:4])
split = sys.argv.index("--")
meson, compiler = sys.argv[4:split], sys.argv[split + 1:]
most_bytes = 800_000
model = root / "tests/models/har_watch_int8.tflite"
other = root / "tests/models/har_watch_float16.tflite"  # with DEQUANTIZE
level = "v2" if os.uname().machine == "x86_64" else "neon"


def run(*command, **options):
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, **options)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
    return done.stdout


again = ["--reconfigure"] if (folder / "build.ninja").exists() else []
run(*meson, "setup", *again, folder, root, "--buildtype=minsize", "-Ddebug=false",
    "-Db_ndebug=true", "-Db_lto=true", "-Ddefault_library=shared", "-Dtools=disabled",
    "-Dtests=disabled", f"-Dlevels={level}", f"-Dops={model}")
run("ninja", "-C", folder, "-j2")
run("strip", "-o", folder / "stripped.so", folder / "libhone.so")
weight = (folder / "stripped.so").stat().st_size
print(f"libhone.so for {model.name}: {weight} bytes")
if weight > most_bytes:
    sys.exit(f"expected at most {most_bytes}")

run(*compiler, "-std=c++20", "-I", root / "include", root / "tests/size/train.cpp", "-o",
    folder / "train", "-L", folder, "-lhone")
said, written = [], []
for library in (whole, folder):
    out = folder / "tuned.tflite"
    said.append(run(folder / "train", model, out, other,
                    env={**os.environ, "LD_LIBRARY_PATH": str(library), "HONE_ISA": level}))
    written.append(out.read_bytes())
print(said[1], end="")
if written[0] != written[1] or said[0].splitlines()[0] != said[1].splitlines()[0]:
    sys.exit(f"expected what the whole library trains: {said[0]}")
for expected in ("this build of hone is without DEQUANTIZE", "built with -Dtools=disabled"):
    if expected not in said[1]:
        sys.exit(f"expected an Error with \"{expected}\"")
