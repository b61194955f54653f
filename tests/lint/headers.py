"""Each public header compiles alone, and twice.

usage: headers.py INCLUDE_DIR HEADER... -- COMPILER...
"""
import subprocess
import sys

include, *rest = sys.argv[1:]
split = rest.index("--")
headers, compiler = rest[:split], rest[split + 1:]
failed = False
for header in headers:
    line = "#include <hone/" + header.rsplit("/", 1)[1] + ">\n"
    command = [*compiler, "-std=c++20", "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Werror",
               "-fsyntax-only", "-I", include, "-x", "c++", "-"]
    failed |= subprocess.run(command, input=2 * line, text=True).returncode != 0
sys.exit(failed)
