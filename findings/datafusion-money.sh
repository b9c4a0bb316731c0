#!/usr/bin/env bash
# datafusion 55.0.0 (Python): a sum of whole amounts beyond 64 bits turns negative without an error, and the median of two prices is cut.
# Guess: a sum that does not fit is an error, or becomes a wider number, as in other engines; the median of 1.00 and 1.01 is 1.005 as
# their mean is.
# Seen: `sum` and `+` wrap around to -9223372036854775808; `abs` of the same number is an error, so some overflows are told and
# others are not. The mean of decimals gets four more digits, 1.005000; their median keeps the two of the column and is 1.00,
# and of -1.00 and -1.01 it is -1.00: half a cent is cut, not rounded.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq datafusion==55.0.0 pyarrow==26.0.1
"$folder/venv/bin/python" - <<'PY'
from decimal import Decimal
from importlib.metadata import version

from datafusion import SessionContext

LARGEST = 2**63 - 1


def ask(query):
    """Return the only value of a query, or the name of its error."""
    try:
        ((values,),) = [SessionContext().sql(query).to_pydict().values()]
    except Exception as error:
        return f"error: {str(error)[:60]}"
    return values[0]


def prices(function, *texts):
    """Return what a function says of some decimals with two digits."""
    rows = ", ".join(f"(cast('{text}' as decimal(10, 2)))" for text in texts)
    return ask(f"select {function}(price) from (values {rows}) as sold(price)")


print("datafusion", version("datafusion"))
total = ask(f"select sum(amount) from (values ({LARGEST}), (1)) as paid(amount)")
plus = ask(f"select {LARGEST} + 1")
absolute = ask(f"select abs(cast('{-LARGEST - 1}' as bigint))")
print("sum", total, "plus", plus, "abs", absolute)
assert total == plus == -LARGEST - 1 and absolute.startswith("error")
means = prices("avg", "1.00", "1.01"), prices("median", "1.00", "1.01"), prices("median", "-1.00", "-1.01")
print("mean", means[0], "median", means[1], "of debts", means[2])
assert means == (Decimal("1.005000"), Decimal("1.00"), Decimal("-1.00"))
PY
