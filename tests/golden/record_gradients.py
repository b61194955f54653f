#!/usr/bin/env python3
"""Record reference gradients of whole models for tests/model/gradients_test.cpp.

    record_gradients.py SHARED OUT.zip      SHARED: ../shared; needs SHARED/oracle/requirements.txt

Made with torch 2.13.0 in float64 and, for the values of quantized tensors, ai-edge-litert 2.3.0, by
SHARED/oracle/gradients.py.  Two samples a model, each an NPZ MODEL/SAMPLE.npz:
    in_0, cotangent_0, label    the input in the file's type; what the losses need
    dot/loss, xent/loss         dot: sum of output * cotangent_0; xent: softmax cross-entropy, taken
                                at the input of a SOFTMAX that the model ends with
    LOSS/KEY                    the gradient of KEY (in_0 or gG_tT), every s-th element of it,
    LOSS/KEY/max                with s = 1 + elements // 256, and the largest magnitude of all
Hybrid models take the interpreter's activations, and the masks of fused activations from them.
Models are named by their path under SHARED, har_watch* also stand in tests/models.
"""
import io
import pathlib
import sys
import zipfile

import numpy as np

SHARED = pathlib.Path(sys.argv[1])
sys.path.insert(0, str(SHARED / "oracle"))

import torch  # noqa: E402
import gradients  # noqa: E402
from ai_edge_litert.interpreter import Interpreter  # noqa: E402
from pack_conformance import stored  # noqa: E402

MODELS = ([f"models/har/har_watch_{kind}" for kind in ("float32", "int8", "float16", "dynamic")]
          + [f"bench/W{n}{kind}" for n in range(1, 8) for kind in ("", "_int8")])


class Hybrid(gradients.tg.Model):
    """Masks fused activations where the interpreter's outputs are, not those of a float forward."""

    def settle(self, ctx, t, i, v):
        limits = gradients.tg.RANGES.get(ctx.op.act)
        if not (self.exact_float and limits and i in self.values):
            return super().settle(ctx, t, i, v)
        exact = torch.tensor(self.values[i], dtype=self.dtype)
        inside = torch.ones_like(exact, dtype=torch.bool)
        if limits[0] is not None:
            inside &= exact > limits[0]
        if limits[1] is not None:
            inside &= exact < limits[1]
        return exact + (v - v.detach()) * inside


class Cut(Hybrid):
    """The model without a SOFTMAX at its end."""

    def __init__(self, *args):
        super().__init__(*args)
        graph = self.graphs[0]
        if graph["ops"][-1].name == "SOFTMAX":
            graph["outputs"] = [graph["ops"][-1].inputs[0]]


def unsure(windows):
    """The two windows that har_watch is least sure of: a saturated SOFTMAX has no gradient."""
    interpreter = Interpreter(str(SHARED / "models/har/har_watch_float32.tflite"))
    interpreter.allocate_tensors()
    highest = []
    for window in windows:
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], window[None])
        interpreter.invoke()
        highest.append(interpreter.get_tensor(interpreter.get_output_details()[0]["index"]).max())
    return windows[np.argsort(highest)[:2]]


def samples(name):
    if "har" in name:
        return unsure(np.load(SHARED / "models/har/har_watch_calibration.npy"))
    return np.load(SHARED / f"{name.removesuffix('_int8')}_data.npz")["x"][:2]


def record(name, x, rng):
    path = SHARED / f"{name}.tflite"
    interpreter = Interpreter(str(path))
    given = interpreter.get_input_details()[0]
    classes = int(interpreter.get_output_details()[0]["shape"][-1])
    if given["dtype"] is np.int8:
        scale, zero = given["quantization"]
        x = np.clip(np.round(x / scale) + zero, -128, 127).astype(np.int8)
    data = dict(in_0=x[None], label=np.array([rng.integers(classes)], np.int32),
                cotangent_0=rng.normal(size=(1, classes)).astype(np.float32))
    out = dict(data)
    for loss, key, model in (("dot", "sum", Hybrid), ("xent", "xent", Cut)):
        gradients.tg.Model = model
        _, result = gradients.gradients(path.read_bytes(), data, key, dtype=torch.float64,
                                        exact_float="dynamic" in name)
        out[f"{loss}/loss"] = result["loss"]
        for k, g in result.items():
            if k.startswith("grad_"):
                flat = np.asarray(g, np.float32).reshape(-1)
                out[f"{loss}/{k[5:]}"] = flat[::1 + flat.size // 256]
                out[f"{loss}/{k[5:]}/max"] = np.abs(flat).max()
    return out


def main():
    rng = np.random.default_rng(3)
    with zipfile.ZipFile(sys.argv[2], "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name in MODELS:
            for i, x in enumerate(samples(name)):
                info = zipfile.ZipInfo(f"{name}/{i}.npz", (2026, 1, 1, 0, 0, 0))
                archive.writestr(info, stored(record(name, x, rng)), zipfile.ZIP_DEFLATED, 9)
            print(name)


if __name__ == "__main__":
    main()
