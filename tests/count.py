"""Adds up the results of meson's runs and closes with one line: `N passed, M failed, K skipped`.

usage: count.py BUILD_FOLDER|JUNIT_FILE...   A folder counts with every setup that its tests ran
with.  Exit code 1 where anything failed or nothing ran.
"""
import pathlib
import sys
import xml.etree.ElementTree as xml

passed = failed = skipped = 0
for argument in map(pathlib.Path, sys.argv[1:]):
    logs = [argument]
    if argument.is_dir():
        logs = sorted(argument.glob("meson-logs/testlog*.junit.xml"))
    if not logs:
        sys.exit(f"{argument}: expected the log of a run of its tests, got none")
    for case in (case for log in logs for case in xml.parse(log).iter("testcase")):
        if case.find("failure") is not None or case.find("error") is not None:
            failed += 1
        elif case.find("skipped") is not None or case.get("status") == "notrun":
            skipped += 1
        else:
            passed += 1
print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
sys.exit(failed > 0 or passed == 0)
