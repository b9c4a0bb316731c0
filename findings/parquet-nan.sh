#!/usr/bin/env bash
# pyarrow 26.0.1, duckdb 2.0.1: rows with NaN in a Parquet file of pyarrow's cannot be found, not even by asking for NaN.
# Guess: the smallest and largest value that a file keeps of each column speed a search up and never change its result.
# Seen: pyarrow leaves NaN out of both numbers, so a group of rows with 1.5 and NaN says 1.5 to 1.5. Then `is_nan` finds
# nothing in the file, in pyarrow as in duckdb, and nor does `!= 1.5`; the same filters find the row in memory, and in a file
# without these statistics. polars 2.1.0 finds it, as does duckdb in its own files. Measures that failed, written as NaN,
# look as if there were none; they should be NULL.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq pyarrow==26.0.1 duckdb==2.0.1 polars==2.1.0
cd "$folder"
venv/bin/python - <<'PY'
import duckdb
import polars
import pyarrow
from pyarrow import compute, parquet

for module in (pyarrow, duckdb, polars):
    print(module.__name__, module.__version__)
table = pyarrow.table({"gini": [1.5, float("nan")]})
parquet.write_table(table, "pyarrow.parquet")
parquet.write_table(table, "plain.parquet", write_statistics=False)
duckdb.execute("COPY (SELECT * FROM 'plain.parquet') TO 'duckdb.parquet'")
is_nan, differs = compute.is_nan(compute.field("gini")), compute.field("gini") != 1.5


def rows(name):
    """Return how many rows are NaN, and how many differ from 1.5: by pyarrow, duckdb and polars."""
    query = f"SELECT count(*) FROM '{name}' WHERE isnan(gini)"
    other = f"SELECT count(*) FROM '{name}' WHERE gini != 1.5"
    column = polars.col("gini")
    found = (
        tuple(parquet.read_table(name, filters=each).num_rows for each in (is_nan, differs)),
        (duckdb.execute(query).fetchone()[0], duckdb.execute(other).fetchone()[0]),
        tuple(polars.scan_parquet(name).filter(each).collect().height for each in (column.is_nan(), column != 1.5)),
    )
    print(f"{name:16} pyarrow {found[0]}, duckdb {found[1]}, polars {found[2]}")
    return found


in_memory = table.filter(is_nan).num_rows, table.filter(differs).num_rows
print("in memory        pyarrow", in_memory)
assert in_memory == (1, 1)
assert rows("pyarrow.parquet") == ((0, 0), (0, 0), (1, 1))
assert rows("plain.parquet") == ((1, 1), (1, 1), (1, 1))
assert rows("duckdb.parquet") == ((1, 1), (1, 1), (1, 1))
PY
