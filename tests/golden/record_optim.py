#!/usr/bin/env python3
"""Writes losses.inc and optim.inc beside itself: losses, gradients and steps, by PyTorch.

    python3 -m venv venv && venv/bin/pip install torch==2.13.0 numpy
    venv/bin/python record_optim.py

The numbers of losses.inc are computed in float64 and rounded; those of optim.inc in float32, as
PyTorch steps them.
"""

import pathlib

import numpy as np
import torch
import torch.nn.functional as F

HERE = pathlib.Path(__file__).parent
VERSION = torch.__version__.split("+")[0]
HEAD = f"// Written by record_optim.py with PyTorch {VERSION}; tests only read it.\n"


def number(v):
    return f"{float(v):.9g}".replace("inf", "INFINITY")


def numbers(values, suffix=""):
    values = torch.as_tensor(values).flatten().tolist()
    lines, line = [], ""
    for text in (number(v) + suffix for v in values):
        if len(line) + len(text) > 80:
            lines.append(line)
            line = ""
        line += text + ", "
    return "{" + "\n     ".join(lines + [line.rstrip(", ")]) + "}"


def loss_entry(name, loss, x, extra, scale=0.0, zero_point=0):
    """x: float64 leaf, in real units; extra: fields of the C++ struct."""
    x.grad = None
    loss.backward()
    fields = [
        f'.name = "{name}"',
        ".shape = {" + ", ".join(map(str, x.shape)) + "}",
        f".x = {numbers(x.detach())}",
    ]
    if scale:
        fields += [f".scale = {number(scale)}f", f".zero_point = {zero_point}"]
    fields += [f"{k} = {v}" for k, v in extra.items()]
    fields += [f".loss = {number(loss.detach())}", f".gradient = {numbers(x.grad)}"]
    return "{" + ",\n    ".join(fields) + "},\n"


def leaf(rng, *shape, spread=2.0):
    values = torch.tensor(rng.normal(0, spread, shape).astype(np.float32), dtype=torch.float64)
    return values.requires_grad_()


def quantized(rng, *shape, scale=0.125, zero_point=-3):
    q = rng.integers(-128, 128, shape)
    return torch.tensor((q - zero_point) * scale, dtype=torch.float64).requires_grad_()


CLASS_WEIGHTS = torch.tensor([0.5, 2.0, 0.0, 1.25, 3.0], dtype=torch.float64)


def of_indices(rng):
    out = ""
    for name, shape, smoothing, weighted, reduction in [
        ("indices", (4, 5), 0.0, False, "mean"),
        ("indices, summed", (4, 5), 0.0, False, "sum"),
        ("indices, smoothed", (4, 5), 0.1, False, "mean"),
        ("indices, weighted", (6, 5), 0.0, True, "mean"),
        ("indices, weighted and smoothed", (6, 5), 0.2, True, "mean"),
        ("indices, one class a pixel", (2, 3, 2, 5), 0.1, True, "mean"),
        ("int8 logits", (6, 5), 0.1, True, "mean"),
    ]:
        int8 = name.startswith("int8")
        x = quantized(rng, *shape) if int8 else leaf(rng, *shape)
        y = torch.tensor(rng.integers(0, 5, shape[:-1]))
        loss = F.cross_entropy(
            x.reshape(-1, 5),
            y.reshape(-1),
            weight=CLASS_WEIGHTS if weighted else None,
            label_smoothing=smoothing,
            reduction=reduction,
        )
        extra = {
            ".loss_of": '"cross_entropy"',
            ".labels": "{" + ", ".join(map(str, y.flatten().tolist())) + "}",
            ".smoothing": f"{smoothing}f",
            ".sum": "true" if reduction == "sum" else "false",
        }
        if weighted:
            extra[".weights"] = numbers(CLASS_WEIGHTS)
        out += loss_entry(name, loss, x, extra, 0.125 if int8 else 0.0, -3)
    return out


