"""A tool server over standard input and output that does what no server should: run as a program by the tests of faults.

It speaks the protocol by hand, because the libraries do not let one break it. It counts its calls in the file that its first
argument names, one line each, so that a test knows what ran.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

TOOLS = {
    "echo": {
        "type": "object",
        "properties": {"text": {"type": "string", "maxLength": 100}},
        "required": ["text"],
    },
    "slow": {"type": "object", "properties": {"s": {"type": "number"}}},
    "hang": {"type": "object"},
    "crash": {"type": "object"},
    "huge": {"type": "object", "properties": {"mb": {"type": "integer"}}},
    "lie": {"type": "object"},
    "junk": {"type": "object"},
    "twice": {"type": "object"},
    "notices": {"type": "object"},
    "broken": {"type": "object"},
    "endless": {"type": "object", "properties": {"a": {"$ref": "#"}}},
}
OUTPUTS = {"lie": {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}}


def send(message):
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def answer(id_, text, **fields):
    send({"jsonrpc": "2.0", "id": id_, "result": {"content": [{"type": "text", "text": text}], **fields}})


def fail(id_, code, text):
    send({"jsonrpc": "2.0", "id": id_, "error": {"code": code, "message": text}})


def call(id_, name, given):  # noqa: C901 - one line a fault
    match name:
        case "slow":
            time.sleep(given.get("s", 1))
            answer(id_, "at last")
        case "hang":
            return
        case "crash":
            os._exit(3)
        case "huge":
            sys.stdout.write(f'{{"jsonrpc":"2.0","id":{id_},"result":{{"content":[{{"type":"text","text":"')
            for _ in range(given.get("mb", 100)):
                sys.stdout.write("x" * 2**20)
            sys.stdout.write('"}]}}\n')
            sys.stdout.flush()
        case "lie":
            answer(id_, "n", structuredContent={"n": "no number"})
        case "junk":
            send({"jsonrpc": "2.0", "id": id_, "result": {"content": "no list"}})
        case "twice":
            answer(id_, "first")
            answer(id_, "second")
        case "notices":
            notice = {
                "jsonrpc": "2.0",
                "method": "notifications/message",
                "params": {"level": "info", "data": "x"},
            }
            send(notice)
            sys.stdout.write("a print that is no message\n")
        case "broken":
            fail(id_, -32603, "it broke")
        case _:
            answer(id_, given.get("text", "") + os.environ.get("GREETING", ""))


def main(journal):
    for line in sys.stdin:
        message = json.loads(line)
        id_, method, params = message.get("id"), message["method"], message.get("params") or {}
        if method == "initialize":
            info = {"name": "faulty", "version": "1"}
            send(
                {
                    "jsonrpc": "2.0",
                    "id": id_,
                    "result": {
                        "protocolVersion": "2025-11-25",
                        "capabilities": {"tools": {}},
                        "serverInfo": info,
                    },
                }
            )
        elif method == "tools/list":
            tools = [
                {"name": name, "inputSchema": schema}
                | ({"outputSchema": OUTPUTS[name]} if name in OUTPUTS else {})
                for name, schema in TOOLS.items()
            ]
            send({"jsonrpc": "2.0", "id": id_, "result": {"tools": tools}})
        elif method == "tools/call":
            with journal.open("a") as file:
                file.write(params["name"] + "\n")
            call(id_, params["name"], params.get("arguments") or {})
        elif id_ is not None:
            fail(id_, -32601, "no such method")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
