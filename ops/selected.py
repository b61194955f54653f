"""Prints the operators that a build with -Dops has, a name a line, as ops/meson.build spells them.

usage: selected.py ROOT OP,... NAME|MODEL.tflite...

OP,...: those there are.  A model counts for the operators in its table of codes, its path from
ROOT; custom operators are the program's own.
"""
import pathlib
import re
import struct
import sys


def builtin_names(schema):
    with open(schema, encoding="utf-8") as file:
        body = re.search(r"enum BuiltinOperator\b.*?\{(.*?)\}", file.read(), re.DOTALL).group(1)
    return {int(code): name for name, code in re.findall(r"^\s*(\w+) = (\d+)", body, re.MULTILINE)}


class Table:
    """A table of a FlatBuffer: https://flatbuffers.dev/internals."""

    def __init__(self, data, at):
        self.data, self.at = data, at
        self.vtable = at - struct.unpack_from("<i", data, at)[0]

    def field(self, number):
        """The position of a field; None where it is left out."""
        entry = 4 + 2 * number
        if entry >= struct.unpack_from("<H", self.data, self.vtable)[0]:
            return None
        offset = struct.unpack_from("<H", self.data, self.vtable + entry)[0]
        return self.at + offset if offset else None

    def scalar(self, number, kind):
        at = self.field(number)
        return 0 if at is None else struct.unpack_from(kind, self.data, at)[0]

    def tables(self, number):
        at = self.field(number)
        if at is None:
            return
        at += struct.unpack_from("<I", self.data, at)[0]
        for i in range(struct.unpack_from("<I", self.data, at)[0]):
            element = at + 4 + 4 * i
            yield Table(self.data, element + struct.unpack_from("<I", self.data, element)[0])


def codes(path):
    with open(path, "rb") as file:
        data = file.read()
    if data[4:8] != b"TFL3":
        sys.exit(f"{path}: expected a .tflite file")
    model = Table(data, struct.unpack_from("<I", data)[0])
    for code in model.tables(1):
        # the older field holds what fits into a byte
        yield max(code.scalar(0, "<b"), code.scalar(3, "<i"))


root, there_are = pathlib.Path(sys.argv[1]), sys.argv[2].split(",")
names = builtin_names(root / "src/schema/tflite.fbs")
selected = set()
for word in sys.argv[3:]:
    if word.endswith(".tflite"):
        found = [names.get(code, f"operator {code}") for code in codes(root / word)]
    else:
        found = [word]
    for name in found:
        if name.lower() not in there_are and name != "CUSTOM":
            sys.exit(f"-Dops={word}: hone has no {name}")
        selected.add(name.lower())
print("\n".join(sorted(selected - {"custom"})))
