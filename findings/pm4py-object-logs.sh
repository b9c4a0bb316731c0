#!/usr/bin/env bash
# pm4py 2.7.23.11: an object-centric event log (OCEL 2.0, JSON) that is read and written again has lost types, digits and times.
# Guess: attributes keep the type that the file declares, times their fraction, and the state of an object the time since when it holds.
# Seen: `integer` attributes of events come back declared as `string`, those of objects as `float` if one of them has
# none, so that a balance of 2**53 + 1 loses its last digit; times of events are cut to seconds in JSON (XML and SQLite keep microseconds), so that events within a
# second have no order; the time of an object's attribute becomes 1970. Logs of an economy need numbers as text and a sequence number.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq pm4py==2.7.23.11
"$folder/venv/bin/python" - "$folder" <<'PY' 2>/dev/null
import json
import sys
from importlib import metadata
from pathlib import Path

import pm4py

folder, balance = Path(sys.argv[1]), 2**53 + 1
log = {
    "objectTypes": [{"name": "account", "attributes": [{"name": "micros", "type": "integer"}]}],
    "eventTypes": [{"name": "posted", "attributes": [{"name": "micros", "type": "integer"}]}],
    "objects": [
        {
            "id": "a1",
            "type": "account",
            "attributes": [{"name": "micros", "time": "2026-01-01T00:00:00Z", "value": balance}],
            "relationships": [],
        },
        {"id": "a2", "type": "account", "attributes": [], "relationships": []},
    ],
    "events": [
        {
            "id": f"e{number}",
            "type": "posted",
            "time": f"2026-01-01T00:00:01.{number}Z",
            "attributes": [{"name": "micros", "value": balance}],
            "relationships": [{"objectId": "a1", "qualifier": "debit"}],
        }
        for number in (100, 200)
    ],
}
(folder / "a.json").write_text(json.dumps(log))
pm4py.write_ocel2_json(pm4py.read_ocel2_json(str(folder / "a.json")), str(folder / "b.json"))
back = json.loads((folder / "b.json").read_text())
seen = {
    "type of the event's attribute": back["eventTypes"][0]["attributes"][0]["type"],
    "type of the object's attribute": back["objectTypes"][0]["attributes"][0]["type"],
    "its value": back["objects"][0]["attributes"][0]["value"],
    "its time": back["objects"][0]["attributes"][0]["time"],
    "times of events": [each["time"] for each in back["events"]],
}
print("pm4py", metadata.version("pm4py"), json.dumps(seen, indent=1))
assert list(seen.values()) == [
    "string",
    "float",
    float(balance - 1),
    "1970-01-01T00:00:00Z",
    ["2026-01-01T00:00:01Z"] * 2,
]
PY
