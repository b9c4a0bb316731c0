#!/usr/bin/env bash
# duckdb 2.0.1: one instant with nanoseconds becomes two different microseconds, by the way it takes.
# Guess: text and TIMESTAMP_NS lose their last three digits the same way.
# Seen: '…00.999999999' read as TIMESTAMP or TIMESTAMPTZ is cut to .999999; the same value as TIMESTAMP_NS, then cast to
# TIMESTAMP, is rounded up into the next second, and so is text read as TIMESTAMP_MS. A column of texts (JSON lines) and
# a column of nanoseconds (Parquet) of the same log therefore do not join on time.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq duckdb==2.0.1
"$folder/venv/bin/python" - <<'PY'
import duckdb

print("duckdb", duckdb.__version__)
text = "'2026-01-01T00:00:00.999999999'"
for expression, seen in (
    (f"{text}::TIMESTAMP", "2026-01-01 00:00:00.999999"),
    (f"{text}::TIMESTAMP_NS", "2026-01-01 00:00:00.999999999"),
    (f"{text}::TIMESTAMP_NS::TIMESTAMP", "2026-01-01 00:00:01"),
    (f"{text}::TIMESTAMP_MS", "2026-01-01 00:00:01"),
):
    found = duckdb.execute(f"SELECT ({expression})::VARCHAR").fetchone()[0]
    print(expression, "->", found)
    assert found == seen, (expression, found)
PY
