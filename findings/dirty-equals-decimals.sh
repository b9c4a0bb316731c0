#!/usr/bin/env bash
# dirty-equals 0.11: an exact decimal is near no float, whatever distance is allowed.
# Guess: `Decimal("1.5") == IsApprox(1.5, delta=0.1)`, as `Decimal("1.5") == 1.5` is true; or an error that the kinds do not go together.
# Seen: it is False, and so is a float beside `IsApprox(Decimal("1.5"))`; a decimal beside a decimal is near, and one of both kinds passes
# `IsPositive` and `IsNumeric`. A fraction is no number at all. `IsApprox(0)` allows nothing, since the default is a hundredth of the value. So a
# test that an amount is NOT near a price passes always. Give the matcher the kind that the amounts have, and a delta of this kind.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq dirty-equals==0.11
"$folder/venv/bin/python" - <<'PY'
from decimal import Decimal
from fractions import Fraction
from importlib.metadata import version

from dirty_equals import IsApprox, IsNumber, IsNumeric, IsPositive

print("dirty-equals", version("dirty-equals"))
amount = Decimal("1.5")
assert amount == 1.5
assert amount == IsPositive
assert amount == IsNumeric(gt=1)
found = {
    "decimal near a float": amount == IsApprox(1.5, delta=0.1),
    "float near a decimal": 1.5 == IsApprox(amount, delta=Decimal("0.1")),
    "decimal near a decimal": amount == IsApprox(amount, delta=Decimal("0.1")),
    "fraction is a number": Fraction(3, 2) == IsNumber,
    "0.001 near 0": 0.001 == IsApprox(0),
}
for words, is_so in found.items():
    print(f"{words}: {is_so}")
assert list(found.values()) == [False, False, True, False, False]
PY
