#!/usr/bin/env bash
# pingouin 0.7.0: a t-test tells the direction of a difference in `T` and loses it in `cohen_d`.
# Guess: Cohen's d has the sign of T: negative where the first group is lower.
# Seen: T is -1.19 and cohen_d +0.69 for a lower first group; `compute_effsize` of the same two groups is -0.69. With `paired=True` and
# groups of different length the test is that of unpaired groups, by a warning alone, and its table names no pairing. A table of effects that is
# built from `ttest` shows every treatment as a gain. Take d from `compute_effsize`, and count the pairs first.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq pingouin==0.7.0
"$folder/venv/bin/python" - <<'PY'
import warnings
from importlib.metadata import version

import pingouin

print("pingouin", version("pingouin"))
low, high = [1.0, 2, 3], [1.0, 2, 3, 4, 9]
row = pingouin.ttest(low, high).iloc[0]
effect = pingouin.compute_effsize(low, high)
print(f"T {row['T']:.2f}, cohen_d {row['cohen_d']:.2f}, compute_effsize {effect:.2f}")
assert row["T"] < 0 < row["cohen_d"]
assert effect < 0
assert round(row["cohen_d"] + effect, 12) == 0
with warnings.catch_warnings(record=True) as seen:
    warnings.simplefilter("always")
    paired = pingouin.ttest(low, high, paired=True).iloc[0]
print("paired, three beside five:", f"T {paired['T']:.2f}, dof {paired['dof']:.2f},", len(seen), "warnings")
assert paired["T"] == row["T"]
assert paired["dof"] == row["dof"]
PY
