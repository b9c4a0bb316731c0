#!/usr/bin/env bash
# sbe 0.3.1: a quote without a price is read as one at the lowest price there is, and prices without their decimal point.
# Guess: an optional field that is missing is None, for the standard (FIX SBE) says which number stands for it; a constant of the schema,
# here the exponent -4 of every price, is part of what is decoded.
# Seen: a missing bid comes back as -9223372036854775808, a missing size as 4294967295, and 1.2345 as {'mantissa': 12345}: the
# exponent is in the schema alone. Depth and spreads that are added up over such quotes are far off, without an error. Both
# have to be looked up in the schema by the reader.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq sbe==0.3.1
"$folder/venv/bin/python" -W ignore - <<'PY'
import io
import struct
from importlib import metadata

import sbe

SCHEMA = """<?xml version="1.0"?>
<sbe:messageSchema xmlns:sbe="http://fixprotocol.io/2016/sbe" package="p" id="1" version="0" byteOrder="littleEndian">
  <types>
    <composite name="messageHeader">
      <type name="blockLength" primitiveType="uint16"/><type name="templateId" primitiveType="uint16"/>
      <type name="schemaId" primitiveType="uint16"/><type name="version" primitiveType="uint16"/>
    </composite>
    <type name="level" primitiveType="int64" presence="optional"/>
    <type name="size" primitiveType="uint32" presence="optional" nullValue="4294967295"/>
    <composite name="price">
      <type name="mantissa" primitiveType="int64"/><type name="exponent" primitiveType="int8" presence="constant">-4</type>
    </composite>
  </types>
  <sbe:message name="Quote" id="1" blockLength="20">
    <field name="bid" id="1" type="level"/><field name="size" id="2" type="size"/><field name="last" id="3" type="price"/>
  </sbe:message>
</sbe:messageSchema>"""
schema = sbe.Schema.parse(io.StringIO(SCHEMA))
body = struct.pack("<qIq", -(2**63), 2**32 - 1, 12345)
quote = schema.decode(struct.pack("<HHHH", len(body), 1, 1, 0) + body).value
print("sbe", metadata.version("sbe"), quote)
assert quote == {"bid": -(2**63), "size": 2**32 - 1, "last": {"mantissa": 12345}}, quote
PY
