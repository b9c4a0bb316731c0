#!/usr/bin/env bash
# currency.js 2.0.4: what the payer loses is a cent less than what the payee gains.
# Guess: an amount and the same amount with a minus are rounded alike; a text that is no plain number is refused.
# Seen: half a cent goes up, for negative amounts too: currency(1.005) is 1.01, currency(-1.005) is -1, so the two sides of one
# transfer do not add up to nought; and a product, `currency(-0.5).multiply(0.05)`, is -0.02 where 0.5 gives 0.03. A text loses
# every letter: "1e3", a thousand, is 13, with `errorOnInvalid` too. Round the amount once, then turn its sign.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{ "private": true }' >package.json
npm install --silent --ignore-scripts --no-audit --no-fund currency.js@2.0.4
cat >transfer.cjs <<'JS'
const assert = require("node:assert");
const currency = require("currency.js");
console.log("currency.js", require("./node_modules/currency.js/package.json").version);
const sides = [currency(1.005).value, currency(-1.005).value];
console.log("received and paid:", ...sides, "sum:", currency(sides[0]).add(sides[1]).value);
assert.deepStrictEqual(sides, [1.01, -1]);
const fees = [currency(0.5).multiply(0.05).value, currency(-0.5).multiply(0.05).value];
console.log("five per cent of half a credit, and of its reversal:", ...fees);
assert.deepStrictEqual(fees, [0.03, -0.02]);
console.log('"1e3" is', currency("1e3", { errorOnInvalid: true }).value);
assert.strictEqual(currency("1e3", { errorOnInvalid: true }).value, 13);
assert.strictEqual(currency(1e3).value, 1000);
JS
node transfer.cjs
