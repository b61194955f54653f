"""clang-format leaves every C++ source as it stands.

usage: format.py SOURCE_ROOT     exit code 77 (skipped) where there is no clang-format 16 or no git
"""
import shutil
import subprocess
import sys

root = sys.argv[1]
tool = shutil.which("clang-format-16")
listing = subprocess.run(["git", "-C", root, "ls-files", "*.cpp", "*.h"], capture_output=True,
                         text=True)
if tool is None or listing.returncode != 0:
    print("skipped:", "git knows no files here" if tool else "clang-format-16 is not there")
    sys.exit(77)
# versions of clang-format differ in what they make of the same style, so it is one version's
done = subprocess.run([tool, "--dry-run", "-Werror", *listing.stdout.split()], cwd=root)
sys.exit(done.returncode != 0)
