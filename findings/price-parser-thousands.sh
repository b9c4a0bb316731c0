#!/usr/bin/env bash
# price-parser 0.5.1: half a euro with three digits is five hundred, and a refund is a price.
# Guess: "0.500" is a half, since no number with a leading nought has thousands in it; a minus is kept, or the text is refused.
# Seen: a point or comma before exactly three digits always parts thousands: 0.500 is 500 and 0.125 is 125, while 0.12 and 0.1250 are read as
# written. -5.00 is 5.00. Of "5 for 10.00" it is the 5. Fees, unit prices and prices of tokens are often written with three digits, and
# a column of them is right except in these rows. `decimal_separator="."` gives 0.500; the sign has to be looked at before.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq price-parser==0.5.1
"$folder/venv/bin/python" - <<'PY'
from importlib import metadata

from price_parser import Price

print("price-parser", metadata.version("price-parser"))
texts = ("0.500 EUR", "0,125", "0.12", "0.1250", "-5.00", "5 for 10.00")
found = {text: str(Price.fromstring(text).amount) for text in texts}
for text, amount in found.items():
    print(f"{text!r} is read as {amount}")
assert list(found.values()) == ["500", "125", "0.12", "0.1250", "5.00", "5"], found
told = str(Price.fromstring("0.500 EUR", decimal_separator=".").amount)
print("with the separator told:", told)
assert told == "0.500"
PY
