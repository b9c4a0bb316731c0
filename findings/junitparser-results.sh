#!/usr/bin/env bash
# junitparser 5.0.3: a suite of one test has two failures, and two runs of a suite become one.
# Guess: `tests` and `failures` count test cases, so that failures never exceed tests; files that are added keep their suites apart.
# Seen: a case with two <failure> elements counts as two failures of one test, a pass rate of -100 %; adding two files whose suites have the same
# name merges them into one suite with each case twice. Repeats of a benchmark that are put together by `+` lose which run a case was of. Count
# cases by `is_passed`, and name suites by their run.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq junitparser==5.0.3
"$folder/venv/bin/python" - <<'PY'
from importlib.metadata import version

from junitparser import JUnitXml, TestSuite

print("junitparser", version("junitparser"))
text = """<testsuite name="market" tests="1"><testcase name="clears">
<failure message="price"/><failure message="quantity"/></testcase></testsuite>"""
suite = TestSuite.fromstring(text)
suite.update_statistics()
[case] = suite
print(f"{suite.tests} test, {suite.failures} failures, passed: {case.is_passed}")
assert (suite.tests, suite.failures, case.is_passed) == (1, 2, False)
file = f"<testsuites>{text}</testsuites>"
both = JUnitXml.fromstring(file) + JUnitXml.fromstring(file)
names = [[case.name for case in each] for each in both]
print("two files added:", len(names), "suite with cases", *names)
assert names == [["clears", "clears"]]
PY
