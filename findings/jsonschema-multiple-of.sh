#!/usr/bin/env bash
# jsonschema 4.26.0, jsonschema-rs 0.61.2, fastjsonschema 2.22.3: they disagree on which prices lie on a grid of cents.
# Guess: `multipleOf: 0.01` accepts 19.99 everywhere, or is imprecise in the same way everywhere.
# Seen: of 10 000 prices from 0.01 to 100.00 jsonschema refuses 1363, the other two none; and 0.30000000000000004 is
# refused by all three, so the two are not merely lenient. A grid belongs in integers, or in a rule outside the schema.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq jsonschema==4.26.0 jsonschema-rs==0.61.2 fastjsonschema==2.22.3
"$folder/venv/bin/python" - <<'PY'
import fastjsonschema
import jsonschema
import jsonschema_rs

schema = {"type": "number", "multipleOf": 0.01}
plain = jsonschema.Draft202012Validator(schema).is_valid
rust = jsonschema_rs.validator_for(schema).is_valid
compiled = fastjsonschema.compile(schema)


def fast(value):
    try:
        compiled(value)
    except fastjsonschema.JsonSchemaValueException:
        return False
    return True


prices = [cents / 100 for cents in range(1, 10_001)]
for name, valid in (("jsonschema", plain), ("jsonschema-rs", rust), ("fastjsonschema", fast)):
    refused = [price for price in prices if not valid(price)]
    print(name, "refuses", len(refused), "prices, first", refused[:3], "and 19.99:", valid(19.99))
    assert bool(refused) is (valid is plain), name
    assert not valid(0.1 + 0.2), name
PY
