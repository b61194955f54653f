"""Installs into a folder of the build, and builds and runs a consumer there with pkg-config and
with CMake.

usage: check.py BUILD PREFIX LIBDIR SOURCE_ROOT MESON... -- COMPILER...
"""
import os
import pathlib
import shutil
import subprocess
import sys

build, prefix, libdir, root = sys.argv[1:5]
split = sys.argv.index("--")
meson, compiler = sys.argv[5:split], sys.argv[split + 1:]
here = pathlib.Path(root) / "tests/install"
staging = pathlib.Path(build) / "install_check"
model = f"{root}/tests/models/har_watch_int8.tflite"


def run(*command, **options):
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, **options)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}")
    return done.stdout


shutil.rmtree(staging, ignore_errors=True)
run(*meson, "install", "-C", build, "--no-rebuild", "--quiet", "--destdir", staging / "tree")
tree = pathlib.Path(f"{staging}/tree{prefix}")
environment = {**os.environ, "LD_LIBRARY_PATH": str(tree / libdir)}


def check(what, program):
    got = run(program, model, env=environment)
    if got != "int8 7\n":
        sys.exit(f'{what}: expected "int8 7", got "{got}"')
    print(f"{what}: {got}", end="")


flags = run("pkg-config", f"--define-variable=prefix={tree}", "--cflags", "--libs", "hone",
            env={**os.environ, "PKG_CONFIG_PATH": str(tree / libdir / "pkgconfig")}).split()
run(*compiler, here / "consumer.cpp", "-o", staging / "consumer", *flags)
check("pkg-config", staging / "consumer")

if shutil.which("cmake"):
    run("cmake", "-G", "Ninja", "-S", here, "-B", staging / "cmake", f"-DCMAKE_PREFIX_PATH={tree}",
        f"-DSOURCE={here / 'consumer.cpp'}", f"-DCMAKE_CXX_COMPILER={compiler[-1]}")
    run("cmake", "--build", staging / "cmake")
    check("CMake", staging / "cmake/consumer")
else:
    print("CMake: not installed, not checked")

run(tree / "bin/hone", "--version", env=environment)
