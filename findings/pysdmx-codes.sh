#!/usr/bin/env bash
# pysdmx 1.21.0 with pandas 3.1.1: the code of a good in an SDMX-CSV file depends on the other rows, and rows to delete are not there.
# Guess: codes are texts and stay as they are, as in SDMX-ML; all columns that come back are of type text, so nothing was made a number;
# rows whose action is to delete come apart, or with their action.
# Seen: 01 and 1, two codes, are both 1 if all codes of the column look like numbers, and stay 01 and 1 once one row has a
# letter. The texts of values went through floats too: 9007199254740993 is "9007199254740992.0" beside a 1.10, which is "1.1";
# with one value missing both keep their digits. Of a file with one row to add and one to delete the latter is dropped without a word: who
# applies it keeps what the office has withdrawn. Codes of regions and of goods (postal, NUTS, COICOP, HS) begin with noughts.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq "pysdmx[data]==1.21.0" pandas==3.1.1
"$folder/venv/bin/python" - "$folder" <<'PY'
import sys
from importlib import metadata
from pathlib import Path

from pysdmx.io import read_sdmx

file = Path(sys.argv[1], "prices.csv")
print("pysdmx", metadata.version("pysdmx"), "pandas", metadata.version("pandas"))


def read(*rows):
    lines = [f"dataflow,A:PRICES(1.0),{action},{good},2026-M01,{value}" for action, good, value in rows]
    file.write_text("\n".join(["STRUCTURE,STRUCTURE_ID,ACTION,GOOD,TIME_PERIOD,OBS_VALUE", *lines, ""]))
    (prices,) = read_sdmx(str(file)).data
    found = [tuple(row) for row in prices.data[["GOOD", "OBS_VALUE"]].itertuples(index=False)]
    print(*rows, "->", *found, prices.action)
    return found


large = 2**53 + 1
assert read(("I", "01", "1.10"), ("I", "1", large)) == [("1", "1.1"), ("1", f"{large - 1}.0")]
assert read(("I", "01", "1.10"), ("I", "1A", "")) == [("01", "1.10"), ("1A", "")]
assert read(("I", "01", ""), ("I", "1", large)) == [("1", ""), ("1", str(large))]
assert read(("I", "A1", "2"), ("D", "A2", "3")) == [("A1", "2")]
PY
