#!/usr/bin/env bash
# jsonschema-rs 0.61.2: a schema of a kilobyte takes as long as its sender likes, for references are checked anew each time.
# Guess: a part that several references point at is checked once for each value.
# Seen: `allOf` with twice the same reference, whose target is made alike, doubles the time with every level: a check of
# the number 1 takes 2**levels steps, 22 levels about 0.1 s and 32 levels over a minute, while the schema compiles in
# milliseconds. A cycle of references is cut off, so nothing warns. Count the parts with the references written out.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq jsonschema-rs==0.61.2
"$folder/venv/bin/python" - <<'PY'
import json
import time

import jsonschema_rs


def seconds(levels):
    parts = {f"a{n}": {"allOf": [{"$ref": f"#/$defs/a{n + 1}"}] * 2} for n in range(levels)}
    schema = {"$ref": "#/$defs/a0", "$defs": {**parts, f"a{levels}": {"type": "integer"}}}
    validator = jsonschema_rs.validator_for(schema)
    started = time.process_time()
    assert validator.is_valid(1)
    found = time.process_time() - started
    print(levels, "levels,", len(json.dumps(schema)), "bytes:", round(found, 4), "s")
    return found


assert seconds(22) > 8 * seconds(17)
PY
