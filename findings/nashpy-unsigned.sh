#!/usr/bin/env bash
# nashpy 0.0.43 with numpy 2.4.6: a zero-sum game of unsigned payoffs has other equilibria.
# Guess: payoffs are numbers; whether their column was read as signed or unsigned integers changes nothing, or is refused.
# Seen: `Game(A)` makes the other player's payoffs as -A in the same type: -3 becomes 253 with uint8 and 18446744073709551613
# with uint64. The game with payoffs 3, 1, 0, 2 has one equilibrium, in which both players mix; as uint64 it has two pure ones, as
# uint8 one pure. Nothing warns. Quantities and prices of Parquet files are often unsigned; `astype(float)` first.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq nashpy==0.0.43 numpy==2.4.6
"$folder/venv/bin/python" -W ignore - <<'PY'
from importlib import metadata

import nashpy
import numpy as np

print("nashpy", metadata.version("nashpy"))
found = {}
for kind in ("int64", "uint8", "uint64"):
    game = nashpy.Game(np.array([[3, 1], [0, 2]], dtype=kind))
    found[kind] = [(row.tolist(), column.tolist()) for row, column in game.support_enumeration()]
    print(f"{kind}: the other player gets {game.payoff_matrices[1][0, 0]} for 3; equilibria {found[kind]}")
assert found["int64"] == [([0.5, 0.5], [0.25, 0.75])], found
assert found["uint8"] == [([0, 1], [0, 1])], found
assert found["uint64"] == [([1, 0], [1, 0]), ([0, 1], [0, 1])], found
PY
