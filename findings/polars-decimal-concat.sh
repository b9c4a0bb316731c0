#!/usr/bin/env bash
# polars 2.1.0: putting two tables of decimals together cuts the amounts of the second to the digits of the first.
# Guess: `concat` is strict, so columns of different types are refused, or the result is wide enough for both, as
# `vertical_relaxed` promises.
# Seen: 1.1 followed by 1.12 becomes 1.1 and 1.1 with the strict default, while an integer followed by a float is refused.
# The digits are taken from the values of each table, so a batch of round amounts decides for all that follow.
# `vertical_relaxed` keeps 1.12.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq polars==2.1.0
"$folder/venv/bin/python" - <<'PY'
from decimal import Decimal

import polars

print("polars", polars.__version__)


def together(first, second, how="vertical"):
    """Return the amounts of two tables put together, or the name of the error."""
    tables = [polars.DataFrame({"amount": [amount]}) for amount in (first, second)]
    try:
        found = polars.concat(tables, how=how)["amount"].to_list()
    except polars.exceptions.SchemaError:
        found = "SchemaError"
    print(how, first, second, "->", found)
    return found


few, many = Decimal("1.1"), Decimal("1.12")
assert together(few, many) == [few, few]
assert together(many, few) == [many, few]
assert together(few, many, "vertical_relaxed") == [few, many]
assert together(1, 1.12) == "SchemaError"
PY
