"""Writes the first C++ block of a Markdown file to a source file.

usage: extract.py README.md OUT.cpp
"""
import re
import sys

with open(sys.argv[1]) as file:
    block = re.search(r"^```cpp\n(.*?)^```", file.read(), re.M | re.S)
if not block:
    sys.exit(f"{sys.argv[1]}: expected a block of C++")
with open(sys.argv[2], "w") as file:
    file.write(block.group(1))
