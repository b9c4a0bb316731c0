#!/usr/bin/env bash
# evalica 0.4.2 with numpy 2.4.6: the clearer an order of players is, the less its ratings show; a player who lost every game is first.
# Guess: where a beat b and c, and b beat c, each method puts a first and c last, or says that there is no answer without a game that goes the other way.
# Seen: Elo, counts and win rates do. Bradley and Terry's ratings are 0.000001 for all three, those of `eigen` nought for all three, without
# a warning: sorted, they are a draw. With two games that a won over b, and a draw of a and c, `eigen` gives b 0.94, a and c 0.24 each: who lost
# all leads. Tables of models with few games are of this kind. See first that each player has won and lost against the others, by some chain of games.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq evalica==0.4.2 numpy==2.4.6
"$folder/venv/bin/python" -W error - <<'PY'
from importlib import metadata

import evalica
from evalica import Winner

print("evalica", metadata.version("evalica"))


def rated(method, *games):
    """Return the ratings that a method gives to games, and show them."""
    scores = method([first for first, _, _ in games], [second for _, second, _ in games], [result for _, _, result in games]).scores
    found = {player: round(float(scores[player]), 6) for player in "abc"}
    print(method.__name__, found)
    return found


clear = [("a", "b", Winner.X), ("b", "c", Winner.X), ("a", "c", Winner.X)]
assert rated(evalica.average_win_rate, *clear) == {"a": 1, "b": 0.5, "c": 0}
elo = rated(evalica.elo, *clear)
assert elo["a"] > elo["b"] > elo["c"]
assert set(rated(evalica.bradley_terry, *clear).values()) == {1e-06}
assert set(rated(evalica.eigen, *clear).values()) == {0}
print("two games that a won over b, a draw of a and c:")
few = rated(evalica.eigen, ("a", "b", Winner.X), ("a", "b", Winner.X), ("a", "c", Winner.Draw))
assert few["b"] > 0.94 and few["a"] == few["c"] < 0.24, few
PY
