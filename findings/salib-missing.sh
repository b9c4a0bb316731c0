#!/usr/bin/env bash
# SALib 1.6.0 with numpy 2.4.6: one run without a result makes Sobol's method say that no parameter matters.
# Guess: an analysis of outputs of which one is NaN raises, or gives NaN, as the other methods of the library do.
# Seen: all first-order and total indices are 0.0, with intervals of width 0.0 and without a warning, which is also the
# answer for a model that is constant; without the NaN the parameter that makes 99 % of the variance has an index of 0.99.
# `morris` gives masked values, `rbd_fast` and `delta` NaN. A batch in which one market never traded reads as a robust result.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq SALib==1.6.0 numpy==2.4.6 scipy==1.17.1 pandas==3.1.1
"$folder/venv/bin/python" -W error - <<'PY'
from importlib import metadata

import numpy
from SALib.analyze import rbd_fast, sobol
from SALib.sample import latin
from SALib.sample import sobol as saltelli

print("SALib", metadata.version("SALib"))
problem = {"num_vars": 2, "names": ["tax", "patience"], "bounds": [[0, 1], [0, 1]]}


def run(sample, missing):
    results = 10 * sample[:, 0] + sample[:, 1]
    if missing:
        results[5] = numpy.nan
    return results


sample = saltelli.sample(problem, 1024, calc_second_order=False, seed=1)
for missing in (False, True):
    found = sobol.analyze(problem, run(sample, missing), calc_second_order=False, seed=1)
    print("one missing" if missing else "all there", {key: value.round(2).tolist() for key, value in found.items()})
    assert found["ST"].round(2).tolist() == ([0, 0] if missing else [0.99, 0.01])
    assert not missing or not any(value.any() for value in found.values())
sample = latin.sample(problem, 200, seed=1)
other = rbd_fast.analyze(problem, sample, run(sample, True), seed=1)["S1"]
print("rbd_fast:", other)
assert numpy.isnan(other).all()
PY