def of_probabilities(rng):
    out = ""
    for name, smoothing, weighted in [
        ("probabilities", 0.0, False),
        ("probabilities, smoothed", 0.3, False),
        ("probabilities, weighted and smoothed", 0.3, True),
    ]:
        x = leaf(rng, 4, 5)
        p = torch.tensor(rng.dirichlet(np.ones(5), 4).astype(np.float32), dtype=torch.float64)
        weights = CLASS_WEIGHTS if weighted else None
        loss = F.cross_entropy(x, p, weight=weights, label_smoothing=smoothing)
        extra = {
            ".loss_of": '"cross_entropy"',
            ".targets": numbers(p),
            ".smoothing": f"{smoothing}f",
        }
        if weighted:
            extra[".weights"] = numbers(CLASS_WEIGHTS)
        out += loss_entry(name, loss, x, extra)
    x = torch.tensor(
        [[1000.0, -1000.0, 999.0], [-1e30, 0.0, 1e30]], dtype=torch.float64, requires_grad=True
    )
    out += loss_entry(
        "logits that overflow exp",
        F.cross_entropy(x, torch.tensor([2, 2])),
        x,
        {".loss_of": '"cross_entropy"', ".labels": "{2, 2}"},
    )
    return out


def of_values(rng):
    out = ""
    for reduction in ["mean", "sum"]:
        extra = {".sum": "true" if reduction == "sum" else "false"}
        x, t = leaf(rng, 3, 4, spread=4.0), torch.tensor(
            rng.uniform(0, 1, (3, 4)).astype(np.float32), dtype=torch.float64
        )
        out += loss_entry(
            "bce, " + reduction,
            F.binary_cross_entropy_with_logits(x, t, reduction=reduction),
            x,
            {".loss_of": '"bce"', ".targets": numbers(t)} | extra,
        )
        x, t = leaf(rng, 3, 4), leaf(rng, 3, 4).detach()
        out += loss_entry(
            "mse, " + reduction,
            F.mse_loss(x, t, reduction=reduction),
            x,
            {".loss_of": '"mse"', ".targets": numbers(t)} | extra,
        )
        x = leaf(rng, 3, 4)
        out += loss_entry(
            "huber, " + reduction,
            F.huber_loss(x, t, delta=1.5, reduction=reduction),
            x,
            {".loss_of": '"huber"', ".targets": numbers(t), ".delta": "1.5f"} | extra,
        )
        x = leaf(rng, 3, 4)
        out += loss_entry(
            "mae, " + reduction,
            F.l1_loss(x, t, reduction=reduction),
            x,
            {".loss_of": '"mae"', ".targets": numbers(t)} | extra,
        )
    return out


def of_corners_and_int8(rng):
    out = ""
    x = torch.tensor([-200.0, 200.0, 0.0, 90.0], dtype=torch.float64, requires_grad=True)
    t = torch.tensor([1.0, 1.0, 0.5, 0.0], dtype=torch.float64)
    out += loss_entry(
        "bce, logits that overflow exp",
        F.binary_cross_entropy_with_logits(x, t),
        x,
        {".loss_of": '"bce"', ".targets": numbers(t)},
    )
    for kind, f in [
        ("mse", F.mse_loss),
        ("bce", F.binary_cross_entropy_with_logits),
        ("mae", F.l1_loss),
    ]:
        x, t = quantized(rng, 3, 4), torch.tensor(
            rng.uniform(0, 1, (3, 4)).astype(np.float32), dtype=torch.float64
        )
        out += loss_entry(
            kind + ", int8",
            f(x, t),
            x,
            {".loss_of": f'"{kind}"', ".targets": numbers(t)},
            0.125,
            -3,
        )
    return out


def losses():
    rng = np.random.default_rng(3)
    parts = [part(rng) for part in (of_indices, of_probabilities, of_values, of_corners_and_int8)]
    (HERE / "losses.inc").write_text(HEAD + "".join(parts))


STEPS = 12


