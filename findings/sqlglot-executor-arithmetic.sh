#!/usr/bin/env bash
# sqlglot 30.30.0: what its executor computes is Python's arithmetic, not that of the SQL it reads.
# Guess: a query that is executed, and the same query that is translated and run in DuckDB, give the same numbers.
# Seen: ROUND(2.5) is 2 and ROUND(0.125, 2) 0.12, in DuckDB 3 and 0.13; the remainder -7 % 3 is 2, in DuckDB -1. 0.1 + 0.2 is exactly 0.3 as
# constants, and 0.30000000000000004 as columns. Tests of a query that run it here pass with figures that the database never gives.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq sqlglot==30.30.0 duckdb==2.0.1
"$folder/venv/bin/python" - <<'PY'
import duckdb
import sqlglot
from sqlglot.executor import execute

print("sqlglot", sqlglot.__version__, "duckdb", duckdb.__version__)
TABLES = {"t": [{"half": 2.5, "eighth": 0.125, "debt": -7, "a": 0.1, "b": 0.2}]}
VALUES = "(SELECT 2.5::DOUBLE AS half, 0.125::DOUBLE AS eighth, -7 AS debt, 0.1::DOUBLE AS a, 0.2::DOUBLE AS b) AS t"
for query, here, there in (
    ("ROUND(half)", 2, 3),
    ("ROUND(eighth, 2)", 0.12, 0.13),
    ("debt % 3", 2, -1),
    ("debt / 2", -3.5, -3.5),
    ("a + b", 0.1 + 0.2, 0.1 + 0.2),
):
    [(executed,)] = execute(f"SELECT {query} AS x FROM t", tables=TABLES).rows
    text = sqlglot.transpile(f"SELECT {query} AS x", read="duckdb", write="duckdb")[0]
    [(asked,)] = duckdb.execute(f"{text} FROM {VALUES}").fetchall()
    print(f"{query}: executed {executed}, in DuckDB {asked}")
    assert (float(executed), float(asked)) == (here, there)
[(constants,)] = execute("SELECT 0.1 + 0.2 AS x").rows
print("0.1 + 0.2 as constants:", constants)
assert float(constants) == 0.3
PY
