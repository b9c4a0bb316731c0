#!/usr/bin/env bash
# iso20022.js 0.0.15 (JavaScript): what a bank takes back is not marked, two payments have one reference, and cents have fractions.
# Guess: a statement (ISO 20022 camt.053) that is read tells which entry takes back another, gives references as the texts that they are, and
# amounts as whole minor units of their currency, as the writer of the same library demands.
# Seen: `reversal` is false for an entry that says true: the text was turned into a boolean before it is compared with the text. References
# are numbers where they look like one: 0012 and 12 are both 12, 7.10 is 7.1, while 20260105000000001 stays a text. 1.15 EUR are
# 114.99999999999999 cents, and 1500 JPY, a currency without a smaller unit, are 150000. Nothing warns. Who finds doubles by their reference
# drops payments, and a returned payment counts as a second one.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{ "private": true, "type": "module" }' >package.json
npm install --silent --ignore-scripts --no-audit --no-fund iso20022.js@0.0.15
cat >read.mjs <<'JS'
import assert from "node:assert";
import { readFileSync } from "node:fs";
import { CashManagementEndOfDayReport } from "iso20022.js";

const entry = (reference, currency, amount, reversal) => `<Ntry><Amt Ccy="${currency}">${amount}</Amt><CdtDbtInd>CRDT</CdtDbtInd>
  <RvslInd>${reversal}</RvslInd><Sts>BOOK</Sts><BookgDt><Dt>2026-01-05</Dt></BookgDt><ValDt><Dt>2026-01-05</Dt></ValDt>
  <AcctSvcrRef>${reference}</AcctSvcrRef><BkTxCd><Prtry><Cd>TRF</Cd></Prtry></BkTxCd></Ntry>`;
const entries = [
  entry("0012", "EUR", "1.15", false),
  entry("12", "EUR", "2.00", true),
  entry("7.10", "JPY", "1500", false),
  entry("20260105000000001", "EUR", "3.00", false),
];
const balance = (code) => `<Bal><Tp><CdOrPrtry><Cd>${code}</Cd></CdOrPrtry></Tp><Amt Ccy="EUR">10.00</Amt>
  <CdtDbtInd>CRDT</CdtDbtInd><Dt><Dt>2026-01-05</Dt></Dt></Bal>`;
const report = CashManagementEndOfDayReport.fromXML(`<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.02"><BkToCstmrStmt>
<GrpHdr><MsgId>M1</MsgId><CreDtTm>2026-01-06T08:00:00Z</CreDtTm></GrpHdr>
<Stmt><Id>S1</Id><ElctrncSeqNb>1</ElctrncSeqNb><CreDtTm>2026-01-06T08:00:00Z</CreDtTm>
<Acct><Id><Othr><Id>1000</Id></Othr></Id><Svcr><FinInstnId><BIC>DEUTDEFF</BIC></FinInstnId></Svcr></Acct>
${balance("OPBD")}${balance("CLBD")}${entries.join("")}</Stmt></BkToCstmrStmt></Document>`);

const { version } = JSON.parse(readFileSync("node_modules/iso20022.js/package.json"));
const read = report.statements[0].entries.map((each) => [each.accountServicerReferenceId, each.currency, each.amount, each.reversal]);
console.log("iso20022.js", version);
for (const row of read) console.log(...row);
assert.deepStrictEqual(read, [
  [12, "EUR", 114.99999999999999, false],
  [12, "EUR", 200, false],
  [7.1, "JPY", 150000, false],
  ["20260105000000001", "EUR", 300, false],
]);
JS
node read.mjs
