"""Runs the fuzz target for a while, from the committed models and those of the recorded cases.

usage: run.py LOAD_FUZZ SOURCE_ROOT FOLDER SECONDS     0: those as they are, as the test does

What it finds stays in FOLDER: new inputs in corpus/, and crash-* or timeout-* where it fails.
"""
import os
import subprocess
import sys
import zipfile

load_fuzz, root, folder, seconds = sys.argv[1:5]
corpus, seeds = os.path.join(folder, "corpus"), os.path.join(folder, "seeds")
os.makedirs(corpus, exist_ok=True)
with zipfile.ZipFile(os.path.join(root, "tests/golden/conformance.zip")) as recorded:
    recorded.extractall(seeds, [n for n in recorded.namelist() if n.endswith(".tflite")])
how_long = f"-max_total_time={seconds}" if float(seconds) else "-runs=0"
done = subprocess.run(
    [load_fuzz, how_long, "-timeout=60", f"-artifact_prefix={folder}/",
     corpus, seeds, os.path.join(root, "tests/models")], capture_output=True, text=True)
print("\n".join(done.stderr.splitlines()[-60:]))
sys.exit(done.returncode != 0)
