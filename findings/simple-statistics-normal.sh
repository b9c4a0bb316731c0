#!/usr/bin/env bash
# simple-statistics 7.12.1 (npm, Node.js 20): no p-value is smaller than 0.001, and a 95 % interval takes 1.957 for 1.960.
# Guess: `cumulativeStdNormalProbability` and `probit` are exact to some ten digits, as the error function of the same package is to seven.
# Seen: the first reads a table that ends at 3.09 with four digits: at 3.09, 5 and 8 it is 0.999, at -8 it is 0.001. So a
# difference of eight standard errors has p = 0.002 in a two-sided test, and corrections for many comparisons reject it. `probit` of 0.975
# is 1.95716 instead of 1.95996, of 0.995 2.56915 instead of 2.57583.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-fund --no-audit simple-statistics@7.12.1 >/dev/null
cat > look.mjs <<'JS'
import assert from "node:assert/strict";
import * as statistics from "simple-statistics";

const probabilities = [3.09, 5, 8, -8].map((z) => statistics.cumulativeStdNormalProbability(z));
const quantiles = [0.975, 0.995].map((share) => statistics.probit(share));
console.log("normal distribution up to 3.09, 5, 8, -8:", probabilities);
console.log("quantiles of 0.975 and 0.995:", quantiles, "error function of 1:", statistics.errorFunction(1));
assert.deepEqual(probabilities.map((found) => found.toFixed(4)), ["0.9990", "0.9990", "0.9990", "0.0010"]);
assert.deepEqual(quantiles.map((found) => found.toFixed(5)), ["1.95716", "2.56915"]);
assert.equal(statistics.errorFunction(1).toFixed(6), "0.842701");
JS
node look.mjs
