#!/usr/bin/env bash
# apache-arrow 21.2.0 for JavaScript with pyarrow 26.0.1 beside it: a price of 19.99 in a decimal column is read as 1999.
# Guess: a value says its amount, as it does in every other language of Arrow; or comes as an object that knows its digits.
# Seen: `Number(value)`, `String(value)` and the JSON of the row all are 1999: the digits after the point are in the type of the column
# alone. Times differ in the same way: a timestamp of microseconds comes in milliseconds, 1796032800123.456, but a duration and a
# time of day in the column's own unit, 1500000 for a second and a half. A page that shows such a file is a hundred, or a thousand,
# times off.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install -qq pyarrow==26.0.1
echo '{ "private": true }' >package.json
npm install --silent --ignore-scripts --no-audit --no-fund apache-arrow@21.2.0
venv/bin/python - <<'PY'
from decimal import Decimal

import pyarrow as pa

table = pa.table({
    "price": pa.array([Decimal("19.99")], pa.decimal128(18, 2)),
    "at": pa.array([1796032800123456], pa.timestamp("us")),
    "took": pa.array([1500000], pa.duration("us")),
})
with pa.OSFile("trades.arrow", "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
    writer.write_table(table)
print("pyarrow", pa.__version__, *table.to_pylist())
PY
cat >read.cjs <<'JS'
const assert = require("node:assert");
const fs = require("node:fs");
const { tableFromIPC } = require("apache-arrow");
const table = tableFromIPC(fs.readFileSync("trades.arrow"));
const [price, at, took] = ["price", "at", "took"].map((name) => table.getChild(name).get(0));
const version = require("./node_modules/apache-arrow/package.json").version;
console.log("apache-arrow", version, "price", Number(price), String(price), "at", at, "took", String(took));
assert.strictEqual(Number(price), 1999);
assert.strictEqual(String(price), "1999");
assert.strictEqual(table.getChild("price").type.scale, 2);
assert.strictEqual(at, 1796032800123.456);
assert.strictEqual(took, 1500000n);
JS
node read.cjs
