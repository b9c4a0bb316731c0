#!/usr/bin/env bash
# pyjstat 2.4.0 with pandas 3.1.1: a table that is not sorted goes into JSON-stat with its values at other places.
# Guess: rows are put where their categories say, in whatever order they come; a combination without a row is null.
# Seen: values are written in the order of the rows, while readers go by the order of the categories. Of four rows sorted by
# good, two come back with each other's value; of three, with south and wheat missing, that cell has the value of south and oats for who
# asks for it, and the table cannot be read back. Nothing warns. The frame has to be complete and sorted before.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq pyjstat==2.4.0 pandas==3.1.1 numpy==2.4.6
"$folder/venv/bin/python" - <<'PY'
from importlib import metadata

import pandas
from pyjstat.pyjstat import Dataset

print("pyjstat", metadata.version("pyjstat"), "pandas", pandas.__version__)
rows = [("north", "wheat", 1), ("north", "oats", 2), ("south", "wheat", 3), ("south", "oats", 4)]
trades = pandas.DataFrame(rows, columns=["market", "good", "value"])


def told(frame):
    read = Dataset.read(Dataset.read(frame).write()).write("dataframe")
    return {(market, good): value for market, good, value in read.itertuples(index=False)}


meant = {(market, good): value for market, good, value in rows}
assert told(trades) == meant
shuffled = told(trades.iloc[[0, 2, 1, 3]])
print("rows sorted by good:", shuffled)
assert shuffled == meant | {("north", "oats"): 3, ("south", "wheat"): 2}

sparse = Dataset.read(trades.iloc[[0, 1, 3]])
absent = sparse.get_value([{"market": "south"}, {"good": "wheat"}])
print("south, wheat, which has no row:", absent)
assert absent == meant["south", "oats"]
try:
    raise SystemExit(f"read back: {sparse.write('dataframe')}")
except IndexError as error:
    print("read back: IndexError:", error)
PY
