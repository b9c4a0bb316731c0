#!/usr/bin/env bash
# fastavro 1.13.1: numbers written under an Avro schema they do not fit are changed, not refused.
# Guess: a union takes the branch that keeps the value; a `long` refuses 1.7 as it refuses "5".
# Seen: in the union ["null", "double", "long"] the integer 2**53 + 1 is stored as a double and comes back as 2**53;
# with "long" before "double" it is kept. A field of type `long` stores 1.7 as 1 and True as 1.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq fastavro==1.13.1
"$folder/venv/bin/python" - <<'PY'
import io

import fastavro


def carried(kind, value):
    schema = fastavro.parse_schema({"type": "record", "name": "r", "fields": [{"name": "amount", "type": kind}]})
    stream = io.BytesIO()
    fastavro.schemaless_writer(stream, schema, {"amount": value})
    stream.seek(0)
    return fastavro.schemaless_reader(stream, schema)["amount"]


exact = 2**53 + 1
print("fastavro", fastavro.__version__)
for kind, value, comes_back in (
    (["null", "double", "long"], exact, 2.0**53),
    (["null", "long", "double"], exact, exact),
    ("long", 1.7, 1),
    ("long", True, 1),
):
    found = carried(kind, value)
    print(kind, value, "->", found)
    assert found == comes_back and type(found) is type(comes_back), (kind, value, found)
PY
