#!/usr/bin/env bash
# duckdb 2.0.1: half a credit becomes a whole one or none, by the type in which it comes.
# Guess: casts to an integer follow one rule, whatever the number was written as, and it is the rule of `round`.
# Seen: 2.5 becomes 3 as a DECIMAL and as a text, but 2 as a DOUBLE, which goes to the even neighbour, although `round` of
# the DOUBLE is 3. A plain 2.5 in a query is a DECIMAL, one from JSON or Parquet mostly a DOUBLE: the expression that was
# tried at the prompt gives other sums on the data.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq duckdb==2.0.1
printf '{"amount": 0.5}\n{"amount": 2.5}\n{"amount": 4.5}\n' >"$folder/amounts.json"
"$folder/venv/bin/python" - "$folder/amounts.json" <<'PY'
import sys

import duckdb

print("duckdb", duckdb.__version__)
for query, seen in (
    ("SELECT 2.5::BIGINT", 3),
    ("SELECT '2.5'::BIGINT", 3),
    ("SELECT 2.5::DOUBLE::BIGINT", 2),
    ("SELECT round(2.5::DOUBLE)::BIGINT", 3),
    ("SELECT sum(amount::BIGINT)::BIGINT FROM (VALUES (0.5), (2.5), (4.5)) AS t(amount)", 9),
    (f"SELECT sum(amount::BIGINT)::BIGINT FROM '{sys.argv[1]}'", 6),
):
    [found] = duckdb.execute(query).fetchone()
    print(query.replace(sys.argv[1], "amounts.json"), "->", found)
    assert found == seen, (query, found)
PY
