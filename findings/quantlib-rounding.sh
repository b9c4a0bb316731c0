#!/usr/bin/env bash
# QuantLib 1.44 (Python): of 111 currencies only the euro rounds; and to truncate to the floor rounds 1.006 up.
# Guess: `Money(10.0055, c).rounded()` has the currency's sub-units: 10.01 dollars, 10 yen, 10.006 Bahraini dinars; `FloorTruncation(2)` of
# 1.009 is 1.00 and `CeilingTruncation(2)` of 1.001 is 1.01.
# Seen: each currency has a rounding, which is "none" for all but the euro, so `rounded` gives 110 of them back as they were, though
# `fractionsPerUnit` knows their sub-units. The truncations follow a standard of the Object Management Group: floor rounds
# positive numbers to the nearest and cuts negative ones, ceiling cuts positive numbers and rounds negative ones. Who wants whole cents
# names a rounding itself: `ClosestRounding(2)`.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq QuantLib==1.44
"$folder/venv/bin/python" - <<'PY'
import QuantLib as ql

NAMES = [name for name in dir(ql) if name.endswith("Currency") and name not in ("Currency", "BespokeCurrency")]
AMOUNT = 10.0055

rounded = {currency.code(): ql.Money(AMOUNT, currency).rounded().value() for currency in (getattr(ql, name)() for name in NAMES)}
changed = {code: value for code, value in rounded.items() if value != AMOUNT}
print("QuantLib", ql.__version__, "currencies", len(rounded), "rounded", changed)
print("sub-units of a dollar", ql.USDCurrency().fractionsPerUnit(), "of a yen", ql.JPYCurrency().fractionsPerUnit())
assert len(rounded) == 111 and changed == {"EUR": 10.01}
assert ql.USDCurrency().fractionsPerUnit() == 100

floor, ceiling = ql.FloorTruncation(2), ql.CeilingTruncation(2)
print("floor", [floor(value) for value in (1.004, 1.006, -1.006)], "ceiling", [ceiling(value) for value in (1.006, -1.004, -1.006)])
assert [floor(value) for value in (1.004, 1.006, -1.006)] == [1.0, 1.01, -1.0]
assert [ceiling(value) for value in (1.006, -1.004, -1.006)] == [1.0, -1.0, -1.01]
PY
