#!/usr/bin/env bash
# regression 2.0.1 (npm, Node.js 20): a line through prices that rise by 0.002 a tick is flat.
# Guess: coefficients are floating-point numbers as the data give them; rounding is for whoever prints them.
# Seen: coefficients are rounded to two digits before they are used: slope 0, a predicted 0 after 100 ticks instead of
# 0.201, and a coefficient of determination of -3.38 for points that lie on a line. With `precision: 6` slope and prediction are right.
# The right number of digits depends on the unit: in cents the same market has a slope of 0.2.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-fund --no-audit regression@2.0.1 >/dev/null
cat > look.mjs <<'JS'
import assert from "node:assert/strict";
import regression from "regression";

const PRICES = [[0, 0.001], [1, 0.003], [2, 0.005]];
/** Tells the line, how well it fits, and its price after 100 ticks. */
const fit = (points, options) => {
  const line = regression.linear(points, options);
  return { equation: line.equation, fit: line.r2, later: line.predict(100)[1] };
};
const found = fit(PRICES);
const finer = fit(PRICES, { precision: 6 });
const cents = fit(PRICES.map(([tick, price]) => [tick, price * 100]));
console.log("as it is", found, "six digits", finer, "in cents", cents);
assert.deepEqual(found, { equation: [0, 0], fit: -3.38, later: 0 });
assert.deepEqual(finer, { equation: [0.002, 0.001], fit: 1, later: 0.201 });
assert.deepEqual(cents.equation, [0.2, 0.1]);
JS
node look.mjs
