#!/usr/bin/env bash
# IneqPy 0.4.1 with numpy 2.4.6 and pandas 3.1.1: the Hoover index says that all is equal where one owns everything, and the reverse.
# Guess: an index of inequality is 0 for equals and near 1 for one owner; the formula of the function's own help gives 0.2 for 1, 2, 3, 4.
# Seen: three equals have 1.0, one owner among three has 0.0, and 1 to 4 have 1.5, for the share of each is compared with the mean in
# place of its income. Weights do not stand for repeats either: the Gini coefficient of 1 and 3, two of each, is 0.5 as weights and 0.33 as
# four rows, since it is corrected for the number of rows, of which the help says nothing. Atkinson's and Theil's indices of one
# owner are 0.0 as well, for incomes of nought are left out. Only Gini ranks the three groups rightly.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq IneqPy==0.4.1 numpy==2.4.6 pandas==3.1.1
"$folder/venv/bin/python" -W ignore - <<'PY'
from importlib import metadata

import numpy as np
from ineqpy import inequality

print("IneqPy", metadata.version("IneqPy"))
groups = {"three equals": [5, 5, 5], "one owner of three": [0, 0, 10], "1 to 4": [1, 2, 3, 4]}
found = {}
for name, incomes in groups.items():
    values = np.array(incomes, dtype=float)
    right = abs(values - values.mean()).sum() / 2 / values.sum()
    found[name] = [round(float(getattr(inequality, index)(values)), 2) for index in ("hoover", "gini", "atkinson", "theil")]
    print(f"{name}: Hoover, Gini, Atkinson, Theil", found[name], "Hoover by its formula", round(right, 2))
assert found["three equals"] == [1, 0, 0, 0]
assert found["one owner of three"] == [0, 1, 0, 0]
assert found["1 to 4"][:2] == [1.5, 0.33]

weighted = inequality.gini(np.array([1.0, 3.0]), np.array([2.0, 2.0]))
repeated = inequality.gini(np.array([1.0, 1.0, 3.0, 3.0]))
print("Gini of 1 and 3, two of each, by weights and by rows:", round(weighted, 2), round(repeated, 2))
assert (round(weighted, 2), round(repeated, 2)) == (0.5, 0.33)
PY
