#!/usr/bin/env bash
# duckdb 2.0.0: a program that calls gc.freeze() ends with a report of leaks.
# Guess: gc.freeze() only spares the garbage collector work; a correct program ends as silently with it as without.
# Seen: after one query, the program prints its result and exits with 0 both times, but with gc.freeze() the extension's binding
# layer (nanobind) writes to standard error that it leaked 27 instances, 15 types and 111 functions and guesses at a reference counting fault: what is
# frozen is not collected at exit, and nanobind counts what is left. A tool that freezes for a faster start looks broken to everybody who reads its errors.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq duckdb==2.0.0
cat >"$folder/query.py" <<'PY'
import gc
import sys

import duckdb

connection = duckdb.connect()
print(connection.execute("SELECT 42").fetchone())
if sys.argv[1:] == ["freeze"]:
    gc.freeze()
PY
"$folder/venv/bin/python" "$folder/query.py" 2>"$folder/plain"
"$folder/venv/bin/python" "$folder/query.py" freeze 2>"$folder/frozen"
echo "duckdb 2.0.0, errors of the plain program: $(wc -l <"$folder/plain") lines; with gc.freeze(): $(wc -l <"$folder/frozen")"
head -n 3 "$folder/frozen"
test ! -s "$folder/plain"
grep -q "nanobind: leaked" "$folder/frozen"