def cases():
    o, s, u = torch.optim, torch.optim.lr_scheduler, torch.nn.utils
    sgd = lambda p: o.SGD(p, lr=0.05)
    return {
        "sgd": dict(make=sgd),
        "sgd, decay": dict(make=lambda p: o.SGD(p, lr=0.05, weight_decay=0.1)),
        "momentum": dict(make=lambda p: o.SGD(p, lr=0.05, momentum=0.9)),
        "momentum, decay": dict(make=lambda p: o.SGD(p, lr=0.05, momentum=0.8, weight_decay=0.1)),
        "nesterov": dict(make=lambda p: o.SGD(p, lr=0.05, momentum=0.9, nesterov=True)),
        "nesterov, decay": dict(
            make=lambda p: o.SGD(p, lr=0.05, momentum=0.9, nesterov=True, weight_decay=0.1)
        ),
        "adam": dict(make=lambda p: o.Adam(p, lr=0.02)),
        "adam, decay": dict(
            make=lambda p: o.Adam(p, lr=0.02, betas=(0.8, 0.99), eps=1e-4, weight_decay=0.1)
        ),
        "adamw": dict(make=lambda p: o.AdamW(p, lr=0.02)),
        "adamw, decay": dict(make=lambda p: o.AdamW(p, lr=0.02, weight_decay=0.3)),
        "rmsprop": dict(make=lambda p: o.RMSprop(p, lr=0.02)),
        "rmsprop, momentum": dict(
            make=lambda p: o.RMSprop(p, lr=0.02, alpha=0.9, momentum=0.5, weight_decay=0.1)
        ),
        "clip norm": dict(make=sgd, clip=lambda p: u.clip_grad_norm_(p, 2.0)),
        "clip value": dict(make=sgd, clip=lambda p: u.clip_grad_value_(p, 0.4)),
        "clip both": dict(
            make=lambda p: o.SGD(p, lr=0.05, momentum=0.9, weight_decay=0.1),
            clip=lambda p: (u.clip_grad_value_(p, 1.0), u.clip_grad_norm_(p, 2.0)),
        ),
        "step": dict(make=sgd, schedule=lambda a: s.StepLR(a, 4, 0.3)),
        "cosine": dict(make=sgd, schedule=lambda a: s.CosineAnnealingLR(a, 12, eta_min=0.005)),
        "warm-up": dict(make=sgd, schedule=lambda a: s.LinearLR(a, 0.2, 1.0, 4)),
        "warm-up times step": dict(
            make=sgd,
            schedule=lambda a: s.ChainedScheduler(
                [s.LinearLR(a, 0.2, 1.0, 4), s.StepLR(a, 4, 0.3)]
            ),
        ),
        "warm-up then cosine": dict(
            make=sgd,
            schedule=lambda a: s.SequentialLR(
                a, [s.LinearLR(a, 0.2, 1.0, 4), s.CosineAnnealingLR(a, 8)], [4]
            ),
        ),
        "groups": dict(
            make=lambda p: o.Adam([{"params": [p[0]], "lr": 0.01}, {"params": [p[1]], "lr": 0.1}])
        ),
    }


def optimizers():
    rng = np.random.default_rng(5)
    start = [rng.normal(0, 1, s).astype(np.float32) for s in [(2, 3), (3,)]]
    grads = [
        [
            rng.normal(0, 1 + k, (2, 3)).astype(np.float32),
            rng.normal(0, 0.5, (3,)).astype(np.float32),
        ]
        for k in range(STEPS)
    ]

    def run(make, schedule=None, clip=None):
        params = [torch.nn.Parameter(torch.tensor(s)) for s in start]
        optimizer = make(params)
        scheduler = schedule(optimizer) if schedule else None
        rows = []
        for step in range(STEPS):
            for p, g in zip(params, grads[step]):
                p.grad = torch.tensor(g)
            if clip:
                clip(params)
            optimizer.step()
            if scheduler:
                scheduler.step()
            rows += [torch.cat([p.detach().flatten() for p in params])]
        return torch.cat(rows)

    out = HEAD
    out += f"constexpr int recorded_steps = {STEPS};\n"
    first = np.concatenate([v.ravel() for v in start])
    out += f"const std::vector<float> recorded_start{numbers(first, 'f')};\n"
    flat = np.concatenate([np.concatenate([v.ravel() for v in g]) for g in grads])
    out += f"const std::vector<float> recorded_grads{numbers(flat, 'f')};\n"
    out += "// the weights after each step\n"
    out += "const std::map<std::string, std::vector<float>> recorded_weights{\n"
    for name, case in cases().items():
        out += f'{{"{name}",\n    {numbers(run(**case), "f")}}},\n'
    (HERE / "optim.inc").write_text(out + "};\n")


losses()
optimizers()
