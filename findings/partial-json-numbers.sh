#!/usr/bin/env bash
# jiter 0.19.0, partial-json-parser 0.2.1.1.post7, json_repair 0.64.6: a number at the end of a JSON text that is still being
# streamed is taken as whole.
# Guess: what can still change is left out. jiter does so by default with texts and with `tru`.
# Seen: of `{"price": 12`, the beginning of `{"price": 125}`, all three make a price of 12. jiter withholds `"bu` and `tru` in the
# same place. An agent that acts on a model's answer while it arrives would bid 12. The last value of what is not finished must be
# dropped by the reader, or nothing acted on before the end.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq jiter==0.19.0 partial-json-parser==0.2.1.1.post7 json_repair==0.64.6
"$folder/venv/bin/python" - <<'PY'
import jiter
import json_repair
import partial_json_parser

streamed = '{"price": 125, "side": "buy", "urgent": true}'
begun = streamed[: streamed.index("5")]
found = {
    "jiter": jiter.from_json(begun.encode(), partial_mode=True),
    "partial-json-parser": partial_json_parser.loads(begun),
    "json_repair": json_repair.loads(begun),
}
print(found)
assert all(each == {"price": 12} for each in found.values())
for end in ("y", "e}"):
    withheld = jiter.from_json(streamed[: streamed.index(end)].encode(), partial_mode=True)
    print(streamed[: streamed.index(end)], "→", withheld)
assert jiter.from_json(b'{"side": "bu', partial_mode=True) == {}
assert jiter.from_json(b'{"urgent": tru', partial_mode=True) == {}
PY
