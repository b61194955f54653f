#!/usr/bin/env python3
"""Record what Keras reaches on stories A and A2, for tests/stock/accuracy.py: writes accuracy.json
beside itself.

    python3 -m venv venv && venv/bin/pip install tensorflow==2.21.0
    venv/bin/python record_accuracy.py [--seeds 10] [--epsilon 1e-8] [--lr 0.001] [--own-order]

A: the activity recogniser of both wrists learns a new person.  A2: that of right wrists learns the
left wrist of a new person.  The net is built in Keras and starts from the weights of the float32
file; windows, normalisation and split are those of the story, read from the recordings here and
not through hone: the first 30 % of every recording tune, the test windows share no sample with
those.  Softmax cross-entropy, Adam, 20 epochs, batch 16, all layers.  Both sides take the same
steps: Adam's constants are hone's (Keras's own epsilon is 1e-7), and the batches come in hone's
order of each seed, which `shuffled` makes again; with --own-order in Keras's.

accuracy.json: the sizes, and the test windows that were right before and after, one number a seed.
"""
import argparse
import csv
import json
import os
import pathlib

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["CUDA_VISIBLE_DEVICES"] = ""

import keras
import numpy as np
import tensorflow as tf

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parent.parent
CELLS = [(story, model, subject, arms)
         for story, model, arms in (("A", "har_watch", ("left", "right")), ("A2", "har_watch_right",
                                                                            ("left",)))
         for subject in ("s02", "s10")]
EPOCHS, BATCH = 20, 16
CHANNELS = (16, 32, 48)


def philox(counter, key):
    """Philox4x32-10 of Salmon et al. (2011): four words for a counter of four and a key of two."""
    c, k = list(counter), list(key)
    for _ in range(10):
        a, b = 0xd2511f53 * c[0], 0xcd9e8d57 * c[2]
        c = [(b >> 32) ^ c[1] ^ k[0], b & 0xffffffff, (a >> 32) ^ c[3] ^ k[1], a & 0xffffffff]
        k = [(k[0] + 0x9e3779b9) & 0xffffffff, (k[1] + 0xbb67ae85) & 0xffffffff]
    return c


def shuffled(n, seed, epoch):
    """hone's order of n samples: Fisher and Yates, from the last place down.  All below 2^32."""
    order = list(range(n))
    for i in range(n - 1, 0, -1):
        j = philox((i, 0, epoch, 0), (seed, 0))[0] * (i + 1) >> 32
        order[i], order[j] = order[j], order[i]
    return order


def windows(subject, arms, sidecar):
    """(x, y) to tune with and (x, y) to test with."""
    length, stride = sidecar["window"], sidecar["stride"]
    x, y, first, rest = [], [], [], []
    for path in sorted((ROOT / "examples/data/watch" / subject).glob("*.csv")):
        _, arm, label = path.stem.split("_")
        if arm not in arms:
            continue
        with open(path) as file:
            rows = [[float(row[c]) for c in sidecar["columns"]] for row in csv.DictReader(file)]
        begins = len(rows) - length + 1
        for i in range(0, begins, stride):
            x.append(rows[i:i + length])
            y.append(sidecar["labels"].index(label))
            first.append(i / begins < 0.3)
            rest.append(i - length >= 0.3 * begins)
    x = (np.array(x, np.float32) - np.float32(sidecar["mean"])) / np.float32(sidecar["std"])
    y = np.array(y)
    return (x[first], y[first]), (x[rest], y[rest])


def build(shape, classes):
    """The net of the file: batch normalisation is folded into its convolutions."""
    x = inputs = keras.Input(shape)
    for k, channels in enumerate(CHANNELS):
        x = keras.layers.Conv1D(channels, 5, padding="same", activation="relu")(x)
        if k < 2:
            x = keras.layers.MaxPool1D(2)(x)
    x = keras.layers.GlobalAveragePooling1D()(x)
    return keras.Model(inputs, keras.layers.Dense(classes, activation="softmax")(x))


