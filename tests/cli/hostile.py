"""What the command does with wrong files, wrong data, wrong options, a full disk and Ctrl-C.

usage: hostile.py HONE SOURCE_ROOT WORK_FOLDER

Every case must end with the exit code of an Error (1) or of wrong usage (2), with one message on
standard error that names the place and says what was expected and what came, and with every file
as it was.
"""
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time

from arrays import write_npz

hone, root, work = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2]), os.path.abspath(
    sys.argv[3])
shutil.rmtree(work, ignore_errors=True)
os.makedirs(work)
os.chdir(work)
models = f"{root}/tests/models"
int8, float32 = f"{models}/har_watch_right_int8.tflite", f"{models}/har_watch_float32.tflite"
sidecar = f"{models}/har_watch_right.json"
rng = random.Random(1)
failures = checks = 0


def check(what, passed, why=""):
    global failures, checks
    checks += 1
    failures += not passed
    print(("ok    " if passed else "FAILED"), what, why if not passed else "")


def others_can_run():
    """Whether a user without rights reaches the command: not where it lies in root's home."""
    try:
        return call("info", int8, user=65534).returncode == 0
    except PermissionError:
        return False


def call(*arguments, **options):
    return subprocess.run([hone, *arguments],
                          capture_output=True,
                          text=True,
                          errors="replace",
                          timeout=120,
                          **options)


def write(path, data):
    with open(path, "wb") as file:
        file.write(data if isinstance(data, bytes) else data.encode())
    return path


def read(path):
    with open(path, "rb") as file:
        return file.read()


def files():
    """Every file of the work folder with its bytes."""
    return {os.path.join(folder, name): read(os.path.join(folder, name))
            for folder, _, names in os.walk(".") for name in names}


def refused(what, words, *arguments, code=1, **options):
    before = files()
    done = call(*arguments, **options)
    lines = [line for line in done.stderr.splitlines() if line.startswith("hone: ")]
    problems = []
    if done.returncode != code:
        problems.append(f"exit code {done.returncode}")
    if code == 1 and (len(lines) != 1 or not lines[0].startswith("hone: [") or len(lines[0]) > 600):
        problems.append("no message of one line with its place")
    problems += [f"no {word!r}" for word in words if word not in done.stderr]
    if done.stdout:
        problems.append("something on standard output")
    if files() != before:
        problems.append(
            f"files changed: {sorted(set(files().items()) ^ set(before.items()))[0][0]}")
    check(what, not problems, f"{problems} {done.stderr[-500:]}")


def train(data, *more, model=int8, out="out.tflite"):
    return ["train", model, "--data", data, "-o", out, "--epochs", "1", *more]


def rows(label, n=150, odd=None):
    """Lines of a recording; `odd` replaces the second line of numbers."""
    lines = [
        ",".join([str(20 * i)] + [f"{rng.gauss(0, 1):.3f}"
                                  for _ in range(6)] + [label])
        for i in range(n)
    ]
    if odd is not None:
        lines[1] = odd
    return "\n".join(lines) + "\n"


