#!/usr/bin/env bash
# deltalake 1.6.6 with pyarrow 26.0.1: appending to a table of integers cuts fractions off, though an append is checked
# against the schema.
# Guess: a table enforces its schema, so floats are refused where it says integer, as decimals with one more digit are.
# Seen: 1.9 appended to an integer column is stored as 1, True as 1, the text "2" as 2, and 1.005 in a column of two decimals
# as 1.00; none is an error. A Decimal of two digits for a column of one raises SchemaMismatchError. A producer that turns
# from cents to credits loses its cents.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq deltalake==1.6.6 pyarrow==26.0.1
"$folder/venv/bin/python" - "$folder" <<'PY'
import pathlib
import sys
from decimal import Decimal

import deltalake
import pyarrow
from deltalake.exceptions import SchemaMismatchError

print("deltalake", deltalake.__version__, "pyarrow", pyarrow.__version__)
cents = pyarrow.decimal128(10, 2)
for number, (kind, appended, seen) in enumerate(
    (
        (pyarrow.int64(), pyarrow.array([1.9]), 1),
        (pyarrow.int64(), pyarrow.array([True]), 1),
        (pyarrow.int64(), pyarrow.array(["2"]), 2),
        (cents, pyarrow.array([1.005]), Decimal("1.00")),
        (pyarrow.decimal128(10, 1), pyarrow.array([Decimal("1.15")], cents), "SchemaMismatchError"),
    )
):
    path = pathlib.Path(sys.argv[1], f"table-{number}")
    deltalake.write_deltalake(path, pyarrow.table({"amount": pyarrow.array([None], kind)}))
    try:
        deltalake.write_deltalake(path, pyarrow.table({"amount": appended}), mode="append")
    except SchemaMismatchError as error:
        found = type(error).__name__
    else:
        amounts = deltalake.DeltaTable(path).to_pyarrow_table()["amount"].to_pylist()
        [found] = [amount for amount in amounts if amount is not None]
    print(f"{kind} table, {appended[0]!r} appended ->", found)
    assert found == seen, (kind, appended, found)
PY
