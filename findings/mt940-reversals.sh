#!/usr/bin/env bash
# mt-940 5.1.1: money that a bank takes back is read as money received.
# Guess: an amount is negative if it leaves the account, so opening balance and transactions add up to the closing balance.
# Seen: a credit of 100.00 and its reversal, marked RC, come back as 100.00 twice: the statement goes from 1000.00 to 1000.00,
# the sum of its transactions is 200.00. Only a plain D is negative unless `Options(reversal_sign=True)` is passed, and nothing
# warns: a returned payment counts as a second one. With the option the sum is right.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq mt-940==5.1.1
"$folder/venv/bin/python" -W error - <<'PY'
from importlib import metadata

import mt940

print("mt-940", metadata.version("mt-940"))
STATEMENT = """:20:START
:25:10000000/1
:28C:1/1
:60F:C260105EUR1000,00
:61:2601050105C100,00NTRFNONREF
:61:2601060106RC100,00NTRFNONREF
:62F:C260106EUR1000,00
-
"""


def change_and_sum(**options):
    read = mt940.parse(STATEMENT, **options)
    change = read.data["final_closing_balance"].amount.amount - read.data["final_opening_balance"].amount.amount
    return change, sum(each.data["amount"].amount for each in read)


change, total = change_and_sum()
print("balance changes by", change, "transactions sum up to", total)
assert (change, total) == (0, 200)
assert change_and_sum(options=mt940.Options(reversal_sign=True)) == (0, 0)
PY
