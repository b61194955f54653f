"""The example of a user's own op prints the closed form of snake and of its derivative.

usage: own_op.py PROGRAM
"""
import math
import subprocess
import sys

a = 2.0
expected = "".join(
    f"x {x:5.2f}  y {x + math.sin(a * x) ** 2 / a:7.4f}  dy/dx {1 + math.sin(2 * a * x):7.4f}\n"
    for x in (-1.0, 0.0, 0.5))
got = subprocess.run([sys.argv[1]], check=True, capture_output=True, text=True).stdout
if got != expected:
    sys.exit(f"expected\n{expected}got\n{got}")
