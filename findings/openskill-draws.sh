#!/usr/bin/env bash
# openskill 6.2.0: the chances to win, to lose and to draw add up to more than one.
# Guess: with `predict_draw` at 0.24 two equal players win 0.38 each.
# Seen: `predict_win` gives 0.5 and 0.5, and the draw comes on top: 1.24 in all. A forecast that is scored by these three (Brier, log loss) is
# no distribution. Two equal players who are known better draw more often, 0.49, and three teams less. Scale the wins by 1 - draw.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq openskill==6.2.0
"$folder/venv/bin/python" - <<'PY'
from importlib.metadata import version

from openskill.models import PlackettLuce

print("openskill", version("openskill"))
model = PlackettLuce()
teams = [[model.rating()], [model.rating()]]
wins, draw = model.predict_win(teams), model.predict_draw(teams)
print("win, loss and draw of two new players:", *(round(each, 4) for each in (*wins, draw)), "sum", round(sum(wins) + draw, 4))
assert wins == [0.5, 0.5]
assert 1.23 < sum(wins) + draw < 1.24
known = [[model.rating(25, 1)], [model.rating(25, 1)]]
print("draw of two that are known well:", round(model.predict_draw(known), 4))
assert 0.48 < model.predict_draw(known) < 0.49
assert model.predict_win(known) == [0.5, 0.5]
PY