def weights_of(interpreter, net):
    """The constants of the file, found by their shapes, as Keras lays them out."""
    # (kernel, in, out) is (out, 1, kernel, in) in the file, (in, out) is (out, in)
    in_file = {3: lambda s: (s[2], 1, s[0], s[1]), 2: lambda s: (s[1], s[0]), 1: lambda s: s}
    in_keras = {4: lambda w: w[:, 0].transpose(1, 2, 0), 2: np.transpose, 1: lambda w: w}
    weights = []
    for variable in net.get_weights():
        shape = in_file[variable.ndim](variable.shape)
        found = [t for t in interpreter.get_tensor_details() if tuple(t["shape"]) == shape]
        assert len(found) == 1, f"expected one tensor of shape {shape}, got {found}"
        weights.append(in_keras[len(shape)](interpreter.get_tensor(found[0]["index"])))
    return weights


def check_start(interpreter, net, x):
    """Keras computes what the file computes."""
    index, out = (
        d()[0]["index"] for d in (interpreter.get_input_details, interpreter.get_output_details))
    for one, want in zip(x, net.predict(x, verbose=0)):
        interpreter.set_tensor(index, one[None])
        interpreter.invoke()
        np.testing.assert_allclose(interpreter.get_tensor(out)[0], want, atol=1e-5)


def tune(net, x, y, seed, args):
    keras.utils.set_random_seed(seed)
    net.compile(keras.optimizers.Adam(args.lr, epsilon=args.epsilon),
                "sparse_categorical_crossentropy")
    if args.own_order:
        net.fit(x, y, epochs=EPOCHS, batch_size=BATCH, verbose=0)
        return
    for epoch in range(EPOCHS):
        order = shuffled(len(x), seed, epoch)
        net.fit(x[order], y[order], epochs=1, batch_size=BATCH, shuffle=False, verbose=0)


def record(cell, args):
    story, model, subject, arms = cell
    sidecar = json.loads((ROOT / f"tests/models/{model}.json").read_text())
    (x, y), (test_x, test_y) = windows(subject, arms, sidecar)
    interpreter = tf.lite.Interpreter(str(ROOT / f"tests/models/{model}_float32.tflite"))
    interpreter.allocate_tensors()
    net = build(x.shape[1:], len(sidecar["labels"]))
    start = weights_of(interpreter, net)

    def right():
        return int((net.predict(test_x, verbose=0).argmax(1) == test_y).sum())

    net.set_weights(start)
    check_start(interpreter, net, test_x)
    before, after = right(), []
    for seed in range(args.seeds):
        net.set_weights(start)
        tune(net, x, y, seed, args)
        after.append(right())
    print(f"{story:3} {subject}  {before / len(test_x):.4f} -> {np.mean(after) / len(test_x):.4f}  "
          f"first three {np.mean(after[:3]) / len(test_x):.4f}", flush=True)
    return {
        "story": story,
        "model": model,
        "subject": subject,
        "arms": arms,
        "tune": len(x),
        "test": len(test_x),
        "before": before,
        "after": after
    }


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--lr", type=float, default=0.001)
    parser.add_argument("--epsilon", type=float, default=1e-8)
    parser.add_argument("--own-order", action="store_true")
    parser.add_argument("--out", type=pathlib.Path, default=HERE / "accuracy.json")
    args = parser.parse_args()
    cells = [record(cell, args) for cell in CELLS]
    head = {
        "made_with": f"tensorflow {tf.__version__}, keras {keras.__version__}",
        "lr": args.lr,
        "epsilon": args.epsilon,
        "epochs": EPOCHS,
        "batch": BATCH,
        "order": "keras" if args.own_order else "hone"
    }
    fields = ",\n".join(f" {json.dumps(k)}: {json.dumps(v)}" for k, v in head.items())
    rows = ",\n".join(f"  {json.dumps(cell)}" for cell in cells)
    args.out.write_text(f'{{\n{fields},\n "cells": [\n{rows}\n ]\n}}\n')


if __name__ == "__main__":
    main()
