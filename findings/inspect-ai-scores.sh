#!/usr/bin/env bash
# inspect_ai 0.3.285: an answer that is no number counts as wrong, and one sample is certain.
# Guess: a score that cannot be read is an error, or is left out and counted apart; the standard error of one sample is unknown.
# Seen: "50%", "1/2", "correct", "c" and None become 0.0 by a line in the log, while "yes" and "true" are 1.0; so a judge that answers in
# another form than was agreed lowers the accuracy. `stderr()` and `std()` of one sample are 0, an interval of no width.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq inspect-ai==0.3.285
"$folder/venv/bin/python" - <<'PY'
import logging
from importlib.metadata import version

from inspect_ai.scorer import SampleScore, Score, accuracy, std, stderr, value_to_float

print("inspect_ai", version("inspect-ai"))
logging.disable()
read = value_to_float()
answers = ["C", "P", "yes", "50%", "1/2", "correct", "c", None]
found = [read(each) for each in answers]
print(dict(zip(answers, found)))
assert found == [1.0, 0.5, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0]


def scored(*values):
    return [SampleScore(score=Score(value=value)) for value in values]


print("accuracy of C, correct:", accuracy()(scored("C", "correct")))
assert accuracy()(scored("C", "correct")) == 0.5
one = stderr()(scored(1.0)), std()(scored(1.0))
print("standard error and deviation of one sample:", *one)
assert one == (0, 0)
PY
