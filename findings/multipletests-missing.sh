#!/usr/bin/env bash
# statsmodels 0.15.0, pingouin 0.7.0, scipy 1.17.1: one missing p-value among several decides what the others are worth.
# Guess: a test that could not be computed (NaN) is left out of the correction, or refused.
# Seen: for 0.001, NaN, 0.03, 0.04 the Benjamini-Hochberg method of statsmodels gives NaN for all four and yet calls the
# first significant, the others not; with Holm's the missing one counts as a test. pingouin leaves it out and calls all three
# significant; scipy raises ValueError. So missing p-values are taken out before the correction.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq statsmodels==0.15.0 pingouin==0.7.0 scipy==1.17.1
"$folder/venv/bin/python" -W ignore - <<'PY'
from importlib import metadata

import numpy
import pingouin
from scipy.stats import false_discovery_control
from statsmodels.stats.multitest import multipletests

print(*(f"{name} {metadata.version(name)}" for name in ("statsmodels", "pingouin", "scipy")))
p_values = [0.001, numpy.nan, 0.03, 0.04]

rejected, corrected = multipletests(p_values, method="fdr_bh")[:2]
print("statsmodels, Benjamini-Hochberg:", rejected, corrected)
assert rejected.tolist() == [True, False, False, False]
assert numpy.isnan(corrected).all()

smallest = multipletests(p_values, method="holm")[1][0]
print("statsmodels, Holm: smallest", smallest)
assert numpy.isclose(smallest, 4 * 0.001)

rejected, corrected = pingouin.multicomp(p_values, method="fdr_bh")
print("pingouin, Benjamini-Hochberg:   ", rejected, corrected)
assert rejected.tolist() == [True, False, True, True]

try:
    false_discovery_control(p_values)
except ValueError as error:
    print("scipy: ValueError:", error)
else:
    raise AssertionError("scipy corrected them")
PY
