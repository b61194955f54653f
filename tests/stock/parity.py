"""Losses of 20 SGD steps against PyTorch's, for every workload, batch and regime of
../shared/bench.

usage: parity.py HONE SOURCE_ROOT

The rule is that of the workloads' protocol: 1e-4 relative, wider only where float64 itself is
further from float32; the first step within 1e-5.
"""
import json
import os
import subprocess
import sys

hone, root = sys.argv[1:3]
bench = os.path.join(os.environ.get("HONE_SHARED", os.path.join(root, "..", "shared")), "bench")
if not os.path.isdir(bench):
    print(f"skipped: the workloads, {bench} is not there")
    sys.exit(77)
failed = 0
cells = sorted(json.load(open(f"{bench}/reference.json"))["losses"])
for cell in cells:
    workload, batch, regime = cell.split("/")
    done = subprocess.run([
        hone, "bench", workload, "--dir", bench, "--batch", batch[1:], "--regime", regime,
        "--steps", "1"
    ],
                          capture_output=True,
                          text=True)
    line = json.loads(done.stdout) if done.returncode == 0 else {}
    good = line.get("parity_ok", False) and line.get("parity_step1", 1) <= 1e-5
    failed += not good
    print("ok    " if good else "FAILED", cell, line.get("parity_error"), line.get("parity_step1"),
          done.stderr.strip())
print(f"{len(cells) - failed} of {len(cells)} cells agree")
sys.exit(failed > 0)
