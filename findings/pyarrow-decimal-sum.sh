#!/usr/bin/env bash
# pyarrow 26.0.1: the sum of a Decimal128 column that outgrows 38 digits comes back as another number, negative.
# Guess: decimals are the safe type, so a sum that does not fit raises or becomes wider.
# Seen: three amounts of 38 nines add up to about -4.0e37 without an error; `pc.add` of two such
# columns raises ArrowInvalid. The sum of an int64 column wraps too, while `mean` of the same column is right.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq pyarrow==26.0.1
"$folder/venv/bin/python" - <<'PY'
from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc

print("pyarrow", pa.__version__)
amounts = pa.array([Decimal("9" * 38)] * 3, pa.decimal128(38, 0))
total = pc.sum(amounts)
print("sum of three", amounts[0], "->", total, total.type)
assert total.as_py() < 0, total
try:
    pc.add(amounts, amounts)
except pa.ArrowInvalid as error:
    print("pc.add raises", error)
else:
    raise AssertionError("pc.add widens or wraps")
units = pa.array([2**62] * 3)
print("sum of three", 2**62, "->", pc.sum(units), "mean", pc.mean(units))
assert pc.sum(units).as_py() == -(2**62) and pc.mean(units).as_py() == 2.0**62
PY
