#!/usr/bin/env bash
# quantecon 0.11.4, numpy 2.4: the Gini coefficient of an integer array is added up in the array's own integers.
# Guess: integer input gives what the same numbers give as floats, or an error.
# Seen: 10 000 balances of up to a million credits in integer micro-credits give a coefficient outside [0, 1], without
# a warning; the same balances as floats give 0.333. A table of zeros raises ZeroDivisionError instead of 0 or NaN.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq quantecon==0.11.4 numpy==2.4.6
"$folder/venv/bin/python" - <<'PY'
import numpy
import quantecon

balances = numpy.arange(1, 10_001, dtype=numpy.int64) * 100_000_000
whole, real = quantecon.gini_coefficient(balances), quantecon.gini_coefficient(balances.astype(float))
print("quantecon", quantecon.__version__, "numpy", numpy.__version__)
print("as integers", whole, "as floats", real)
assert abs(real - 0.3333) < 0.001, real
assert not 0 <= whole <= 1, whole
try:
    quantecon.gini_coefficient(numpy.zeros(3))
except ZeroDivisionError as error:
    print("all zeros:", error)
else:
    raise AssertionError("a table of zeros has a coefficient")
PY
