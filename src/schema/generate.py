#!/usr/bin/env python3
"""Generate the C++ of the schema in two headers: generate.py FLATC SCHEMA FOLDER [OP.cpp...]

tflite_tables.h     tables, and options as native structs: what an op needs
tflite_generated.h  all of it: also other native structs, builders, packing, unpacking,
                    verifying, reflection

One header would cost every op three seconds of compile time for functions that only the reader and
the writer call.

With the sources of some ops, the options of all others are tables without fields: nobody reads
them, and functions and names for their fields would be much of a small library.
"""
import pathlib
import re
import subprocess
import sys

flatc, schema, folder = sys.argv[1:4]


def without_options(text, sources):
    """The schema without the fields of the options that no file of `sources` names."""
    used = set()
    for source in sources:
        used.update(re.findall(r"[A-Z]\w*Options\b", source.read_text(encoding="utf-8")))

    def table(match):
        return match[0] if match[1] in used else f"table {match[1]} {{\n}}"

    return re.sub(r"^table (\w+Options) \{.*?^\}", table, text, flags=re.MULTILINE | re.DOTALL)


if len(sys.argv) > 4:
    ops = [pathlib.Path(path) for path in sys.argv[4:]]
    tflite = pathlib.Path(schema).parent.parent / "tflite"
    shared = [*ops[0].parent.glob("*.h"), *tflite.glob("*.cpp")]
    small = pathlib.Path(folder, "tflite.fbs")
    whole = pathlib.Path(schema).read_text(encoding="utf-8")
    small.write_text(without_options(whole, ops + shared), encoding="utf-8")
    schema = str(small)
subprocess.run([flatc, "--cpp", "--gen-object-api", "--gen-mutable", "--reflect-types",
                "--reflect-names", "-o", folder, schema], check=True)
full = pathlib.Path(folder, "tflite_generated.h")
text = full.read_text(encoding="utf-8")
guard = "FLATBUFFERS_GENERATED_TFLITE_TFLITE_H_"
text = text.replace(f"#ifndef {guard}\n#define {guard}\n", "").replace(f"#endif  // {guard}\n", "")
# the first definition of a member outside its class begins the part that only few need
cut = re.search(r"^inline \w+ \*\w+::UnPack\(", text, re.MULTILINE).start()
native = re.compile(
    r"^(?:struct (?:\w+(?<!Options)T : public \S+NativeTable|\w+Builder|\w+Union) \{.*?^\};"
    r"|inline flatbuffers::Offset<\w+> Create\w+\(.*?^\})\n",
    re.MULTILINE | re.DOTALL)
moved = "".join(native.findall(text[:cut]))
once = "#pragma once\n#pragma GCC system_header\n"
tables = pathlib.Path(folder, "tflite_tables.h")
tables.write_text(f"{once}{native.sub('', text[:cut])}}}  // namespace tflite\n", encoding="utf-8")
full.write_text(f'{once}#include "src/schema/tflite_tables.h"\n\nnamespace tflite {{\n\n'
                f"{moved}{text[cut:]}", encoding="utf-8")
