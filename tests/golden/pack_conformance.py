#!/usr/bin/env python3
"""Pack recorded cases of the stock interpreter for tests/ops/conformance.cpp.

    pack_conformance.py ORACLE OUT.zip      ORACLE: ../shared/oracle

OUT.zip holds, deflated once, for each case of the operators below: OP/NAME.tflite (the model),
OP/NAME.npz (inputs in_i and the outputs out_i to be equalled: ref_i, or opt_i where the reference
kernels refuse the model), and gradient/OP/NAME.npz (loss, cotangent_i, grad_*: the keys of
ORACLE/README.md).  cases.txt has a line for each: case, kind, flavour of out_i, caution or "-",
separated by tabs; a first line names the interpreter.

The gradients of hybrid kinds are computed anew by ORACLE/gradients.py, with the fused activation's
mask taken from the interpreter's outputs: the recorded ones take it from a float forward, where
other elements are beyond the corner.  That needs ORACLE/requirements.txt.
"""
import io
import json
import pathlib
import sys
import zipfile

import numpy as np

OPS = """CONV_2D DEPTHWISE_CONV_2D FULLY_CONNECTED BATCH_MATMUL ADD SUB MUL DIV SQUARED_DIFFERENCE
RSQRT MEAN SUM AVERAGE_POOL_2D MAX_POOL_2D RESHAPE SQUEEZE EXPAND_DIMS TRANSPOSE CONCATENATION PAD
SLICE STRIDED_SLICE GATHER PACK SOFTMAX LOG_SOFTMAX LOGISTIC TANH RELU RELU6 LEAKY_RELU HARD_SWISH
ABS MAXIMUM MINIMUM NEG EXP LOG SQRT POW QUANTIZE DEQUANTIZE CAST SHAPE""".split()
INTERPRETER = "ai-edge-litert 2.3.0"


def stored(arrays):
    """An NPZ without compression: the outer archive deflates it."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as z:
        for key in sorted(arrays):
            member = io.BytesIO()
            np.lib.format.write_array(member, np.asarray(arrays[key], order="C"), version=(1, 0))
            z.writestr(zipfile.ZipInfo(key + ".npy"), member.getvalue())
    return out.getvalue()


def flavour(data):
    return "ref" if "ref_0" in data else "opt"


def caution(record):
    if record["op"] == "DEPTHWISE_CONV_2D" and record["kind"] == "int4w":
        return "REF refuses it, and OPT rounds ties by vector block"
    return record["attrs"].get("caution", "-")


def hybrid_gradients(oracle, record, data, cotangent):
    import gradients  # of the oracle
    ranges = dict(gradients.tg.RANGES)
    low, high = ranges.get(record["attrs"].get("act"), (None, None))
    y = data["ref_0"]
    inside = np.full(y.shape, True)
    if low is not None:
        inside &= y > low
    if high is not None:
        inside &= y < high
    model = (oracle / f"conformance/{record['case']}.tflite").read_bytes()
    gradients.tg.RANGES.clear()  # the mask stands for the activation
    masked = {"cotangent_0": np.where(inside, cotangent, 0).astype(np.float32)}
    _, result = gradients.gradients(model, data | masked, "sum")
    gradients.tg.RANGES.update(ranges)
    loss = {"loss": np.float64((y.astype(np.float64) * cotangent).sum()), "cotangent_0": cotangent}
    return loss | {k: v for k, v in result.items() if k.startswith("grad_")}


def main():
    oracle, out = pathlib.Path(sys.argv[1]), sys.argv[2]
    sys.path.insert(0, str(oracle))
    lines = [f"recorded from {INTERPRETER}"]
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        def add(name, content):
            info = zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0))  # the same bytes each time
            archive.writestr(info, content, zipfile.ZIP_DEFLATED, 9)

        for line in open(oracle / "conformance/manifest.jsonl", encoding="utf-8"):
            record = json.loads(line)
            case = record["case"]
            if record["op"] not in OPS:
                continue
            data = dict(np.load(oracle / f"conformance/{case}.npz"))
            which = flavour(data)
            arrays = {k: v for k, v in data.items() if k.startswith("in_")}
            arrays |= {"out_" + k[4:]: v for k, v in data.items() if k.startswith(which + "_")}
            add(f"{case}.tflite", (oracle / f"conformance/{case}.tflite").read_bytes())
            add(f"{case}.npz", stored(arrays))
            gradient = oracle / f"gradients/{case}.npz"
            if gradient.exists():
                keep = {k: v for k, v in np.load(gradient).items() if not k.startswith("out_")}
                if record["kind"].startswith("hybrid"):
                    keep = hybrid_gradients(oracle, record, data, keep["cotangent_0"])
                add(f"gradient/{case}.npz", stored(keep))
            lines.append("\t".join([case, record["kind"], which, caution(record)]))
        add("cases.txt", "\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
