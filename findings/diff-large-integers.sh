#!/usr/bin/env bash
# deepdiff 9.1.0, dictdiffer 0.10.0: two ledgers whose balances differ by one are without a difference, if the balances are
# large.
# Guess: integers are compared exactly; tolerances are for floats, and allowing 1 == 1.0 does not change what two integers
# are.
# Seen: dictdiffer finds nothing between 10**17 and 10**17 + 1, with `tolerance=0` neither, for it compares integers as
# floats. deepdiff finds it, but not with `ignore_numeric_type_changes=True`, where both go through a float too. Balances in
# millionths of a credit reach such sizes. Plain `==` finds both.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq deepdiff==9.1.0 dictdiffer==0.10.0
"$folder/venv/bin/python" - <<'PY'
from importlib import metadata

from deepdiff import DeepDiff
from dictdiffer import diff

print(*(f"{name} {metadata.version(name)}" for name in ("deepdiff", "dictdiffer")))
for balance, hidden in ((10**6, False), (10**17, True)):
    before, after = {"ann": balance}, {"ann": balance + 1}
    assert before != after
    found = {
        "dictdiffer": list(diff(before, after)),
        "dictdiffer, tolerance=0": list(diff(before, after, tolerance=0)),
        "deepdiff": DeepDiff(before, after),
        "deepdiff, ignore_numeric_type_changes": DeepDiff(before, after, ignore_numeric_type_changes=True),
    }
    for name, differences in found.items():
        print(f"{balance:.0e} and one more, {name}:", "a difference" if differences else "no difference")
    assert [not each for each in found.values()] == [hidden, hidden, False, hidden], found
PY
