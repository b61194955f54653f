#!/usr/bin/env python3
"""Generate the C++ of the schema in two headers: generate.py FLATC SCHEMA FOLDER

tflite_tables.h     tables, builders and native structs: what an op needs
tflite_generated.h  all of it: also packing, unpacking, verifying and reflection

One header would cost every op three seconds of compile time for functions that only the reader and
the writer call.
"""
import pathlib
import re
import subprocess
import sys

flatc, schema, folder = sys.argv[1:]
subprocess.run([flatc, "--cpp", "--gen-object-api", "--gen-mutable", "--reflect-types",
                "--reflect-names", "-o", folder, schema], check=True)
full = pathlib.Path(folder, "tflite_generated.h")
text = full.read_text(encoding="utf-8")
# the first definition of a member outside its class begins the part that only few need
cut = re.search(r"^inline \w+ \*\w+::UnPack\(", text, re.MULTILINE).start()
guard = "FLATBUFFERS_GENERATED_TFLITE_TFLITE_H_"
first = text[:cut].replace(f"#ifndef {guard}\n#define {guard}\n", "")
rest = text[cut:].replace(f"#endif  // {guard}\n", "")
once = "#pragma once\n#pragma GCC system_header\n"
tables = pathlib.Path(folder, "tflite_tables.h")
tables.write_text(f"{once}{first}}}  // namespace tflite\n", encoding="utf-8")
full.write_text(f'{once}#include "src/schema/tflite_tables.h"\n\nnamespace tflite {{\n\n{rest}',
                encoding="utf-8")
