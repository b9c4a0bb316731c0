#!/usr/bin/env bash
# rtamt 0.4.10: where a log ends before a deadline does, the deadline counts as missed; where a bound begins after the end, `always`
# holds without limit and `eventually` fails without limit.
# Guess: a request two ticks before the end of a log, which may be answered within three, is undecided, or at least told apart from one
# that was not answered; a bound that lies outside the log altogether is refused.
# Seen: a log cut before the deadline has the robustness of a missed deadline, -1; of four values, `always[5:10]` is plus
# infinity and `eventually[5:10]` minus infinity at each place, without a warning. A log that is still being written, or was cut, has to be
# judged up to the last place whose deadline it reaches.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq rtamt==0.4.10
"$folder/venv/bin/python" - <<'PY'
from importlib.metadata import version
from math import inf

import rtamt

WITHIN = "always((request >= 1) implies (eventually[1:3](answer >= 1)))"
LOG = [(0, 0), (0, 0), (2, 0), (0, 0), (0, 0), (0, 2)]
"""Requests and answers at ticks 0 to 5: a request at 2, its answer at 5."""


def robustness(formula, log):
    """Return how far the formula holds at each tick, below zero where it does not."""
    found = rtamt.StlDiscreteTimeSpecification()
    for name in ("request", "answer"):
        found.declare_var(name, "float")
    found.spec = formula
    found.parse()
    requests, answers = zip(*log, strict=True)
    told = found.evaluate({"time": list(range(len(log))), "request": list(requests), "answer": list(answers)})
    return [value for _, value in told]


print("rtamt", version("rtamt"))
answered, cut = robustness(WITHIN, LOG)[0], robustness(WITHIN, LOG[:4])[0]
missed = robustness(WITHIN, [*LOG[:5], (0, 0), (0, 0)])[0]
print("answered", answered, "cut after one tick", cut, "never answered", missed)
assert (answered, cut, missed) == (1.0, -1.0, -1.0)
always, eventually = (robustness(f"{form}[5:10](answer >= 1)", LOG[:4]) for form in ("always", "eventually"))
print("bounds after the end: always", always, "eventually", eventually)
assert always == [inf] * 4 and eventually == [-inf] * 4
PY
