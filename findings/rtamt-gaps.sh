#!/usr/bin/env bash
# rtamt 0.4.10: a discrete-time monitor counts rows and not times: an answer seven ticks late is within a bound of two.
# Guess: the list `time` says when each value was, so `eventually[0:2]` at time 2 looks at times 2 to 4; a log that records only ticks
# at which something happened can be judged as it is, or is refused.
# Seen: with values at times 0, 1, 2 and 10, an answer at 10 fulfils `eventually[0:2]` at times 1 and 2, and the counter of
# sampling violations stays at 0; the same values at times 0, 1, 2, 3 get the same answer. The monitor for dense time, on the same
# log, says that the answer was late. Logs of events need a row for every tick, or the monitor for dense time.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq rtamt==0.4.10
"$folder/venv/bin/python" - <<'PY'
from importlib.metadata import version

import rtamt

FORMULA = "eventually[0:2](answer >= 1)"
ANSWERS = [0, 0, 0, 3]


def monitor(kind):
    """Return a monitor of the formula."""
    found = kind()
    found.declare_var("answer", "float")
    found.spec = FORMULA
    found.parse()
    return found


def discrete(*times):
    """Return how far the formula holds at each time, below zero where it does not, and the violations counted."""
    found = monitor(rtamt.StlDiscreteTimeSpecification)
    robustness = found.evaluate({"time": list(times), "answer": ANSWERS})
    return robustness, found.sampling_violation_counter


def dense(*times):
    """Return the same by the monitor for dense time."""
    log = [[float(at), float(answer)] for at, answer in zip(times, ANSWERS, strict=True)]
    return monitor(rtamt.StlDenseTimeSpecification).evaluate(["answer", log])


print("rtamt", version("rtamt"))
even, gap = discrete(0, 1, 2, 3), discrete(0, 1, 2, 10)
print("discrete, an answer at 3:", even)
print("discrete, an answer at 10:", gap)
assert even == ([[0, -1.0], [1, 2.0], [2, 2.0], [3, 2.0]], 0)
assert gap == ([[0, -1.0], [1, 2.0], [2, 2.0], [10, 2.0]], 0)
late = dense(0, 1, 2, 10)
print("dense, an answer at 10:", late)
assert late[0] == [0, -1.0]
PY
