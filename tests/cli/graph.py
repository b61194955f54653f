"""`hone graph`: every node and edge of the DOT stands in the SVG, which is valid XML whatever the
file's names are.

usage: graph.py HONE SOURCE_ROOT WORK_FOLDER
"""
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as xml

hone, root, work = sys.argv[1:4]
os.makedirs(work, exist_ok=True)
svg_name = "{http://www.w3.org/2000/svg}"
kinds = {"ellipse": "variable", "box": "function", "diamond": "sum"}
failures = checks = 0


def check(what, passed, why=""):
    global failures, checks
    checks += 1
    failures += not passed
    print(("ok    " if passed else "FAILED"), what, why if not passed else "")


def graph(model, *arguments):
    return subprocess.run([hone, "graph", model, *arguments], capture_output=True,
                          check=True).stdout


def of_dot(model, *arguments):
    text = graph(model, *arguments).decode(errors="replace")
    nodes = {n: kinds[shape] for n, shape in re.findall(r"^  (\w+) \[shape=(\w+),", text, re.M)}
    return nodes, sorted(re.findall(r"^  (\w+) -> (\w+)", text, re.M))


def of_svg(picture):
    nodes = {g.get("id"): g.get("class") for g in picture.iter(svg_name + "g")}
    paths = [p for p in picture.iter(svg_name + "path") if p.get("class") == "edge"]
    return nodes, sorted((p.get("data-from"), p.get("data-to")) for p in paths)


def overlapping(picture):
    """Pairs of boxes that share some area, or stand outside the picture."""
    boxes = []
    for g in picture.iter(svg_name + "g"):
        rect, polygon = g.find(svg_name + "rect"), g.find(svg_name + "polygon")
        if rect is not None:
            x, y, w, h = (float(rect.get(k)) for k in ("x", "y", "width", "height"))
        else:
            points = [tuple(map(float, p.split(","))) for p in polygon.get("points").split()]
            x, y = min(p[0] for p in points), min(p[1] for p in points)
            w, h = max(p[0] for p in points) - x, max(p[1] for p in points) - y
        boxes.append((g.get("id"), x, y, x + w, y + h))
    width, height = float(picture.get("width")), float(picture.get("height"))
    bad = [b[0] for b in boxes if b[1] < 0 or b[2] < 0 or b[3] > width or b[4] > height]
    for i, a in enumerate(boxes):
        bad += [(a[0], b[0])
                for b in boxes[:i]
                if a[1] < b[3] and b[1] < a[3] and a[2] < b[4] and b[2] < a[4]]
    return bad


def compare(name, model, *arguments):
    picture = xml.fromstring(graph(model, "--format", "svg", *arguments))
    check(f"{name}: the same nodes and edges", of_svg(picture) == of_dot(model, *arguments))
    check(f"{name}: no box stands on another", not overlapping(picture), overlapping(picture)[:5])
    return of_svg(picture)


watch = f"{root}/tests/models/har_watch_int8.tflite"
nodes, edges = compare("watch", watch)
check("every operator with a gradient", list(nodes.values()).count("function") == 8, nodes)
check("every weight and bias, and every value between",
      list(nodes.values()).count("variable") == 8 + 8, nodes)
nodes, edges = compare("watch, head only", watch, "--train", "head")
check("nothing before the head", (len(nodes), len(edges)) == (4, 3), (nodes, edges))

shared = os.environ.get("HONE_SHARED", os.path.join(root, "..", "shared"))
residual = os.path.join(shared, "bench", "W6.tflite")
if os.path.exists(residual):
    nodes, edges = compare("residual blocks", residual)
    sums = [n for n, kind in nodes.items() if kind == "sum"]
    check("a GradSum where each block branches", len(sums) == 10, sums)
    ends = [(e[0], e[1]) for e in edges]
    check("each between one value and its uses",
          all(sum(b == s for _, b in ends) == 1 and sum(a == s for a, _ in ends) == 2
              for s in sums))
else:
    print(f"skipped: residual blocks, {residual} is not there")

# names come from files: markup, control characters and bytes that are no UTF-8
with open(watch, "rb") as file:
    data = file.read()
name = b"functional_1_1/head_1/MatMul"
strange = f"{work}/strange.tflite"
with open(strange, "wb") as file:
    file.write(
        data.replace(name, b'<&>"\\\x01\xff\xed\xa0\x80\xef\xbf\xbf\xc3\xa9'.ljust(len(name),
                                                                                   b"]")))
compare("strange names", strange)

out = f"{work}/graph.svg"
graph(watch, "-o", out)
check("-o graph.svg writes SVG", xml.parse(out).getroot().tag == svg_name + "svg")
full = subprocess.run([hone, "graph", watch, "-o", "/dev/full"], capture_output=True, text=True)
check("a full disk is an error", full.returncode == 1 and "/dev/full" in full.stderr, full.stderr)

print(f"{checks - failures} of {checks} hold")
sys.exit(failures > 0)
