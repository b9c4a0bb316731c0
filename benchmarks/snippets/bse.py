"""One session of the Bristol Stock Exchange: `PYTHON bse.py CHECKOUT KIND TRADERS PERIODS SECONDS`; prints a line of JSON.

CHECKOUT is one of github.com/davecliff/BristolStockExchange. Half of the traders buy, half sell, on Smith's schedule of
values (75 to 325), which is dealt anew every SECONDS simulated seconds: a period. Orders are counted where they reach the
exchange; nothing is written.
"""

import json
import random
import sys
from importlib import import_module
from time import process_time

checkout, kind, traders, periods, seconds = sys.argv[1], sys.argv[2], *map(int, sys.argv[3:6])
sys.path.insert(0, checkout)
sys.argv = sys.argv[:1]
bse = import_module("BSE")
random.seed(1)
counts = {"orders": 0, "trades": 0}
process_order = bse.Exchange.process_order


def counting(*given: object) -> object:
    """Count an order that the exchange processes, and its trade."""
    trade = process_order(*given)
    counts["orders"] += 1
    counts["trades"] += trade is not None
    return trade


bse.Exchange.process_order = counting
end = float(seconds * periods)
side = [{"from": 0, "to": end, "ranges": [(75, 325)], "stepmode": "fixed"}]
schedule = {"sup": side, "dem": side, "interval": seconds, "timemode": "periodic"}
crowd = {"sellers": [(kind, traders // 2)], "buyers": [(kind, traders // 2)], "proptraders": []}
dumps = dict.fromkeys(("dump_strats", "dump_lobs", "dump_avgbals", "dump_tape", "dump_blotters"), False)
verbose = False
started = process_time()
bse.market_session("bench", 0.0, end, crowd, schedule, dumps, verbose)
print(json.dumps({"cpu_s": process_time() - started, **counts}))
