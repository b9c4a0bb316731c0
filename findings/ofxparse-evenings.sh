#!/usr/bin/env bash
# ofxparse 0.21 with ofxtools 1.1.1 beside it: what was bought on the evening of 30 November is of December.
# Guess: a time with its zone, `20261130230000[-5:EST]`, is read as such; or, where times have no zone, as the bank wrote it.
# Seen: it comes back as 1 December, 4 o'clock, without a zone, while `20261130` in the same file is midnight of 30 November: purchases of
# one evening fall into two months, by whether the bank gave the hour, and nothing tells which of both a value is. ofxtools
# gives the same instant with UTC beside it. Sums by month or day need the bank's zone, which ofxparse has dropped.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq ofxparse==0.21 ofxtools==1.1.1
"$folder/venv/bin/python" -W ignore - <<'PY'
import io
from datetime import UTC, datetime
from importlib import metadata

from ofxparse import OfxParser
from ofxtools.Types import DateTime


def bought(number, day):
    """Return a purchase of a statement."""
    return f"<STMTTRN><TRNTYPE>DEBIT<DTPOSTED>{day}<TRNAMT>-1.50<FITID>{number}<NAME>coffee</STMTTRN>"


days = ["20261130230000[-5:EST]", "20261130"]
statement = (
    "OFXHEADER:100\nDATA:OFXSGML\nVERSION:102\nSECURITY:NONE\nENCODING:USASCII\nCHARSET:1252\nCOMPRESSION:NONE\nOLDFILEUID:NONE\n"
    "NEWFILEUID:NONE\n\n<OFX><SIGNONMSGSRSV1><SONRS><STATUS><CODE>0<SEVERITY>INFO</STATUS><DTSERVER>20261130<LANGUAGE>ENG</SONRS>"
    "</SIGNONMSGSRSV1><BANKMSGSRSV1><STMTTRNRS><TRNUID>1<STATUS><CODE>0<SEVERITY>INFO</STATUS><STMTRS><CURDEF>USD<BANKACCTFROM>"
    "<BANKID>1<ACCTID>2<ACCTTYPE>CHECKING</BANKACCTFROM><BANKTRANLIST><DTSTART>20261101<DTEND>20261130"
    + "".join(bought(number, day) for number, day in enumerate(days))
    + "</BANKTRANLIST><LEDGERBAL><BALAMT>0<DTASOF>20261130</LEDGERBAL></STMTRS></STMTTRNRS></BANKMSGSRSV1></OFX>"
)
read = [each.date for each in OfxParser.parse(io.BytesIO(statement.encode())).account.statement.transactions]
print("ofxparse", metadata.version("ofxparse"), *map(repr, read))
assert read == [datetime(2026, 12, 1, 4), datetime(2026, 11, 30)], read
other = DateTime().convert(days[0])
print("ofxtools", metadata.version("ofxtools"), other.isoformat())
assert other == datetime(2026, 12, 1, 4, tzinfo=UTC)
assert other.utcoffset() is not None
PY
