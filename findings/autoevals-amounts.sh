#!/usr/bin/env bash
# autoevals 0.4.1: an answer of twice the right amount is two thirds right, one that misses nought by a millionth is all wrong.
# Guess: an amount in a JSON answer is right or wrong, as a flag is, or is scored by its relative error, by which twice the amount is no better than nothing.
# Seen: `JSONDiff` scores amounts by `NumericDiff`, which divides the distance by the sum of both: 20 for 10 is 0.67, 101 for 100 is 0.995, 0.000001 for 0
# is 0. A text is compared letter by letter, so 100 as "100" is 0.6, less than 200. False for 0, nothing for null, and 2**53 + 1 for
# 2**53 are 1.0. So an agent's answer whose total is off scores high in an average. Compare amounts on their own, exactly.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq autoevals==0.4.1
"$folder/venv/bin/python" - <<'PY'
from importlib import metadata

from autoevals import JSONDiff

print("autoevals", metadata.version("autoevals"))


def score(answer, right):
    """Return the score of an answer beside the right one, and show it."""
    found = round(JSONDiff().eval(answer, right).score, 3)
    print(answer, "for", right, "is", found)
    return found


assert score({"due": 20}, {"due": 10}) == 0.667
assert score({"due": 101}, {"due": 100}) == 0.995
assert score({"due": 0.000001}, {"due": 0}) == 0
assert score({"due": "100"}, {"due": 100}) == 0.6 < score({"due": 200}, {"due": 100})
assert score({"due": False}, {"due": 0}) == score({}, {"due": None}) == 1
assert score({"due": 2**53 + 1}, {"due": 2**53}) == 1
PY
