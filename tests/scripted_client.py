"""A connection whose server is a script: it answers each request with the next line, and keeps what was sent."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from types import SimpleNamespace

from nats.js import JetStreamContext


class ScriptedClient:
    """A client for adapters that ask: answers are JSON objects, messages, or errors to raise."""

    def __init__(self, *answers: object) -> None:
        self.answers = list(answers)
        self.requests: list[tuple[str, bytes, Mapping[str, str]]] = []
        self.is_closed = False

    @property
    def subjects(self) -> list[str]:
        return [subject for subject, _, _ in self.requests]

    async def request(self, subject, payload=b"", timeout=None, headers=None):  # noqa: ARG002, ASYNC109 - the library's names
        self.requests.append((subject, payload, headers or {}))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, dict):
            return SimpleNamespace(data=json.dumps(answer).encode(), headers=None, subject=subject)
        return answer

    def jetstream(self, timeout=5):
        return JetStreamContext(self, timeout=timeout)


def stored(sequence: int, subject: str, data: bytes, headers: Mapping[str, str] | None = None) -> dict:
    """Return the server's answer to a request for one message."""
    block = (
        "NATS/1.0\r\n" + "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items()) + "\r\n"
    )
    return {
        "message": {
            "subject": subject,
            "seq": sequence,
            "data": base64.b64encode(data).decode(),
            "hdrs": base64.b64encode(block.encode()).decode() if headers else "",
            "time": "2026-01-01T00:00:00Z",
        }
    }


def refusal(err_code: int, code: int = 400, description: str = "no") -> dict:
    """Return the server's answer that refuses a request."""
    return {"error": {"code": code, "err_code": err_code, "description": description}}


def acknowledgement(stream: str, sequence: int = 1) -> dict:
    """Return a stream's acknowledgement."""
    return {"stream": stream, "seq": sequence}
