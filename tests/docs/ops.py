"""Compares docs/ops.md and the list in README.md with the table of ops.

usage: ops.py OPS_TABLE_PROGRAM SOURCE_ROOT [write]   `write` brings both up to date
"""
import re
import subprocess
import sys

program, root = sys.argv[1:3]
write = sys.argv[3:] == ["write"]


def printed(*arguments):
    return subprocess.run([program, *arguments], check=True, capture_output=True, text=True).stdout


with open(f"{root}/README.md") as file:
    readme = file.read()
between = r"(<!-- the ops: .*? -->\n)(.*?)(\n\n|\Z)"
updated = re.sub(between,
                 lambda m: m[1] + printed("names").rstrip() + m[3],
                 readme,
                 count=1,
                 flags=re.S)
stale = []
for path, text in (("docs/ops.md", printed()), ("README.md", updated)):
    try:
        with open(f"{root}/{path}") as file:
            old = file.read()
    except FileNotFoundError:
        old = ""
    if old == text:
        continue
    stale.append(path)
    if write:
        with open(f"{root}/{path}", "w") as file:
            file.write(text)
if stale and not write:
    sys.exit(f"expected {' and '.join(stale)} as the table of ops says; run with `write`")
