"""No object of the library runs code before main: nothing may depend on the order of that, and
linkers drop it.

usage: initialisers.py ARCHIVE...
"""
import re
import subprocess
import sys

failed = False
for archive in sys.argv[1:]:
    listing = subprocess.run(["objdump", "-h", archive], check=True, capture_output=True,
                             text=True).stdout
    member = "?"
    for line in listing.splitlines():
        if ":     file format" in line:
            member = line.split(":")[0]
        elif re.search(r"\s\.(init_array|ctors)\S*\s+0*[1-9a-f]", line) and "asan" not in line:
            print(f"{archive}: {member} has a static initialiser")
            failed = True
sys.exit(failed)
