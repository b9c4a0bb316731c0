#!/usr/bin/env bash
# num2words 0.5.14: 1234 in words is twelve euro, 1234.0 a thousand; in Colombian Spanish both are a thousand, and a half is five cents.
# Guess: an amount in words is the same amount whether it is an integer or a float, and in every language.
# Seen: an integer counts cents, a float counts euro, in English, French and German: a sum that happens to be an integer is told as a
# hundredth. In `es_CO` an integer counts pesos; 0.5 and -0.5 are both five centavos, and 0.999 is nine hundred and ninety-nine of them. Nothing warns.
# Invoices and prompts that write amounts out are off by the type of a sum. Give a Decimal, and compare the words of 0.5 and -0.5 first in each language.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq --no-deps num2words==0.5.14
"$folder/venv/bin/python" - <<'PY'
from decimal import Decimal
from importlib import metadata

from num2words import num2words


def words(amount, lang):
    """Return an amount in words, and show it."""
    found = num2words(amount, to="currency", lang=lang)
    print(f"{amount!r} in {lang}: {found}")
    return found


print("num2words", metadata.version("num2words"))
assert words(1234, "en") == "twelve euro, thirty-four cents"
assert words(1234, "fr") == "douze euros et trente-quatre centimes"
assert words(1234, "de") == "zwölf Euro und vierunddreißig Cent"
for amount in (1234.0, Decimal(1234)):
    assert words(amount, "en") == "one thousand, two hundred and thirty-four euro, zero cents"
assert words(1234, "es_CO") == "mil doscientos treinta y cuatro pesos"
assert words(0.5, "es_CO") == words(-0.5, "es_CO") == "cinco centavos"
assert words(0.999, "es_CO") == "novecientos noventa y nueve centavos"
PY
