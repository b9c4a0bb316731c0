#!/usr/bin/env bash
# quiffen 4.0.1: of the amounts in a QIF file every mark that it does not expect is deleted, and what is left is the amount.
# Guess: an amount with a decimal comma is understood, or refused, as 5- is; one in brackets is negative, or refused.
# Seen: 1500,25 is read as 150025, a hundred times as much, 1.500,25 as 1.50025, and (5.00) as 5.00, a cost as income; nothing
# warns. QIF says nothing of a country, so exports of programs set to a European one have such amounts; they have to be
# rewritten before they are read.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq quiffen==4.0.1
"$folder/venv/bin/python" -W error - <<'PY'
from decimal import Decimal, InvalidOperation
from importlib import metadata

from quiffen import Qif

print("quiffen", metadata.version("quiffen"))


def amount(text):
    read = Qif.parse_string(f"!Type:Bank\nD1/2/2026\nT{text}\nPAnn\n^\n")
    [account] = read.accounts.values()
    [[transaction]] = account.transactions.values()
    return transaction.amount


found = {text: amount(text) for text in ("1,500.25", "1500,25", "1.500,25", "(5.00)")}
print(*[f"{text} -> {read}" for text, read in found.items()], sep="\n")
assert list(found.values()) == [Decimal(each) for each in ("1500.25", "150025", "1.50025", "5.00")]
try:
    raise SystemExit(f"5- is read as {amount('5-')}")
except InvalidOperation:
    print("5- is refused")
PY
