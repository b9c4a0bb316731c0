#!/usr/bin/env bash
# bourse 0.4.0 with numpy 2.4.6: the mid price of a market in which nobody sells is half of what is bid, and a price that falls by 1 rises by
# four thousand million.
# Guess: a side without orders has no best price, NaN or None; the arithmetic of recorded prices is that of numbers.
# Seen: prices are unsigned integers of 32 bits, and a side without orders has 0 (bid) or 4294967295 (ask). The sum of that and a bid of 51
# wraps around to 50: the mid price is 25, which looks like a price, where it is 55.5 once somebody sells at 60. The change from 51 to 50
# is 4294967295. Nothing warns. An opening, or a market that is sold out, thus moves averages and volatility; the columns have to be made
# floats, and the two numbers taken out.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq bourse==0.4.0 numpy==2.4.6
"$folder/venv/bin/python" -W error - <<'PY'
from importlib import metadata

import numpy as np
from bourse.core import StepEnv

print("bourse", metadata.version("bourse"), "numpy", np.__version__)
market = StepEnv(seed=1, start_time=0, tick_size=1, step_size=100)
first = market.place_order(True, 10, 1, price=51)
market.step()
market.place_order(False, 10, 2, price=60)
market.step()
market.cancel_order(first)
market.place_order(True, 10, 1, price=50)
market.step()

bid, ask = market.get_prices()
mid, changes = (bid + ask) / 2, np.diff(bid)
print("bid", bid, "ask", ask, "mid", mid, "changes of the bid", changes)
assert bid.tolist() == [51, 51, 50]
assert ask.tolist() == [4294967295, 60, 60]
assert mid.tolist() == [25, 55.5, 55]
assert changes.tolist() == [0, 4294967295]
PY
