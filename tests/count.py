"""Adds up the results of meson's runs and closes with one line: `N passed, M failed, K skipped`.

usage: count.py BUILD_FOLDER...   Exit code 1 where anything failed or nothing ran.
"""
import sys
import xml.etree.ElementTree as xml

passed = failed = skipped = 0
for folder in sys.argv[1:]:
    for case in xml.parse(f"{folder}/meson-logs/testlog.junit.xml").iter("testcase"):
        if case.find("failure") is not None or case.find("error") is not None:
            failed += 1
        elif case.find("skipped") is not None or case.get("status") == "notrun":
            skipped += 1
        else:
            passed += 1
print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
sys.exit(failed > 0 or passed == 0)
