#!/usr/bin/env bash
# stockholm 0.5.7: what an amount is in sub-units depends on whether its currency was given as a text or as an object.
# Guess: a currency code says it all, so 1500 JPY are 1500 of the smallest unit however the currency was named.
# Seen: `Money(1500, currency.JPY).sub_units` is 1500, `Money(1500, "JPY").sub_units` 150000, for a text always has two
# decimals; 1.5 KWD are 1500 or 150. The two amounts are equal (`==`), and the JSON of the right one is read back as the
# wrong one. A payment provider that takes integers of the smallest unit is then told a hundred times the sum.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq stockholm==0.5.7
"$folder/venv/bin/python" - <<'PY'
from importlib import metadata

from stockholm import Money
from stockholm.currency import JPY, KWD

print("stockholm", metadata.version("stockholm"))
for amount, currency, as_object, as_text in ((1500, JPY, 1500, 150_000), ("1.5", KWD, 1500, 150)):
    exact, named = Money(amount, currency), Money(amount, str(currency))
    read = Money.from_json(exact.as_json())
    print(f"{exact}: object {exact.sub_units}, text {named.sub_units}, read from JSON {read.sub_units}")
    assert (exact.sub_units, named.sub_units, read.sub_units) == (as_object, as_text, as_text), currency
    assert exact == named == read
PY
