#!/usr/bin/env bash
# pyreadr 0.5.8: times in a file for R are texts without their time zone and their fraction of a second.
# Guess: a column of instants becomes R's POSIXct, a number of seconds in UTC; at worst a text with its offset.
# Seen: half past one in UTC and half past one at +02:00, two hours apart, are the same text in the file, and events a quarter
# and three quarters into a second are too. Events of a log have to be written as seconds or nanoseconds in a number column of
# their own, with the order of events beside it.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq pyreadr==0.5.8 pandas==3.1.1 numpy==2.4.6
"$folder/venv/bin/python" - "$folder" <<'PY'
import sys

import pandas as pd
import pyreadr

path, seen = f"{sys.argv[1]}/events.rds", []
for zone in ("Z", "+02:00"):
    times = pd.to_datetime(pd.Series([f"2026-03-29T01:30:00.{part}{zone}" for part in ("250", "750")]))
    pyreadr.write_rds(path, pd.DataFrame({"time": times}))
    seen.append(pyreadr.read_r(path)[None]["time"].tolist())
print(seen)
assert seen == [["2026-03-29 01:30:00"] * 2] * 2
PY
