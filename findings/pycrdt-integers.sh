#!/usr/bin/env bash
# pycrdt 0.14.13: an integer in a shared document comes back as an integer or as a float, by its size.
# Guess: integers stay integers, or all become floats, as in the JavaScript library of the same format.
# Seen: a balance of 5 is read as 5.0, in the writer's own document too, one of 2**53 - 1 as a float as well, and one of 2**53 + 1
# as an integer with every digit. `5 // 2`, `range(balance)` and a digest over the JSON text therefore change with the amount and
# with whether a value passed through the document. Amounts are turned into `int` where they are read.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq pycrdt==0.14.13
"$folder/venv/bin/python" - <<'PY'
import json
from importlib import metadata

from pycrdt import Doc, Map

print("pycrdt", metadata.version("pycrdt"))
written = {"small": 5, "large": 2**53 - 1, "larger": 2**53 + 1}
document = Doc()
balances = document.get("balances", type=Map)
for name, balance in written.items():
    balances[name] = balance
other = Doc()
other.apply_update(document.get_update())
for copy in (balances, other.get("balances", type=Map)):
    read = {name: copy[name] for name in written}
    print(json.dumps(read))
    assert read == written
    assert [type(read[name]) for name in written] == [float, float, int], read
PY
