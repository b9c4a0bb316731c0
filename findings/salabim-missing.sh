#!/usr/bin/env bash
# salabim 26.0.9: a value that is missing counts as nought in the mean, and as time at nought in a level.
# Guess: a monitor that is told None, or a text that is no number, leaves it out or raises; the mean of 100, None and 102 is
# 101.
# Seen: the mean is 67.33, the smallest value 0, and three entries are counted; "n/a" does the same. A level that stands at 100,
# is unknown for a third of the time and stands at 100 again has a mean of 66.67. A period without a trade has no price: told to a
# monitor as None it pulls the mean price down. `x(force_numeric=False)` shows what was told.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq salabim==26.0.9 greenlet==3.3.0
"$folder/venv/bin/python" - <<'PY'
import salabim

print("salabim", salabim.__version__)
env = salabim.Environment()
for missing in (None, "n/a"):
    prices = salabim.Monitor("price")
    for price in (100, missing, 102):
        prices.tally(price)
    print(missing, "mean", prices.mean(), "least", prices.minimum(), "entries", prices.number_of_entries())
    assert (round(prices.mean(), 2), prices.minimum(), prices.number_of_entries()) == (67.33, 0, 3)
    assert prices.x(force_numeric=False) == [100, missing, 102]

level = salabim.Monitor("price", level=True, initial_tally=100)


class Market(salabim.Component):
    def process(self):
        self.hold(10)
        level.tally(None)
        self.hold(10)
        level.tally(100)
        self.hold(10)


Market()
env.run(30)
print("level: mean", level.mean())
assert round(level.mean(), 2) == 66.67
PY
