#!/usr/bin/env bash
# elote 1.5.1: points are made from nothing when a weak player loses.
# Guess: what Elo takes from one it gives to the other, so the sum of all ratings stays.
# Seen: a rating stops at 100, and the winner is paid all the same: after ten wins over a player at 100 the sum of both is 331 instead of
# 200. A league that goes on long has higher ratings each season, and those of two leagues do not compare. Begin well above the floor, or
# watch the sum.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq elote==1.5.1
"$folder/venv/bin/python" - <<'PY'
from importlib.metadata import version

from elote import EloCompetitor

print("elote", version("elote"))
for start, games, expected in ((1_000, 10, 2_000), (100, 10, 331)):
    strong, weak = EloCompetitor(initial_rating=start), EloCompetitor(initial_rating=start)
    for _ in range(games):
        strong.beat(weak)
    print(f"{games} wins from {start}: {strong.rating:.1f} and {weak.rating:.1f}, sum {strong.rating + weak.rating:.1f}")
    assert round(strong.rating + weak.rating) == expected
assert weak.rating == 100
PY
