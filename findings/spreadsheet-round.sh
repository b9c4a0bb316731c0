#!/usr/bin/env bash
# pycel 1.0b30, formulas 1.3.4, @formulajs/formulajs 4.6.1: three engines for spreadsheets have three answers to ROUND.
# Guess: ROUND of spreadsheets takes a half away from zero, at every digit, and 1.005 with two digits is 1.01; who rebuilds them does
# the same.
# Seen: pycel says ROUND(1250,-2) is 1200, though ROUND(2.5,0) is 3: hundreds go to the even neighbour, cents do not. formulas
# says ROUND(1.005,2) is 1 and ROUND(0.285,2) 0.28, a cent less. formulajs says ROUND(9.99E-7,7) is 0 in place of 0.000001: numbers
# below a millionth vanish. So a sheet of prices tells other totals in Python or in a browser than where it was written.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install -qq pycel==1.0b30 formulas==1.3.4 numpy==2.4.6
echo '{ "private": true }' >package.json
npm install --silent --ignore-scripts --no-audit --no-fund @formulajs/formulajs@4.6.1
cat >round.py <<'PY'
import json

import formulas
from pycel.excellib import x_round

CASES = [(2.5, 0), (1250, -2), (1.005, 2), (0.285, 2), (0.000000999, 7)]


def of_formulas(number, digits):
    """Return what the library formulas makes of ROUND."""
    return float(formulas.Parser().ast(f"=ROUND({number:.9f},{digits})")[1].compile()())


print(json.dumps({"cases": CASES, "pycel": [x_round(*each) for each in CASES], "formulas": [of_formulas(*each) for each in CASES]}))
PY
venv/bin/python -W ignore round.py >python.json
cat >round.cjs <<'JS'
const assert = require("node:assert");
const { ROUND } = require("@formulajs/formulajs");
const { cases, ...found } = require("./python.json");
found.formulajs = cases.map(([number, digits]) => ROUND(number, digits));
console.log("cases    ", cases.map((each) => `ROUND(${each})`).join(" "));
for (const [name, values] of Object.entries(found)) console.log(name.padEnd(9), values.join(" "));
assert.deepStrictEqual(found.pycel, [3, 1200, 1.01, 0.29, 0.000001]);
assert.deepStrictEqual(found.formulas, [3, 1300, 1, 0.28, 0.000001]);
assert.deepStrictEqual(found.formulajs, [3, 1300, 1.01, 0.29, 0]);
JS
node round.cjs
