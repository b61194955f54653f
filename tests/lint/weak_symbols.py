#!/usr/bin/env python3
"""Fails if an archive or object defines a weak or unique symbol (nm types W, V, u).

usage: weak_symbols.py ARCHIVE...
"""

import subprocess
import sys


def weak_symbols(archive):
    lines = subprocess.run(
        ["nm", "-C", archive], check=True, capture_output=True, text=True
    ).stdout.splitlines()
    for line in lines:
        fields = line.split(maxsplit=2)
        # an undefined symbol has no address: two fields
        if len(fields) == 3 and fields[1] in "WVu":
            yield fields[2]


def main():
    failed = False
    for archive in sys.argv[1:]:
        for symbol in weak_symbols(archive):
            print(f"{archive}: weak symbol {symbol}")
            failed = True
    sys.exit(failed or len(sys.argv) == 1)


main()
