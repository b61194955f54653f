"""Each layer includes only layers to its left; third-party headers stay out of the public ones.

usage: layers.py SOURCE_ROOT
"""
import pathlib
import re
import sys

root = pathlib.Path(sys.argv[1])
layers = [["include/hone"], ["src/tensor"], ["ops/kernels"], ["src/schema"],
          ["ops", "autograd", "optim"], ["src/tflite"], ["src/model"], ["src/data"], ["src/train"],
          ["src/cli"]]
level = {folder: i for i, folders in enumerate(layers) for folder in folders}
folders = sorted(level, key=len, reverse=True)  # ops/kernels before ops
failed = False


def complain(path, number, what):
    global failed
    failed = True
    print(f"{path.relative_to(root)}:{number}: {what}")


def folder_of(name):
    return next((f for f in folders if name.startswith(f + "/")), None)


for path in sorted(p for f in level for p in (root / f).glob("*") if p.suffix in (".h", ".cpp")):
    mine = folder_of(str(path.relative_to(root)))
    for number, line in enumerate(path.read_text().splitlines(), 1):
        match = re.match(r'\s*#\s*include\s+([<"])(.+?)[>"]', line)
        if not match:
            continue
        bracket, name = match.groups()
        if name.startswith("hone/"):
            name = "include/" + name
        elif bracket == "<":
            third_party = "/" in name and not name.startswith("sys/") or name.endswith(".hpp")
            if mine == "include/hone" and path.name != "xtensor.h" and (third_party or
                                                                        name.endswith(".h")):
                complain(path, number, f"a public header includes <{name}>")
            continue
        other = folder_of(name)
        if other is None:
            complain(path, number, f'"{name}" is not spelled from the root of the repository')
        elif level[other] > level[mine] or level[other] == level[mine] and other != mine:
            complain(path, number, f"{mine} includes {other}")
sys.exit(failed)
