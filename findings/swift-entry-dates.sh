#!/usr/bin/env bash
# mt940js 1.3.5, @centrapay/swift-parser 1.0.1, swiftmessageparser 1.2.1, with mt-940 5.1.1 for Python beside them: a payment around
# New Year was booked a year before or after its day.
# Guess: the entry date of a statement (MT940) has no year, so a reader takes the one that lies next to the value date, which has one.
# Seen: all three take the year of the value date: valued 31 December 2025 and booked 2 January, a payment has the entry date 2 January
# 2025; valued 1 January 2026 and booked 31 December, it has 31 December 2026. Balances add up, so checks of a statement pass, and sums by
# month of booking have a payment in a month whose statement was closed long ago, or is yet to come. mt-940 says 2026 and 2025.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq mt-940==5.1.1
cd "$folder"
echo '{ "private": true }' >package.json
npm install --silent --ignore-scripts --no-audit --no-fund mt940js@1.3.5 @centrapay/swift-parser@1.0.1 swiftmessageparser@1.2.1
cat >statement.txt <<'MT940'
:20:START
:25:10000000/1
:28C:1/1
:60F:C251231EUR1000,00
:61:2512310102C100,00NTRFNONREF
:61:2601011231D30,00NTRFNONREF
:62F:C260102EUR1070,00
-
MT940
cat >read.cjs <<'JS'
const assert = require("node:assert");
const data = require("node:fs").readFileSync("statement.txt", "utf8");
const { Parser } = require("mt940js");
const readers = {
  mt940js: () => new Parser().parse(data),
  "@centrapay/swift-parser": () => require("@centrapay/swift-parser").parse({ type: "mt940", data, validate: true }),
  swiftmessageparser: () => require("swiftmessageparser").parse({ type: "mt940", data, validate: true }),
};
for (const [name, read] of Object.entries(readers)) {
  const [statement] = read();
  const day = (time) => time.toISOString().slice(0, 10);
  const dates = statement.transactions.map((each) => [day(each.date), day(each.entryDate)]);
  console.log(name, require(`./node_modules/${name}/package.json`).version, "valued and booked:", JSON.stringify(dates));
  assert.deepStrictEqual(dates, [
    ["2025-12-31", "2025-01-02"],
    ["2026-01-01", "2026-12-31"],
  ]);
}
JS
node read.cjs
venv/bin/python - <<'PY'
from importlib import metadata
from pathlib import Path

import mt940

dates = [(str(each.data["date"]), str(each.data["entry_date"])) for each in mt940.parse(Path("statement.txt").read_text())]
print("mt-940", metadata.version("mt-940"), "valued and booked:", dates)
assert dates == [("2025-12-31", "2026-01-02"), ("2026-01-01", "2025-12-31")]
PY
