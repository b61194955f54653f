"""What holds for all tracked files: no paths of a machine, no host of a registry of
packages, one version number.

usage: tree.py SOURCE_ROOT VERSION     exit code 77 (skipped) where there is no git
"""
import pathlib
import re
import subprocess
import sys

root, version = pathlib.Path(sys.argv[1]), sys.argv[2]
failed = False
first = (root / "NEWS").read_text().split("\n", 1)[0]
if first != f"hone {version}":
    print(f"NEWS: expected the first line to be \"hone {version}\", got \"{first}\"")
    failed = True
listing = subprocess.run(["git", "-C", root, "ls-files"], capture_output=True, text=True)
if listing.returncode != 0 and not failed:
    sys.exit(77)
machine = re.compile(r"(?<![\w.$}])/(?:work|root|home)/\w|"
                     r"\b(?:pypi|pythonhosted|debian|npmjs)[.]org\b|artifact[o]ry")
for name in listing.stdout.splitlines():
    path = root / name
    if path.suffix in (".tflite", ".zip", ".csv", ".npz", ".png") or not path.is_file():
        continue
    lines = path.read_text(errors="replace").splitlines()
    for number, line in enumerate(lines, 1):
        if machine.search(line):
            print(f"{name}:{number}: a path of one machine or a registry: {line.strip()}")
            failed = True
sys.exit(failed)
