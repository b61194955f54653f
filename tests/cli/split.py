"""`hone train --split 0.7` divides overlapping windows by time exactly at 3 tenths of each
recording.

usage: split.py HONE SOURCE_ROOT WORK_FOLDER

Recordings of 1,099 rows hold windows of 100 rows that begin at 0 to 999: of every fiftieth, those
that begin before 300 tune, and those from 400 on, which share no row with them, test.  1 - 0.7 in
binary is above 0.3.
"""
import json
import pathlib
import shutil
import subprocess
import sys

hone, root, work = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
shutil.rmtree(work, ignore_errors=True)
(work / "data").mkdir(parents=True)
labels = ("PEN", "ROW")
for k, label in enumerate(labels):
    rows = "".join(f"{20 * i},{k},{i % 7 / 7},0,0,{i % 3},0,{label}\n" for i in range(1099))
    (work / "data" / f"{label}.csv").write_text("timestamp_ms,ax,ay,az,gx,gy,gz,label\n" + rows)
models = root / "tests/models"
done = subprocess.run(
    [hone, "train", models / "har_watch_float32.tflite", "--sidecar", models / "har_watch.json",
     "--data", work / "data", "--split", "0.7", "--train", "head", "--epochs", "1", "--batch", "1",
     "-o", work / "out.tflite", "--json"], capture_output=True, text=True)
if done.returncode != 0:
    sys.exit(done.stderr)
report = json.loads(done.stdout)
got, want = (report["steps"], report["after"]["n"]), (6 * len(labels), 12 * len(labels))
print(f"expected {want} windows to tune and to test, got {got}")
sys.exit(got != want)
