"""A tool server that answers at once, run as a program: its one tool returns its argument, or fails or hangs when it is told to."""

from __future__ import annotations

import json
import sys

TOOL = {"name": "echo", "inputSchema": {"type": "object", "properties": {"text": {"type": "string"}}}}
INFO = {
    "protocolVersion": "2025-11-25",
    "capabilities": {"tools": {}},
    "serverInfo": {"name": "stub", "version": "1"},
}


def main() -> None:
    """Answer line by line until the input ends."""
    for line in sys.stdin:
        message = json.loads(line)
        if "id" in message and (found := answer(message)):
            sys.stdout.write(json.dumps({"jsonrpc": "2.0", "id": message["id"]} | found) + "\n")
            sys.stdout.flush()


def answer(message: dict) -> dict | None:
    """Return the result or the error of a request; none for one that is never answered."""
    match message["method"]:
        case "initialize":
            return {"result": INFO}
        case "tools/list":
            return {"result": {"tools": [TOOL]}}
        case "tools/call":
            text = message["params"]["arguments"].get("text", "")
            if text.startswith("fail"):
                return {"error": {"code": -32602, "message": "told to fail"}}
            if text.startswith("hang"):
                return None
            return {"result": {"content": [{"type": "text", "text": text}]}}
        case _:
            return {"error": {"code": -32601, "message": "no such method"}}


if __name__ == "__main__":
    main()
