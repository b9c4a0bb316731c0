#!/usr/bin/env bash
# rbo 0.1.3: two equal rankings of three are 0.27 alike.
# Guess: rank-biased overlap of a list with itself is 1, as it is by default.
# Seen: the default is p=1, which is not rank-biased overlap but the mean overlap of all depths. With the usual p=0.9 the tail that nobody saw
# counts as different: 0.271 for three equal places, 0.651 for ten; `rbo_ext`, which extends what was seen, gives 1. Rankings of few agents
# look unlike each other, and longer ones more alike.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq rbo==0.1.3
"$folder/venv/bin/python" - <<'PY'
from importlib.metadata import version

import rbo

print("rbo", version("rbo"))
for length, expected in ((3, 0.271), (10, 0.651), (50, 0.995)):
    ranking = [f"agent_{place}" for place in range(length)]
    same = rbo.RankingSimilarity(ranking, ranking)
    found = same.rbo(), round(same.rbo(p=0.9), 3), round(same.rbo_ext(0.9), 9)
    print(f"{length} places, twice the same: default {found[0]}, p=0.9 {found[1]}, extended {found[2]}")
    assert found == (1.0, expected, 1.0)
PY
