#!/usr/bin/env python3
"""Write a FlatBuffers schema from a JSON file of facts about the .tflite format.

    make_fbs.py facts.json > tflite.fbs

The facts list enums, unions and tables with the ids, defaults and alignments that decide the layout
of a file, in order of declaration.  Every id is written out, so that the layout does not depend on
the order of the fields.
"""
import json
import sys


def enum_text(name, enum):
    values = ",\n".join(f"  {v['name']} = {v['value']}" for v in enum["values"])
    return f"enum {name} : {enum['underlying']} {{\n{values}\n}}\n"


def union_text(name, union):
    members = union["members"]
    # a union's tags are its positions: a gap in the facts would shift every later member
    assert [m["tag"] for m in members] == list(range(1, len(members) + 1)), name
    return f"union {name} {{\n" + ",\n".join(f"  {m['table']}" for m in members) + "\n}\n"


def default_text(field):
    if field["kind"] == "enum":
        return f" = {field['default_name']}"
    if field["kind"] == "scalar" and field["default"]:
        return f" = {str(field['default']).lower()}"
    return ""


def field_text(field):
    attributes = [f"id: {field['id']}"]
    if "force_align" in field:
        attributes.append(f"force_align: {field['force_align']}")
    if field.get("deprecated"):
        attributes.append("deprecated")
    return f"  {field['name']}: {field['type']}{default_text(field)} ({', '.join(attributes)});\n"


def table_text(name, table):
    return f"table {name} {{\n" + "".join(map(field_text, table["fields"])) + "}\n"


def schema_text(facts):
    parts = [f"// The .tflite format: facts of\n// {facts['source']}.\n"
             "// Written by make_fbs.py; ids in tables and positions in unions never change.\n",
             f"namespace {facts['namespace']};\n",
             f"file_identifier \"{facts['file_identifier']}\";\n"
             f"file_extension \"{facts['file_extension']}\";\n"]
    for kind, name in facts["declaration_order"]:
        write = {"enum": enum_text, "union": union_text, "table": table_text}[kind]
        parts.append(write(name, facts[kind + "s"][name]))
    parts.append(f"root_type {facts['root_type']};\n")
    return "\n".join(parts)


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as file:
        sys.stdout.write(schema_text(json.load(file)))
