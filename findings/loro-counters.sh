#!/usr/bin/env bash
# loro 1.17.1: the counter of a shared document is a float, and a large integer in a map becomes one.
# Guess: a counter that many replicas add integers to is an integer, exact whatever the order; an integer that does not fit is refused.
# Seen: a counter at 2**53 that is counted up by one, a thousand times, stays at 2**53: every one of these increments is lost.
# In a map 2**63 - 1 is kept to the last digit, 2**63 + 1 comes back as the float 9.223372036854775808e18, without an error. Balances in
# millionths of a credit, and counts of messages in bytes, reach such sizes; they belong into integers of a map, one a replica.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq loro==1.17.1
"$folder/venv/bin/python" - <<'PY'
from importlib import metadata

from loro import LoroDoc

print("loro", metadata.version("loro"))
document = LoroDoc()
counter = document.get_counter("paid")
counter.increment(2**53)
for _ in range(1000):
    counter.increment(1)
print("counted:", repr(counter.value), "true:", 2**53 + 1000)
assert counter.value == 2**53
assert isinstance(counter.value, float)

balances = document.get_map("balances")
balances.insert("fits", 2**63 - 1)
balances.insert("does not", 2**63 + 1)
read = balances.get_value()
print("read:", read)
assert read["fits"] == 2**63 - 1
assert isinstance(read["fits"], int)
assert isinstance(read["does not"], float)
PY
