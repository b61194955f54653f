"""Configures builds for some operators: those of a model, those by name, and one that is none.

usage: options.py SOURCE_ROOT FOLDER MESON...
"""
import pathlib
import re
import shutil
import subprocess
import sys

root, folder, meson = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), sys.argv[3:]


def configure(*options):
    shutil.rmtree(folder, ignore_errors=True)
    command = [*meson, "setup", folder, root, "--buildtype=minsize", "-Dtools=disabled", *options]
    return subprocess.run([str(c) for c in command], capture_output=True, text=True)


def ops():
    table = (folder / "ops/table.inc").read_text(encoding="utf-8")
    return re.findall(r"^HONE_OP\((\w+)\)", table, re.MULTILINE)


def expect(what, got, wanted):
    if got != wanted:
        sys.exit(f"{what}: expected {wanted}, got {got}")


done = configure("-Dops=tests/models/har_watch_int8.tflite,ADD")
expect(done.stdout + done.stderr, done.returncode, 0)
expect("operators of a model, and ADD", ops(), [
    "add", "conv_2d", "fully_connected", "max_pool_2d", "mean", "reshape", "softmax"])
done = configure("-Dops=ADD,FFT")
expect("an unknown operator", done.returncode, 1)
if "-Dops=FFT: hone has no FFT" not in done.stdout:
    sys.exit(f"an unknown operator: {done.stdout}")
shutil.rmtree(folder, ignore_errors=True)
