#!/usr/bin/env bash
# mathjs 15.2.0 (npm, Node.js 20): from about 10 to the power of 12 on, whole amounts that differ by one are equal, and are not sorted.
# Guess: whole numbers below 2 to the power of 53 are exact, so 10000000000001 is larger than 10000000000000, as JavaScript says.
# Seen: comparisons allow a relative difference of 1e-12: `>` is false, `==` and `deepEqual` are true, `compare` is 0, and `sort` leaves
# such numbers as they came, while `max` and the difference are exact. Ten million credits in micro-credits are such amounts. Who
# compares money sets `relTol` to 1e-15 (0 is refused), or compares with JavaScript's own operators.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-fund --no-audit mathjs@15.2.0 >/dev/null
cat > look.mjs <<'JS'
import assert from "node:assert/strict";
import { all, create, version } from "mathjs";

const LESS = 10_000_000_000_000;
const MORE = LESS + 1;
/** Tells what one more micro-credit makes. */
const ask = (math) => ({
  larger: math.evaluate(`${MORE} > ${LESS}`),
  equal: math.evaluate(`${MORE} == ${LESS}`),
  compared: math.compare(MORE, LESS),
  sorted: math.sort([MORE, LESS]),
  largest: math.max(MORE, LESS),
  difference: math.subtract(MORE, LESS),
});
const found = ask(create(all));
const exact = ask(create(all, { relTol: 1e-15, absTol: 1e-18 }));
console.log("mathjs", version, found);
console.log("with a smaller tolerance", exact);
assert.deepEqual(found, { larger: false, equal: true, compared: 0, sorted: [MORE, LESS], largest: MORE, difference: 1 });
assert.deepEqual(exact, { larger: true, equal: false, compared: 1, sorted: [LESS, MORE], largest: MORE, difference: 1 });
JS
node look.mjs
