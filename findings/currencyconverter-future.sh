#!/usr/bin/env bash
# CurrencyConverter 0.18.23: the rate of a Saturday is made of the Monday that follows.
# Guess: with `fallback_on_missing_rate=True` a day without a rate gets the last one that was known, as banks do.
# Seen: a line is drawn from Friday's rate to Monday's: on Saturday, 21 March 2020, a euro is 1.0732 dollars, of 1.0707 on
# Friday and 1.0783 on Monday. Whoever trades on such rates in a simulation of the past knows the future, and a payment that was
# booked at the week-end changes its value once Monday's file is read. `fallback_on_missing_rate_method="last_known"` is what one
# expects.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq CurrencyConverter==0.18.23
"$folder/venv/bin/python" - <<'PY'
from datetime import date
from importlib import metadata

from currency_converter import CurrencyConverter

print("CurrencyConverter", metadata.version("CurrencyConverter"))
converters = {
    "default": CurrencyConverter(fallback_on_missing_rate=True),
    "last_known": CurrencyConverter(fallback_on_missing_rate=True, fallback_on_missing_rate_method="last_known"),
}
found = {
    name: [round(converter.convert(1, "EUR", "USD", date(2020, 3, day)), 4) for day in (20, 21, 22, 23)]
    for name, converter in converters.items()
}
for name, rates in found.items():
    print(name, "Friday to Monday:", *rates)
assert found["default"] == [1.0707, 1.0732, 1.0758, 1.0783], found
assert found["last_known"] == [1.0707, 1.0707, 1.0707, 1.0783], found
PY
