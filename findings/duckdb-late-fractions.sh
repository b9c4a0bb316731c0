#!/usr/bin/env bash
# duckdb 2.0.1: a fraction that comes late in a CSV or JSON file of whole numbers is rounded, not refused.
# Guess: a type that was taken from the first rows holds for all, so 1.5 among integers is an error, as "abc" is; or the
# column becomes DOUBLE.
# Seen: after 30 000 rows of 1, the value 1.5 is read as 2 and 0.4 as 0; in JSON true is read as 1, and in a CSV column of
# days the time of day is dropped. With `sample_size=-1` all is right. A log in which fees appear late, or a price leaves the
# whole numbers, is added up wrongly.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq duckdb==2.0.1
"$folder/venv/bin/python" - "$folder" <<'PY'
import pathlib
import sys

import duckdb

print("duckdb", duckdb.__version__)
ROWS = 30_000
folder = pathlib.Path(sys.argv[1])


def last(name, options=""):
    """Return the last value of a file, as text, or the name of the error."""
    query = f"SELECT last(amount)::VARCHAR FROM read_{name.split('.')[1]}('{folder / name}'{options})"
    try:
        [found] = duckdb.execute(query).fetchone()
    except duckdb.Error as error:
        found = type(error).__name__
    print(f"{name}{options}: {late} is read as {found}")
    return found


for common, late, in_csv, in_json in (
    ("1", "1.5", "2", "2"),
    ("1", "0.4", "0", "0"),
    ("1", "true", "ConversionException", "1"),
    ("1", '"abc"', "ConversionException", "InvalidInputException"),
):
    (folder / "late.csv").write_text("amount\n" + f"{common}\n" * ROWS + f"{late}\n")
    (folder / "late.json").write_text(f'{{"amount": {common}}}\n' * ROWS + f'{{"amount": {late}}}\n')
    assert last("late.csv") == in_csv
    assert last("late.json") == in_json

late = "2026-01-02 23:30:00"
(folder / "late.csv").write_text("amount\n" + "2026-01-01\n" * ROWS + f"{late}\n")
assert last("late.csv") == "2026-01-02"
assert last("late.csv", ", sample_size=-1") == late
PY
