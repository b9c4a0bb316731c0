#!/usr/bin/env bash
# concentrationMetrics 0.6.0 with numpy 2.4.6: a market that one seller owns, and one of equal sellers, have the same Theil index.
# Guess: Theil's index of a market of four with one seller is ln 4, its largest value; shares of nought add nothing to it.
# Seen: it is 0.0, the value of four equal sellers, for shares of nought are taken out before the sellers are counted; with a
# thousandth left to each of the others it is 1.38, and the Gini coefficient of the same object says 0.75. A market that
# is left with one seller counts as equal. Nor is `hhi` the Herfindahl-Hirschman index, but that index put on a scale from 0 to 1: it is 0
# for four equals, not 0.25.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq concentrationMetrics==0.6.0 numpy==2.4.6
"$folder/venv/bin/python" -W ignore - <<'PY'
from importlib import metadata

import concentrationMetrics
import numpy as np

print("concentrationMetrics", metadata.version("concentrationMetrics"))
index = concentrationMetrics.Index()
found = {}
for name, sales in {"equal": [1, 1, 1, 1], "one seller": [0, 0, 0, 4], "nearly one": [0.001, 0.001, 0.001, 3.997]}.items():
    shares = np.array(sales, float) / sum(sales)
    found[name] = tuple(round(float(each), 3) for each in (index.theil(shares), index.gini(shares), index.hhi(shares)))
    print(f"{name}: Theil {found[name][0]}, Gini {found[name][1]}, hhi {found[name][2]}")
assert found["equal"] == (0, 0, 0), found
assert found["one seller"] == (0, 0.75, 1), found
assert found["nearly one"][0] > 1.3, found
PY
