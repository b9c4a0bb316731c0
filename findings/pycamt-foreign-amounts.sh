#!/usr/bin/env bash
# pycamt 1.1.1: money received in another currency is read as the sender's number in the account's currency, and as a debit.
# Guess: the entry of a camt.053 statement says 92.00 EUR in, so the transaction says the same, as other readers of these
# files do.
# Seen: a payment of 15 000 JPY that was booked as 92.00 EUR, of which a charge of 2.50 EUR was taken, comes back as `Amount`
# 15000, `Currency` EUR, `CreditDebitIndicator` DBIT: the amount is the first one inside the details, the instructed one; the
# currency is the entry's; and the side is that of the charge. Entries without details are right, and camt053 0.0.23 reads
# this one right.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq pycamt==1.1.1 camt053==0.0.23
cat >"$folder/statement.xml" <<'XML'
<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.02"><BkToCstmrStmt>
  <GrpHdr><MsgId>M1</MsgId><CreDtTm>2026-01-05T10:00:00+01:00</CreDtTm></GrpHdr>
  <Stmt>
    <Id>S1</Id><CreDtTm>2026-01-05T10:00:00+01:00</CreDtTm>
    <Acct><Id><Othr><Id>1</Id></Othr></Id><Ccy>EUR</Ccy></Acct>
    <Bal>
      <Tp><CdOrPrtry><Cd>CLBD</Cd></CdOrPrtry></Tp>
      <Amt Ccy="EUR">92.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Dt><Dt>2026-01-05</Dt></Dt>
    </Bal>
    <Ntry>
      <Amt Ccy="EUR">92.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts>BOOK</Sts><BkTxCd/>
      <NtryDtls><TxDtls>
        <AmtDtls>
          <InstdAmt><Amt Ccy="JPY">15000</Amt></InstdAmt>
          <TxAmt><Amt Ccy="EUR">92.00</Amt></TxAmt>
        </AmtDtls>
        <Chrgs><Amt Ccy="EUR">2.50</Amt><CdtDbtInd>DBIT</CdtDbtInd></Chrgs>
      </TxDtls></NtryDtls>
    </Ntry>
  </Stmt>
</BkToCstmrStmt></Document>
XML
"$folder/venv/bin/python" - "$folder/statement.xml" <<'PY'
import pathlib
import sys
from importlib import metadata

import camt053
from pycamt.parser import Camt053Parser

print("pycamt", metadata.version("pycamt"), "camt053", metadata.version("camt053"))
path = pathlib.Path(sys.argv[1])
[read] = Camt053Parser.from_file(str(path)).get_transactions()
found = read["Amount"], read["Currency"], read["CreditDebitIndicator"]
print("pycamt: ", found)

[statement] = camt053.parse_document(path.read_text()).statements
[entry] = statement.entries
booked = entry.amount, entry.currency, entry.credit_debit_indicator
print("camt053:", booked)

assert found == ("15000", "EUR", "DBIT"), found
assert booked == ("92.00", "EUR", "CRDT"), booked
PY
