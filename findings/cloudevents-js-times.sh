#!/usr/bin/env bash
# cloudevents 10.0.0 for JavaScript with cloudevents 2.2.0 for Python beside it: events that pass through it come at the same moment.
# Guess: the time of an event is a text that is passed on; the object shows it with all its digits, and so does what is sent.
# Seen: `event.time` of an event made with microseconds is 10:00:00.123456Z, what is sent says 10:00:00.123Z; an event that was
# received has lost them at once. Two trades a third of a millisecond apart have one time, and who sorts by it has another order of
# events than the sender. An offset becomes UTC. The Python library keeps the digits. A number for the order goes along, in
# `sequence` say.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install -qq cloudevents==2.2.0
echo '{ "private": true }' >package.json
npm install --silent --ignore-scripts --no-audit --no-fund cloudevents@10.0.0
cat >pass.cjs <<'JS'
const assert = require("node:assert");
const fs = require("node:fs");
const { CloudEvent, HTTP } = require("cloudevents");
console.log("cloudevents", require("./node_modules/cloudevents/package.json").version);
const trade = (id, time) => ({ specversion: "1.0", id, source: "/market", type: "traded", time });
const trades = [trade("1", "2026-11-30T10:00:00.123456Z"), trade("2", "2026-11-30T10:00:00.123789Z")];
const made = new CloudEvent(trades[0]);
console.log("made:", made.time, "sent:", HTTP.binary(made).headers["ce-time"]);
assert.strictEqual(made.time, trades[0].time);
assert.strictEqual(HTTP.binary(made).headers["ce-time"], "2026-11-30T10:00:00.123Z");
const headers = { "content-type": "application/cloudevents+json" };
const received = trades.map((each) => HTTP.toEvent({ headers, body: JSON.stringify(each) }));
console.log("received:", ...received.map((each) => each.time));
assert.strictEqual(received[0].time, received[1].time);
fs.writeFileSync("trade.json", JSON.stringify(trades[0]));
JS
node pass.cjs
venv/bin/python - <<'PY'
from importlib import metadata
from pathlib import Path

from cloudevents.core.bindings.http import HTTPMessage, from_structured
from cloudevents.core.formats.json import JSONFormat

headers = {"content-type": "application/cloudevents+json"}
event = from_structured(HTTPMessage(headers, Path("trade.json").read_bytes()), JSONFormat())
print("Python's", metadata.version("cloudevents"), "received:", event.get_time())
assert event.get_time().microsecond == 123456
PY
