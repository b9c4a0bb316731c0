#!/usr/bin/env bash
# pyorderbook 0.4.9: the average price of an order is not what it paid for a unit.
# Guess: an order's average price is its cost divided by its quantity, as brokers and the FIX protocol have it.
# Seen: 100 units bought as 1 at 10 and 99 at 20 cost 1990, and the average price of the blotter is 15.0 in place of 19.9: each
# trade counts alike, whatever its size. Cost and average are floats of two decimals, so a unit at 0.004 costs 0.0, though prices
# are decimals in the book. Average prices of large orders, and costs on a fine grid, have to be made from the trades.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq pyorderbook==0.4.9
"$folder/venv/bin/python" - <<'PY'
from importlib import metadata

from pyorderbook import Book, ask, bid

print("pyorderbook", metadata.version("pyorderbook"))
book = Book()
book.match([ask("X", 10, 1), ask("X", 20, 99)])
blotter = book.match(bid("X", 20, 100))
paid = sum(trade.fill_price * trade.fill_quantity for trade in blotter.trades) / 100
print("cost", blotter.total_cost, "average price", blotter.average_price, "paid for a unit", paid)
assert (blotter.total_cost, blotter.average_price, float(paid)) == (1990, 15, 19.9)

book.match(ask("Y", 0.004, 1))
fine = book.match(bid("Y", 0.004, 1))
print("a unit at", fine.trades[0].fill_price, "costs", fine.total_cost)
assert fine.total_cost == 0
PY
