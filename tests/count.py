"""Adds up the results of meson's runs, says why tests were skipped, and closes with one line:
`N passed, M failed, K skipped`.

usage: count.py BUILD_FOLDER|JUNIT_FILE...   A folder counts with every setup that its tests ran
with.  Exit code 1 where anything failed or nothing ran.
"""
import collections
import pathlib
import sys
import xml.etree.ElementTree as xml



def reason(case):
    """What a skipped test said last."""
    skip, output = case.find("skipped"), case.find("system-out")
    said = skip.get("message", "") if skip is not None else ""
    said = said or (output.text if output is not None else "") or ""
    return (said.strip().splitlines() or ["it gave no reason"])[-1]


passed = failed = 0
skipped = collections.Counter()
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
            skipped[f"{case.get('name')}: {reason(case)}"] += 1
        else:
            passed += 1
for test, times in skipped.items():
    print("skipped:", test, f"({times} times)" if times > 1 else "")
rest = f", {skipped.total()} skipped" if skipped else ""
print(f"{passed} passed, {failed} failed{rest}")
sys.exit(failed > 0 or passed == 0)
