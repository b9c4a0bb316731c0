#!/usr/bin/env bash
# duckdb 2.0.1, polars 2.1.0, pyarrow 26.0.1: mean and median of the same two decimals come back as three different numbers.
# Guess: between 0.01 and 0.02 lies 0.015; an engine of decimals says so, as a decimal with one more digit or as a double.
# Seen: pyarrow rounds the mean to the column's own digits, 0.02, also in `group_by`; duckdb cuts the median to them, 0.01,
# while its mean is a double, 0.015; polars says 0.015 for both. The typical fee of a market differs by half a cent in each
# direction, and nothing warns.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq duckdb==2.0.1 polars==2.1.0 pyarrow==26.0.1
"$folder/venv/bin/python" - <<'PY'
from decimal import Decimal

import duckdb
import polars
import pyarrow
import pyarrow.compute

fees = [Decimal("0.01"), Decimal("0.02")]
values = "(VALUES (0.01::DECIMAL(18,2)), (0.02)) AS t(fee)"
table = pyarrow.table({"market": [1, 1], "fee": fees})
found = {
    "duckdb": duckdb.execute(f"SELECT avg(fee), median(fee) FROM {values}").fetchone(),
    "polars": (polars.Series(fees).mean(), polars.Series(fees).median()),
    "pyarrow": (
        pyarrow.compute.mean(table["fee"]).as_py(),
        pyarrow.compute.quantile(table["fee"], q=0.5)[0].as_py(),
    ),
}
for module in (duckdb, polars, pyarrow):
    print(module.__name__, module.__version__, "mean and median:", *found[module.__name__])
assert found["duckdb"] == (0.015, Decimal("0.01")), found
assert found["polars"] == (0.015, 0.015), found
assert found["pyarrow"] == (Decimal("0.02"), 0.015), found

[grouped] = table.group_by("market").aggregate([("fee", "mean")]).to_pylist()
assert grouped["fee_mean"] == Decimal("0.02"), grouped
PY
