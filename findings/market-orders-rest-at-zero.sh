#!/usr/bin/env bash
# lightmatchingengine 2019.1.4 and order-matching 0.12.0: what a market order could not sell waits in the book at price 0, and the next
# buyer, who offered 5, gets it for nothing.
# Guess: a market order takes what is there, and its rest is cancelled or refused; or it waits and takes the price of the next buyer.
# Seen: both engines keep the rest among the asks with price 0, as the best of all. A buyer with a limit of 5 trades at 0 in both. The price of a
# trade is that of the order which waited, so one market order into a thin book makes a trade at 0 and the lowest price of the day.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq lightmatchingengine==2019.1.4 order-matching==0.12.0 'pandera[polars]==0.35.0' loguru==0.7.3 faker==40.63.0
LOGURU_LEVEL=WARNING "$folder/venv/bin/python" - <<'PY'
from datetime import datetime, timedelta
from importlib.metadata import version

from lightmatchingengine import lightmatchingengine as light
from order_matching.enums import Side
from order_matching.matching_engine import MatchingEngine
from order_matching.order import LimitOrder, MarketOrder
from order_matching.orders import Orders

START = datetime(2026, 1, 1)


def first():
    """Return the prices at which lightmatchingengine trades a buy order of 1 at 5, after a market order to sell 3 that found a buyer of 1."""
    engine = light.LightMatchingEngine()
    engine.add_order("good", 5.0, 1, light.Side.BUY)
    order, _ = engine.add_order("good", 0, 3, light.Side.SELL)
    _, trades = engine.add_order("good", 5.0, 1, light.Side.BUY)
    return order.leaves_qty, {trade.trade_price for trade in trades}


def second():
    """Return the same of order-matching."""
    engine = MatchingEngine(seed=1)
    sizes = []
    for number in range(3):
        at = START + timedelta(seconds=number)
        common = {"timestamp": at, "order_id": str(number), "trader_id": str(number)}
        order = MarketOrder(side=Side.SELL, size=3, **common) if number == 1 else LimitOrder(side=Side.BUY, price=5.0, size=1, **common)
        sizes.append(order)
        engine.place(Orders([order]))
        trades = engine.match(timestamp=at).trades
    return {trade.price for trade in trades}, {trade.size for trade in trades}


print("lightmatchingengine", version("lightmatchingengine"), "left to sell, then prices:", *first())
print("order-matching", version("order-matching"), "prices and sizes:", *second())
assert first() == (2 - 1, {0})
assert second() == ({0}, {1})
PY
