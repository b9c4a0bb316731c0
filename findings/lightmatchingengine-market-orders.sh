#!/usr/bin/env bash
# lightmatchingengine 2019.1.4: what is left of a market order stays in the book at a price of nought, and the next buyer gets it for nothing.
# Guess: what a market order cannot trade at once is cancelled, as at exchanges; at worst it rests at the last price.
# Seen: a market order is one with price 0, and that is the price at which its rest is filed. Left to sell, it is the cheapest offer there is:
# whoever bids 100 next pays 0. Left to buy, it is the lowest bid, below all others: a limit order never meets it, the next market
# order to sell gets 0 for a unit. Prices of trades are right otherwise, so an average over the day is what shows it. Besides, an order that
# was filled cannot be cancelled: in place of None, as for an unknown order, an AssertionError comes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq lightmatchingengine==2019.1.4
"$folder/venv/bin/python" - <<'PY'
from importlib import metadata

from lightmatchingengine.lightmatchingengine import LightMatchingEngine, Side

print("lightmatchingengine", metadata.version("lightmatchingengine"))
MARKET = 0


def prices(engine, price, quantity, side):
    """Return price and quantity of the trades of a new order, of its own side."""
    _, trades = engine.add_order("wheat", price, quantity, side)
    return [(trade.trade_price, trade.trade_qty) for trade in trades if trade.trade_side == side]


engine = LightMatchingEngine()
engine.add_order("wheat", 90, 5, Side.BUY)
sold = prices(engine, MARKET, 8, Side.SELL)
bought = prices(engine, 100, 3, Side.BUY)
print("market order sells 8, of which 5 are wanted:", sold, "then somebody buys at 100 at most:", bought)
assert (sold, bought) == ([(90, 5)], [(0, 3)])

engine = LightMatchingEngine()
engine.add_order("wheat", 100, 5, Side.SELL)
bought = prices(engine, MARKET, 8, Side.BUY)
offered, sold = prices(engine, 99, 1, Side.SELL), prices(engine, MARKET, 3, Side.SELL)
print("market order buys 8, of which 5 are offered:", bought, "an offer at 99:", offered, "market order sells 3:", sold)
assert (bought, offered, sold) == ([(100, 5)], [], [(0, 3)])
PY
