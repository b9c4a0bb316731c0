#!/usr/bin/env bash
# beancount 3.2.3 with @rustledger/wasm 0.24.0 (JavaScript) beside it: an amount of 29 digits is exact if it is received, and rounded if it is paid.
# Guess: numbers are decimals with all the digits that the file has, and the same digits with a minus are the same amount.
# Seen: the minus is a calculation, and calculations keep 28 digits: 99999999999.123456789012345678, a large balance in a token of 18 digits,
# stays as it is, the same with a minus becomes -99999999999.12345678901234568. A transfer of it leaves both accounts together with less than
# nought, and no error: the last digit that is left sets the tolerance. If the amount of the payee is left out, it gets the rounded one.
# Of 32 nines in whole units, which have no tolerance, the minus makes -10**32, and they do "not balance". rustledger rounds
# both sides. Amounts are kept below 29 digits, by larger units or rounding before they are written.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq beancount==3.2.3
cd "$folder"
cat >make.sh <<'SH'
printf '2026-01-01 open Assets:Ann\n2026-01-01 open Assets:Bob\n\n2026-01-02 * "%s"\n  Assets:Ann   %s %s\n  Assets:Bob  %s\n' "$@"
SH
amount=99999999999.123456789012345678
bash make.sh "both amounts" "$amount" TOKEN "-$amount TOKEN" >both.beancount
bash make.sh "one amount" "-$amount" TOKEN "" >one.beancount
bash make.sh "whole units" 99999999999999999999999999999999 UNIT "-99999999999999999999999999999999 UNIT" >whole.beancount
venv/bin/python - <<'PY'
from importlib import metadata

from beancount import loader

print("beancount", metadata.version("beancount"))
seen = {}
for name in ("both", "one", "whole"):
    entries, errors, _ = loader.load_file(f"{name}.beancount")
    amounts = [str(posting.units.number) for posting in entries[-1].postings]
    seen[name] = (*amounts, len(errors))
    print(f"{name}:", *amounts, [error.message for error in errors])
written, rounded = "99999999999.123456789012345678", "99999999999.12345678901234568"
assert seen["both"] == (written, f"-{rounded}", 0)
assert seen["one"] == (f"-{rounded}", rounded, 0)
assert seen["whole"] == ("9" * 32, "-1.000000000000000000000000000E+32", 1)
PY
echo '{ "private": true, "type": "module" }' >package.json
npm install --silent --ignore-scripts --no-audit --no-fund @rustledger/wasm@0.24.0
cat >read.mjs <<'JS'
import assert from "node:assert";
import { readFileSync } from "node:fs";
import init, { query, validateSource, version } from "@rustledger/wasm";

await init({ module_or_path: readFileSync("node_modules/@rustledger/wasm/rustledger_wasm_bg.wasm") });
const source = readFileSync("both.beancount", "utf8");
const { errors } = validateSource(source);
const amounts = query(source, "SELECT number").rows.flat();
console.log("rustledger", version(), "both:", ...amounts, errors);
assert.deepStrictEqual(amounts, ["99999999999.12345678901234568", "-99999999999.12345678901234568"]);
assert.deepStrictEqual(errors, []);
JS
node read.mjs
