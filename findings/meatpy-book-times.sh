#!/usr/bin/env bash
# MeatPy 0.5.0: the recorded book of a time is the one before what happened at that time, and its prices are in other units than the trades'.
# Guess: a row of the book with a time shows the book as it was left by the event of that time, as in LOBSTER's files; the book after
# the last event has a row; and recorders that follow one market write prices alike.
# Seen: of an ITCH 5.0 feed in which 200 units at 100.00 are bought at 09:30:00.000003, the row of that microsecond still offers them, the next one,
# of the next event, does not; the last event of the day shows in no row. The trade is written with the price 1000000, the book with 100.0.
# Who joins trades with the last book up to their time gets the right quotes by it; who asks what the book was at a time, or what a trade
# left, is one event late. Nanoseconds are cut off, so order within a microsecond is that of the rows.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq meatpy==0.5.0
"$folder/venv/bin/python" - "$folder" <<'PY'
import csv
import struct
import sys
from datetime import datetime
from importlib import metadata
from pathlib import Path

from meatpy.event_handlers.lob_recorder import LOBRecorder
from meatpy.itch50 import ITCH50ExecTradeRecorder, ITCH50MarketProcessor
from meatpy.itch50.itch50_market_message import ITCH50MarketMessage
from meatpy.writers import CSVWriter

OPENING = 34_200 * 10**9


def message(kind, microsecond, form, *values):
    when = (OPENING + microsecond * 1000).to_bytes(6, "big")
    return ITCH50MarketMessage.from_bytes(kind + struct.pack("!HH", 1, 0) + when + struct.pack("!" + form, *values))


def order(number, side, quantity, price, microsecond):
    return message(b"A", microsecond, "QcI8sI", number, side, quantity, b"ACME    ", price * 10_000)


book = Path(sys.argv[1], "book.csv")
market, trades = ITCH50MarketProcessor("ACME", datetime(2026, 1, 5)), ITCH50ExecTradeRecorder()
with CSVWriter(book) as writer:
    market.handlers += [LOBRecorder(writer, collapse_orders=True), trades]
    for each in (
        order(1, b"B", 300, 99, 1),
        order(2, b"S", 200, 100, 2),
        message(b"E", 3, "QIQ", 2, 200, 7),
        order(3, b"S", 500, 101, 4),
        message(b"D", 5, "Q", 1),
    ):
        market.process_message(each)
with book.open() as rows:
    seen = [(row["Timestamp"][-6:], row["Type"], float(row["Price"]), int(row["Volume"])) for row in csv.DictReader(rows)]
(traded,) = [(str(when)[-6:], trade["Price"], trade["Volume"]) for when, trade in trades.records]
print("MeatPy", metadata.version("meatpy"))
print("trade", traded)
for row in seen:
    print("book ", row)
assert traded == ("000003", 1_000_000, 200)
assert seen == [
    ("000002", "Bid", 99, 300),
    ("000003", "Ask", 100, 200),
    ("000003", "Bid", 99, 300),
    ("000004", "Bid", 99, 300),
    ("000005", "Ask", 101, 500),
    ("000005", "Bid", 99, 300),
]
PY