def broken_models():
    good = read(int8)
    write("text.tflite", "no model at all, but long enough for a header")
    write("empty.tflite", b"")
    write("short.tflite", b"12345")
    write("cut.tflite", good[:len(good) // 2])
    os.mkdir("folder")
    for command in (["info"], ["graph"], ["copy", "-o",
                                          "out.tflite"], ["eval", "--data", "good.npz"]):
        for name, words in (("none.tflite", ["No such file"]), ("text.tflite", []),
                            ("empty.tflite", ["got 0"]), ("short.tflite", ["got 5"]),
                            ("cut.tflite", ["expected"]), ("folder", ["a folder"])):
            refused(f"{command[0]} {name}", [name, *words], command[0], name, *command[1:])


def csv_data():
    head = "timestamp_ms,ax,ay,az,gx,gy,gz,label\n"
    good = head + rows("PEN")
    write("good.csv", head + rows("PEN"))
    cases = [
        ("a missing column", good.replace("az", "bz"), [":1", "\"az\"", "bz"]),
        ("text in numbers", head + rows("PEN", odd="20,0,0,zero,0,0,0,PEN"),
         [":3", "\"az\"", "zero"]),
        ("NaN", head + rows("PEN", odd="20,0,0,0,nan,0,0,PEN"), [":3", "\"gx\"", "nan"]),
        ("infinity", head + rows("PEN", odd="20,0,0,0,0,inf,0,PEN"), [":3", "\"gy\"", "inf"]),
        ("too few columns", head + rows("PEN", odd="20,0,0,0,0,PEN"), [":3", "8 columns", "got 6"]),
        ("too many columns", head + rows("PEN", odd="20,0,0,0,0,0,0,0,PEN"),
         [":3", "8 columns", "got 9"]),
        ("an empty file", "", ["empty"]),
        ("column names alone", head, ["rows"]),
        ("no column names", rows("PEN"), [":1"]),
        ("an unknown label", head + rows("JUMP"), [":2", "among PEN", "JUMP"]),
        ("one class only", head + rows("PEN", 300), ["2 classes", "PEN"]),
        ("too short for a window", head + rows("PEN", 50), ["100 rows", "50"]),
        ("a time that falls", head + rows("PEN", odd="90000,0,0,0,0,0,0,PEN"), [":4", "90000"]),
        ("no text at all", bytes(rng.randrange(256) for _ in range(3000)), [":1"]),
    ]
    for i, (what, text, words) in enumerate(cases):
        name = write(f"{i}.csv", text)
        refused(f"CSV with {what}", [name, "expected", *words], *train(name, "--sidecar", sidecar))
    refused("no such data", ["nothere.csv"], *train("nothere.csv"))
    refused("data of an unknown kind", ["data.xyz"], *train(write("data.xyz", "x")))
    refused("a sidecar that is not there", ["none.json"],
            *train("good.npz", "--sidecar", "none.json"))
    refused("a sidecar that is no JSON", ["text.tflite", "JSON"],
            *train("good.npz", "--sidecar", "text.tflite"))
    refused("a folder without data", ["folder"], *train("folder"))


def npz_data():
    x = [rng.gauss(0, 1) for _ in range(2400)]
    shape, y = (4, 100, 6), ((4,), [0, 1, 2, 3], "<i4")
    write_npz("good.npz", x=(shape, x), y=y)
    cases = [
        ("NaN", dict(x=(shape, [float("nan")] + x[1:]), y=y), ["nan"], []),
        ("another shape", dict(x=((4, 50, 6), x[:1200]), y=y), ["[100, 6]", "[50, 6]"], []),
        ("fewer labels", dict(x=(shape, x), y=((3,), [0, 1, 2], "<i4")), ["4 samples"], []),
        ("a label too high", dict(x=(shape, x), y=((4,), [0, 1, 2,
                                                          9], "<i4")), ["below 7", "got 9"], []),
        ("a negative label", dict(x=(shape, x), y=((4,), [0, 1, 2, -1], "<i4")), ["got -1"], []),
        ("one class only", dict(x=(shape, x), y=((4,), [1] * 4, "<i4")), ["2 classes"], []),
        ("no y", dict(x=(shape, x)), ["without y"], []),
        ("no x", dict(z=(shape, x)), ["\"x\"", "got z"], []),
        ("targets of another size", dict(x=(shape, x),
                                         y=((4, 3), x[:12])), ["7 numbers",
                                                               "got 3"], ["--loss", "mse"]),
        ("classes for mse", dict(x=(shape, x), y=y), ["7 numbers", "xent"], ["--loss", "mse"]),
    ]
    for i, (what, arrays, words, more) in enumerate(cases):
        name = write_npz(f"{i}.npz", **arrays)
        refused(f"NPZ with {what}", [name, "expected", *words], *train(name, *more))
    refused("NPZ that is none", ["bad.npz", "ZIP"], *train(write("bad.npz", b"PK\3\4 nonsense")))
    refused("NPZ cut off", ["cut.npz"], *train(write("cut.npz", read("good.npz")[:3000])))
    refused("eval: a label too high", ["3.npz", "got 9"], "eval", int8, "--data", "3.npz")


def arrays_for_run():
    x = [rng.gauss(0, 1) for _ in range(600)]
    write_npz("narrow.npz", in_0=((1, 50, 6), x[:300]))
    write_npz("x.npz", in_0=((1, 100, 6), x))
    write_npz("wide.npz", in_0=((1, 100, 6), [999] * 600, "<i4"))
    write_npz("label.npz", label=((1,), [9], "<i4"))
    write_npz("three.npz", cotangent_0=((1, 3), [1, 2, 3]), target=((1, 3), [1, 2, 3]))
    run = ["run", float32, "--output", "y.npz", "--input"]
    refused("run: another shape", ["input 0", "[1, 50, 6]", "[1, 100, 6]"], *run, "narrow.npz")
    refused("run: no such input", ["in_0", "got x, y"], *run, "good.npz")
    refused("run: no such file", ["none.npz"], *run, "none.npz")
    refused("run: another type", ["input 0", "float32", "int32"], *run, "wide.npz")
    refused("run: integers that do not fit", ["int8", "999"], "run", int8, "--output", "y.npz",
            "--input", "wide.npz")
    grad = ["grad", float32, "--input", "x.npz", "--output", "g.npz", "--loss"]
    refused("grad: no target", ["--target", "label"], *grad, "xent")
    refused("grad: no cotangent", ["--target", "cotangent_0"], *grad, "dot")
    refused("grad: a label too high", ["got 9"], *grad, "xent", "--target", "label.npz")
    for loss in ("dot", "mse"):
        refused(f"grad: another shape for {loss}", ["--target", "[1, 7]", "[1, 3]"], *grad, loss,
                "--target", "three.npz")


def targets_to_write():
    write("locked.tflite", read(int8))
    os.chmod("locked.tflite", 0o444)
    os.mkdir("sealed")
    write("sealed/model.tflite", read(int8))
    os.chmod("sealed", 0o555)
    for name, words in (("folder", ["Is a directory"]), ("no/such/place.tflite", ["No such file"]),
                        ("locked.tflite", ["read-only"]), ("/dev/full", ["No space left"])):
        refused(f"train onto {name}", [name, *words], *train("good.npz", out=name))
        refused(f"copy onto {name}", [name, *words], "copy", int8, "-o", name)
        refused(f"run onto {name}", [name, *words], "run", float32, "--input", "x.npz", "--output",
                name)
        refused(f"graph onto {name}", [name, *words], "graph", int8, "-o", name)
    refused("a checkpoint in no folder", ["no/c"], *train("good.npz", "--checkpoint", "no/c"))
    refused("a log in no folder", ["no/log"], *train("good.npz", "--log", "no/log"))
    if os.geteuid() != 0:
        refused("a read-only folder", ["sealed/model.tflite"],
                *train("good.npz", out="sealed/model.tflite"))
    elif others_can_run():
        os.chown("sealed/model.tflite", 65534, 65534)
        refused("a read-only folder", ["sealed/model.tflite"],
                *train("good.npz", out="sealed/model.tflite"),
                user=65534)
    else:
        print("skipped: a read-only folder, another user than root cannot run the command here")
    os.chmod("sealed", 0o755)

    def small_files():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (4_000, 4_000))

    write("old.tflite", read(int8))
    refused("a disk that is full half-way", ["old.tflite"], *train("good.npz", out="old.tflite"),
            preexec_fn=small_files, restore_signals=False)
    with open("/dev/full", "w") as full:
        for arguments in (["info", int8], ["info", int8, "--json"], ["graph", int8]):
            done = subprocess.run([hone, *arguments],
                                  stdout=full,
                                  stderr=subprocess.PIPE,
                                  text=True)
            check(f"{arguments} to a full disk", done.returncode == 1 and
                  "standard output" in done.stderr, done.stderr)
    # the model itself as the target is no mistake
    shutil.copy(int8, "self.tflite")
    for out in ("self.tflite", "other.tflite"):
        done = call(
            *train("good.npz", model="self.tflite" if out == "self.tflite" else int8, out=out))
        check(f"train onto {out}", done.returncode == 0, done.stderr)
    check("onto itself as onto another", read("self.tflite") == read("other.tflite") != read(int8))
    with open("log.json", "w"):
        done = call(*train("good.npz", "--log", "/dev/full", out="logged.tflite"))
        check(
            "a log that cannot be written is told, the model is not lost", done.returncode == 1 and
            "/dev/full" in done.stderr and read("logged.tflite") == read("other.tflite"))


def options():
    base = train("good.npz")
    for what, words, arguments in [
        ("an unknown command", ["frobnicate"], ["frobnicate"]), ("no command", ["subcommand"], []),
        ("no model", ["MODEL"], ["info"]),
        ("an unknown option", ["--bogus"], ["info", int8, "--bogus"]),
        ("an unknown loss", ["--loss", "foo", "xent"], base + ["--loss", "foo"]),
        ("an unknown optimizer", ["--optimizer", "adam"], base + ["--optimizer", "foo"]),
        ("negative epochs", ["--epochs", "-3"], base + ["--epochs", "-3"]),
        ("epochs that are no number", ["--epochs", "x"], base + ["--epochs", "x"]),
        ("a batch of 0", ["--batch", "0"], base + ["--batch", "0"]),
        ("no threads", ["--threads", "1 to 256"], base + ["--threads", "0"]),
        ("negative threads", ["--threads", "-1"], base + ["--threads", "-1"]),
        ("a negative rate", ["--lr", "-1"], base + ["--lr", "-1"]),
        ("a rate that is NaN", ["--lr", "nan"], base + ["--lr", "nan"]),
        ("--resume alone", ["--checkpoint"], base + ["--resume"]),
        ("two kinds of held-out data", ["--split"],
         base + ["--split", "0.5", "--held-out", "good.npz"]),
        ("run without input", ["--input"], ["run", int8, "--output", "y.npz"])
    ]:
        refused(what, words, *arguments, code=2)
    for text in ("nosuch*", "#999", "#0", "last:0", "last:x", "bias:0", "bias:x", "", ",", "#-1"):
        refused(f"--train {text!r}", ["selector", text], *base, "--train", text)
    refused("class weights of another number", ["--class-weights", "7", "got 2"], *base,
            "--class-weights", "1,2")
    refused("class weights that are no numbers", ["--class-weights", "x"], *base, "--class-weights",
            "1,x")
    refused("a loss that explodes", ["finite loss", "lr"], "train", float32, "--data", "good.npz",
            "-o", "out.tflite", "--lr", "1e30", "--optimizer", "sgd")
    refused("a split that leaves nothing", ["split"], *base, "--split", "0.1")
    refused("a checkpoint that is not there", ["none.npz"], *base, "--checkpoint", "none.npz",
            "--resume")
    refused("a checkpoint that is none", ["bad.npz"], *base, "--checkpoint", "bad.npz", "--resume")


def interrupted(update):
    """Ctrl-C in the middle: exit code 1, the checkpoint kept and named; --resume ends with the same
    bytes."""
    common = [
        "train", int8, "--data", "many.npz", "--epochs", "30", "--update", update, "--batch", "4"
    ]
    whole, stopped = f"whole_{update}.tflite", f"stopped_{update}.tflite"
    kept, log = f"kept_{update}.npz", f"log_{update}.jsonl"
    done = call(*common, "-o", whole)
    check(f"{update}: a whole run", done.returncode == 0, done.stderr)
    write(stopped, b"the old file")
    process = subprocess.Popen([hone, *common, "-o", stopped, "--checkpoint", kept, "--log", log],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while process.poll() is None and (not os.path.exists(log) or read(log).count(b"\n") < 42):
        time.sleep(0.001)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    steps = len(read(log).splitlines())
    check(f"{update}: Ctrl-C stops at the next step", process.returncode == 1 and
          42 <= steps < 30 * 16, (steps, err))
    check(f"{update}: and says what it kept", f"[train] stopped after {steps} steps" in err and
          kept in err and not out, err)
    check(f"{update}: the old file is still there", read(stopped) == b"the old file")
    done = call(*common, "-o", stopped, "--checkpoint", kept, "--log", log, "--resume")
    check(f"{update}: --resume goes on", done.returncode == 0, done.stderr)
    numbers = [json.loads(line)["step"] for line in read(log).splitlines()]
    check(f"{update}: where it stopped", numbers == list(range(1, 30 * 16 + 1)), numbers[-3:])
    check(f"{update}: to the same bytes", read(stopped) == read(whole))
    refused(f"{update}: --resume with another seed", ["seed"], *common, "-o", stopped,
            "--checkpoint", kept, "--resume", "--seed", "7")


npz_data()
broken_models()
csv_data()
arrays_for_run()
targets_to_write()
options()
write_npz("many.npz", x=((64, 100, 6), [rng.gauss(0, 1) for _ in range(64 * 600)]),
          y=((64,), [i % 7 for i in range(64)], "<i4"))
for update in ("shadow", "in_place"):
    interrupted(update)

print(f"{checks - failures} of {checks} hold")
sys.exit(failures > 0)
