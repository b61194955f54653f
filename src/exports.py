"""Writes the linker's version script: what the shared library exports is what the public headers
declare.

Exported are the members of the classes in namespace hone and the functions directly in it whose
names stand in a public header. The namespaces within it (ops, model, file, kernels, ...) and what
the compiler instantiates of the standard library stay inside.

usage: exports.py OUT HEADER...
"""
import re
import sys

functions, classes = set(), set()
for path in sys.argv[2:]:
    with open(path) as file:
        code = re.sub(r"//.*", "", file.read())
    functions.update(re.findall(r"\b([a-z_][a-z0-9_]*)\s*\(", code))
    classes.update(re.findall(r"\b(?:class|struct) ([A-Z]\w*)", code))

# A pattern may not hold ( or <, so ranges stand for them: $-. for (, and [ for an ABI tag; 9-? for
# :: and <.
patterns = ["hone::operator*"]
patterns += [f"hone::{name}[[$-.]*" for name in sorted(functions - {"operator"})]
for name in sorted(classes):
    patterns.append(f"hone::{name}[9-?]*")
    # of a template the type of the result comes first
    patterns.append(f"hone::{name}?hone::{name}[9-?]*")
    for kind in ("vtable?for", "typeinfo?for", "typeinfo?name?for"):
        patterns += [f"{kind}?hone::{name}", f"{kind}?hone::{name}[9-?]*"]
lines = "".join(f"      {pattern};\n" for pattern in patterns)
with open(sys.argv[1], "w") as out:
    out.write('{\n  global:\n    extern "C++" {\n' + lines + "    };\n  local:\n    *;\n};\n")
