#!/usr/bin/env bash
# pyreadstat 1.3.7: files for Stata, SPSS and SAS change large integers without a word.
# Guess: formats without 64-bit integers refuse those that they cannot hold, or the writer warns, as pandas does.
# Seen: pyreadstat writes 2**53 + 1 as 2**53 into .dta, .sav and .xpt, and says nothing; yet it refuses an int32 of 2**31 - 1 in .dta.
# pandas 3.1.1's own `to_stata` warns of the same number. Balances in millionths of a credit belong into two columns, or texts.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq pyreadstat==1.3.7 pandas==3.1.1 numpy==2.4.6
"$folder/venv/bin/python" - "$folder" <<'PY'
import sys
import warnings

import pandas as pd
import pyreadstat

folder, large = sys.argv[1], 2**53 + 1
frame = pd.DataFrame({"micros": [large]})
for kind, write, read in (
    ("dta", pyreadstat.write_dta, pyreadstat.read_dta),
    ("sav", pyreadstat.write_sav, pyreadstat.read_sav),
    ("xpt", pyreadstat.write_xport, pyreadstat.read_xport),
):
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        write(frame, f"{folder}/a.{kind}")
        back = read(f"{folder}/a.{kind}")[0].iloc[0, 0]
    print("pyreadstat", kind, int(back), [str(each.message) for each in told])
    assert int(back) == large - 1
    assert not told
try:
    pyreadstat.write_dta(pd.DataFrame({"micros": pd.Series([2**31 - 1], dtype="int32")}), f"{folder}/b.dta")
    raise SystemExit("an int32 of 2**31 - 1 was written")
except pyreadstat.ReadstatError as error:
    print("int32 of 2**31 - 1:", error)
with warnings.catch_warnings(record=True) as told:
    warnings.simplefilter("always")
    frame.to_stata(f"{folder}/c.dta", write_index=False)
print("pandas", len(told), "warning")
assert len(told) == 1
PY
