"""Lines of at most 100 columns, functions of at most 60 lines, files of at most 500.

usage: sizes.py SOURCE_ROOT     exit code 77 (skipped) where there is no git
"""
import ast
import pathlib
import re
import subprocess
import sys

COLUMNS, FUNCTION, FILE = 100, 60, 500
# literals and comments hold braces that open nothing
NOISE = re.compile(r'//[^\n]*|/\*.*?\*/|R"(\w*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|'
                   r"(?<!\w)'(?:\\.|[^'\\\n])+'", re.S)
NO_FUNCTION = re.compile(r"\s*(?:namespace|class|struct|union|enum|extern \"C\")\b")


def cpp_functions(text):
    """(line, lines) of each outermost block whose head has parentheses: a brace counter."""
    text = NOISE.sub(lambda m: "\n" * m[0].count("\n"), text)
    text = re.sub(r"^\s*#.*(?:\\\n.*)*", lambda m: "\n" * m[0].count("\n"), text, flags=re.M)
    functions, opened, head, line, head_line = [], [], "", 1, 1
    for c in text:
        if c == "{":
            inside = any(begin for begin in opened)
            named = "(" in head and not NO_FUNCTION.match(head)
            opened.append(head_line if named and not inside else 0)
        elif c == "}" and opened:
            begin = opened.pop()
            if begin:
                functions.append((begin, line - begin + 1))
        if c in "{};":
            head = ""
        elif head or not c.isspace():
            if not head:
                head_line = line
            head += c
        line += c == "\n"
    return functions


def python_functions(text):
    return [(node.lineno, node.end_lineno - node.lineno + 1) for node in ast.walk(ast.parse(text))
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]


def is_script(path, text):
    return path.suffix == ".sh" or text.startswith("#!")


root = pathlib.Path(sys.argv[1])
listing = subprocess.run(["git", "-C", root, "ls-files"], capture_output=True, text=True)
if listing.returncode != 0:
    print("skipped: git knows no files here")
    sys.exit(77)
found, functions_seen = [], 0
for name in listing.stdout.splitlines():
    path = root / name
    if not path.is_file() or path.suffix in (".tflite", ".zip", ".csv", ".npz", ".png"):
        continue
    text = path.read_text(errors="replace")
    cpp, python = path.suffix in (".cpp", ".h"), path.suffix == ".py"
    if not (cpp or python or is_script(path, text)):
        continue
    lines = text.splitlines()
    found += [f"{name}:{n}: {len(line)} columns" for n, line in enumerate(lines, 1)
              if len(line) > COLUMNS]
    if len(lines) > FILE:
        found.append(f"{name}: {len(lines)} lines")
    functions = cpp_functions(text) if cpp else python_functions(text) if python else []
    functions_seen += len(functions)
    found += [f"{name}:{n}: a function of {size} lines" for n, size in functions if size > FUNCTION]
print(*found, f"{functions_seen} functions, {len(found)} too long things", sep="\n")
sys.exit(bool(found) or functions_seen == 0)
