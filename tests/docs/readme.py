"""Runs the README's program and compares what it prints with what the README says it prints.

Words are compared exactly, fractions within 0.03: float sums differ between instruction sets in
their last bits, and what a run of training makes of that is a sample or two.

usage: readme.py README.md PROGRAM SOURCE_ROOT
"""
import os
import re
import subprocess
import sys
import tempfile

readme, program, root = map(os.path.abspath, sys.argv[1:])
with open(readme) as file:
    expected = re.search(r"^```text\n(.*?)^```", file.read(), re.M | re.S).group(1)
with tempfile.TemporaryDirectory() as folder:  # it writes tuned.tflite where it runs
    for name in ("tests", "examples"):
        os.symlink(os.path.join(root, name), os.path.join(folder, name))
    got = subprocess.run([program], cwd=folder, check=True, capture_output=True, text=True).stdout
    assert os.path.getsize(os.path.join(folder, "tuned.tflite")) > 0


def same(a, b):
    if a == b:
        return True
    try:
        return "." in a and "." in b and abs(float(a) - float(b)) <= 0.03
    except ValueError:
        return False


pairs = list(zip(expected.split(), got.split()))
if len(expected.split()) != len(got.split()) or not all(same(a, b) for a, b in pairs):
    sys.exit(f"expected\n{expected}\ngot\n{got}")
