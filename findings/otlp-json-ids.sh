#!/usr/bin/env bash
# protobuf 7.36.2 with opentelemetry-proto 1.45.2: protobuf's JSON of a span is not OTLP/JSON, and reads it wrongly.
# Guess: it writes ids some other way, and refuses the hexadecimal ids that OTLP/JSON prescribes.
# Seen: it writes base64 ids and the enum's name; and because 32 hexadecimal digits are valid base64, it parses an
# OTLP/JSON span without an error into a trace id of 24 bytes and a span id of 12.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq protobuf==7.36.2 opentelemetry-proto==1.45.2
"$folder/venv/bin/python" - <<'PY'
import json

import google.protobuf
from google.protobuf import json_format
from opentelemetry.proto.trace.v1.trace_pb2 import Span

trace, span = "5b8efff798038103d269b633813fc60c", "eee19b7ec3c1b174"
print("protobuf", google.protobuf.__version__)
written = json.loads(
    json_format.MessageToJson(Span(trace_id=bytes.fromhex(trace), span_id=bytes.fromhex(span), kind=1))
)
print("written:", written)
assert written["traceId"] != trace and written["kind"] == "SPAN_KIND_INTERNAL", written
read = json_format.Parse(json.dumps({"traceId": trace, "spanId": span, "kind": 1}), Span())
print("read back:", len(read.trace_id), "and", len(read.span_id), "bytes")
assert (len(read.trace_id), len(read.span_id)) == (24, 12)
PY
