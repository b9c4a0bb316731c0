#!/usr/bin/env bash
# vtlengine 1.9.6 with pandas 3.1.1: two weeks of a long year become one, and its last week is added to January.
# Guess: `timeshift` by one week puts 53 of 2026, which has 53, into 1 of 2027, and no two rows into one period; sums by month
# or quarter give a week to the month in which it begins or ends.
# Seen: 2026W52 moves to 2027W1, 2026W53 and 2027W1 both to 2027W2: two rows of a data set have the same identifier, and nobody is
# told. The last two days of a leap year fare alike. `time_agg` takes the month of a week's last day and the year of its name: 2026W53,
# which ends on 3 January 2027, counts in 2026M1 and 2026Q1, and the last day of 2024, of week 1 of 2025, in 2024W1. Years
# of 52 weeks are shifted rightly, so a test on an ordinary year shows nothing.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq vtlengine==1.9.6 pandas==3.1.1
"$folder/venv/bin/python" -W ignore - <<'PY'
from importlib import metadata

import pandas as pd
from vtlengine import run

print("vtlengine", metadata.version("vtlengine"))
COLUMNS = [
    {"name": "time", "type": "Time_Period", "role": "Identifier", "nullable": False},
    {"name": "sold", "type": "Number", "role": "Measure", "nullable": True},
]
STRUCTURE = {"datasets": [{"name": "sales", "DataStructure": COLUMNS}]}


def result(script, *periods):
    points = pd.DataFrame({"time": periods, "sold": [float(number) for number in range(1, len(periods) + 1)]})
    done = run(script=f"done <- {script};", data_structures=STRUCTURE, datapoints={"sales": points})
    rows = list(zip(done["done"].data["time"], done["done"].data["sold"].astype(float)))
    print(f"{script} of {', '.join(periods)}:", rows)
    return rows


SHIFT = "timeshift(sales, 1)"
assert [period for period, _ in result(SHIFT, "2026W52", "2026W53", "2027W01")] == ["2027W1", "2027W2", "2027W2"]
assert [period for period, _ in result(SHIFT, "2024D365", "2024D366", "2025D001")] == ["2025D1", "2025D2", "2025D2"]
assert [period for period, _ in result(SHIFT, "2025W51", "2025W52", "2026W01")] == ["2025W52", "2026W1", "2026W2"]

by_month, by_quarter, by_week = (f'sum(sales group all time_agg("{unit}"))' for unit in "MQW")
weeks = ("2026W01", "2026W52", "2026W53", "2027W01")
assert dict(result(by_month, *weeks)) == {"2026M1": 4, "2026M12": 2, "2027M1": 4}
assert dict(result(by_quarter, *weeks)) == {"2026Q1": 4, "2026Q4": 2, "2027Q1": 4}
assert dict(result(by_week, "2024D001", "2024D366")) == {"2024W1": 3}
PY
