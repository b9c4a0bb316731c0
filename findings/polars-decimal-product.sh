#!/usr/bin/env bash
# polars 2.1.0, with duckdb 2.0.1 and pyarrow 26.0.1 beside it: the product of two decimal columns is rounded to the digits
# of the longer one.
# Guess: a product of decimals is exact, with the digits of both factors added up, as in SQL and in Python.
# Seen: 1.99 times a fee of 0.05 is 0.10 in place of 0.0995 and 0.01 times 0.01 is 0.00; the fees of a thousand such trades
# add up to 100.00 in place of 99.50. A quotient has the digits of its operands too: 0.01 / 3 is 0.00. duckdb and pyarrow
# keep 0.0995.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq polars==2.1.0 duckdb==2.0.1 pyarrow==26.0.1
"$folder/venv/bin/python" - <<'PY'
from decimal import Decimal

import duckdb
import polars
import pyarrow
import pyarrow.compute

price, rate, cent = Decimal("1.99"), Decimal("0.05"), Decimal("0.01")
trades = polars.DataFrame({"price": [price] * 1000, "rate": [rate] * 1000})
fees = trades["price"] * trades["rate"]
print("polars", polars.__version__, "fee of a trade", fees[0], "of a thousand", fees.sum())
assert (fees[0], fees.sum()) == (Decimal("0.10"), Decimal("100.00"))
assert (polars.Series([cent]) * polars.Series([cent]))[0] == 0
assert (polars.Series([cent]) / polars.Series([Decimal(3)]))[0] == 0

[exact] = duckdb.execute("SELECT 1.99::DECIMAL(18,2) * 0.05::DECIMAL(18,2)").fetchone()
product = pyarrow.compute.multiply(pyarrow.array([price]), pyarrow.array([rate]))[0].as_py()
print("duckdb", duckdb.__version__, exact, "pyarrow", pyarrow.__version__, product)
assert exact == product == price * rate == Decimal("0.0995")
PY
