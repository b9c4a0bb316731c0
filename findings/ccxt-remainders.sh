#!/usr/bin/env bash
# ccxt 4.5.84: the same decimal arithmetic has another remainder in Python than in JavaScript.
# Guess: `Precise`, which is written once and translated, gives the same text in every language of the library.
# Seen: the remainder of -7 by 3 is 2 in Python and -1 in JavaScript, of 7 by -3 it is -2 and 1; positive numbers and quotients agree. A price step
# that is checked by the remainder of a negative amount, such as a short position or a loss, differs between two bots on the same data.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install -qq ccxt==4.5.84
echo '{ "private": true, "type": "module" }' >package.json
npm install --silent --ignore-scripts --no-audit --no-fund ccxt@4.5.84
cat >remainders.mjs <<'JS'
import ccxt from "ccxt";
const { Precise } = ccxt;
const pairs = [["7", "3"], ["-7", "3"], ["7", "-3"], ["-5.5", "2"]];
console.log(JSON.stringify(pairs.map(([a, b]) => [a, b, Precise.stringMod(a, b), Precise.stringDiv(a, b)])));
JS
node remainders.mjs >javascript.json
venv/bin/python - <<'PY'
import json

import ccxt
from ccxt import Precise

print("ccxt", ccxt.__version__, "in Python,", json.load(open("node_modules/ccxt/package.json"))["version"], "in JavaScript")
found = []
for one, other, remainder, quotient in json.load(open("javascript.json")):
    here = Precise.string_mod(one, other)
    print(f"{one} by {other}: remainder {here} in Python, {remainder} in JavaScript")
    assert Precise.string_div(one, other) == quotient
    found.append((here, remainder))
assert found == [("1", "1"), ("2", "-1"), ("-2", "1"), ("0.5", "-1.5")]
PY
