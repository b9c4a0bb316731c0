#!/usr/bin/env bash
# fastlob 0.0.24: an order that is made larger keeps its place in the queue, so one unit holds the place for a hundred.
# Guess: at one price who came first trades first; an order that grows goes to the end, as at exchanges, and only one that shrinks stays.
# Seen: of two offers at 100, 1 unit and after it 5, the first is updated to 100 units; a buyer of 50 gets all from it, and the
# second, which has waited with its 5, sells nothing. Agents that learn in such a market learn to queue with the least and to grow later.
# An order of which a part was traded at once rests as PENDING, like a new one, not as PARTIAL.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq fastlob==0.0.24
"$folder/venv/bin/python" - <<'PY'
from importlib import metadata

from fastlob import Orderbook, OrderParams, OrderSide

print("fastlob", metadata.version("fastlob"))


def left(book, order):
    status, quantity = book.get_status(order.orderid())
    return status.name, int(quantity)


with Orderbook("growing") as book:
    first, second = (book(OrderParams(OrderSide.ASK, 100, quantity)) for quantity in (1, 5))
    assert book.update(first.orderid(), 100).success()
    book(OrderParams(OrderSide.BID, 100, 50))
    print("first, which grew from 1 to 100:", *left(book, first), "second:", *left(book, second))
    assert left(book, first) == ("PARTIAL", 50)
    assert left(book, second) == ("PENDING", 5)

with Orderbook("rest") as book:
    book(OrderParams(OrderSide.ASK, 100, 1))
    buyer = book(OrderParams(OrderSide.BID, 100, 3))
    print("buyer of 3, of which 1 was traded:", *left(book, buyer))
    assert left(book, buyer) == ("PENDING", 2)
PY
