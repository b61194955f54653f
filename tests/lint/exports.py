"""The shared library exports what the public headers declare, and nothing else.

usage: exports.py LIBRARY HEADER...
"""
import re
import subprocess
import sys

library, *headers = sys.argv[1:]
public = set()
for header in headers:
    with open(header) as file:
        public.update(re.findall(r"\w+", file.read()))
listing = subprocess.run(["nm", "-DC", "--defined-only", library],
                         check=True,
                         capture_output=True,
                         text=True)
failed, seen = False, 0
for line in listing.stdout.splitlines():
    symbol = line.split(maxsplit=2)[2]
    match = re.match(r"(?:(?:typeinfo(?: name)?|vtable) for )?hone::(\w+)", symbol)
    seen += 1
    if not match or match[1] not in public and not match[1].startswith("operator"):
        print(f"exported, but in no public header: {symbol}")
        failed = True
sys.exit(failed or seen == 0)
