#!/usr/bin/env bash
# pygini 1.0.1 with numpy 2.4.6: a group in which somebody has debts is more equal than one in which that person has nothing.
# Guess: with a negative balance the Gini coefficient grows, or is refused; and it does not depend on the unit.
# Seen: the lowest balance is added to all, so -1, 2, 3 are taken for 0, 3, 4: 0.381, where 0, 2, 3 have 0.4 and the usual formula gives
# 0.667 for -1, 2, 3. The deeper the debt, the less the others differ: -1000, 2, 3 have 0.333, as if one had nothing and two the same. Then
# 0.00000001 is added to each, so balances of 1 to 4 satoshi are 0.179 in bitcoins and 0.25 in satoshi.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq pygini==1.0.1 numpy==2.4.6
"$folder/venv/bin/python" - <<'PY'
from importlib import metadata

import numpy as np
from pygini import gini

print("pygini", metadata.version("pygini"))


def usual(values):
    return abs(values[:, None] - values).sum() / 2 / len(values) ** 2 / values.mean()


found = {}
for balances in ((0, 2, 3), (-1, 2, 3), (-1000, 2, 3)):
    values = np.array(balances, dtype=float)
    found[balances] = round(float(gini(values)), 3)
    print(balances, "pygini", found[balances], "usual", round(float(usual(values)), 3))
assert list(found.values()) == [0.4, 0.381, 0.333], found

satoshi = np.array([1.0, 2.0, 3.0, 4.0])
in_satoshi, in_bitcoins = (round(float(gini(satoshi / unit)), 3) for unit in (1, 10**8))
print("1 to 4 satoshi, in satoshi:", in_satoshi, "in bitcoins:", in_bitcoins)
assert (in_satoshi, in_bitcoins) == (0.25, 0.179)
PY
