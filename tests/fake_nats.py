"""NATS with JetStream in memory: enough of a client for services that publish, read single messages, and subscribe.

It captures, deduplicates by message id and deletes as the declared streams do. It cannot show consumers, limits,
permissions, or two clients that race: those are tested on a real server.
"""

import asyncio
import base64
import json
from dataclasses import dataclass, field
from types import SimpleNamespace

import nats.errors
from nats.aio.msg import Msg
from nats.js.api import PubAck, RawStreamMsg
from nats.js.errors import NotFoundError

from econsim.schemas.subject import matches
from econsim.streams import STREAMS

CREATED = "2026-01-01T00:00:00Z"


@dataclass
class Kept:
    """One message of a stream."""

    sequence: int
    subject: str
    payload: bytes
    headers: dict


@dataclass
class MemoryStream:
    """One stream: its messages and the ids it has seen."""

    config: dict
    messages: list = field(default_factory=list)
    ids: dict = field(default_factory=dict)
    last_sequence: int = 0
    created: str = CREATED

    def captures(self, subject):
        return any(matches_pattern(pattern, subject) for pattern in self.config["subjects"])

    def add(self, subject, payload, headers):
        """Store a message once for each id; return its acknowledgement."""
        id_ = headers.get("Nats-Msg-Id")
        if id_ in self.ids:
            return PubAck(stream=self.config["name"], seq=self.ids[id_], duplicate=True)
        self.last_sequence += 1
        if id_:
            self.ids[id_] = self.last_sequence
        self.messages.append(Kept(self.last_sequence, subject, payload, dict(headers)))
        return PubAck(stream=self.config["name"], seq=self.last_sequence)

    def find(self, question):
        """Return the messages that a `seq` or `last_by_subj` question asks for."""
        if "last_by_subj" in question:
            return [m for m in self.messages if matches_pattern(question["last_by_subj"], m.subject)][-1:]
        return [m for m in self.messages if m.sequence == question["seq"]]

    def state(self, pattern):
        counts = {}
        for message in self.messages:
            if pattern and matches_pattern(pattern, message.subject):
                counts[message.subject] = counts.get(message.subject, 0) + 1
        return {"messages": len(self.messages), "last_seq": self.last_sequence, "subjects": counts}


class FakeNats:
    """A connected client; its streams are those of `econsim.streams`, each empty."""

    def __init__(self):
        self.is_connected, self.is_closed = True, False
        self.streams = {s.name: MemoryStream({"name": s.name, "subjects": s.subjects}) for s in STREAMS}
        self.published = []
        """Subject, payload and headers of every message that no stream captured and nobody subscribed to."""
        self.failures = []
        """Errors that the next publishes to a stream raise."""
        self.requests = []
        """Operations of JetStream's API that were asked for."""
        self._subscribers = {}
        # Parts of the real client by which a page's messages are taken in its read loop.
        self._ps = SimpleNamespace(parse=None)
        self._changed = asyncio.Event()

    def new_inbox(self):
        return f"_INBOX.test.{len(self._subscribers)}"

    def jetstream(self, **_):
        return FakeJetStream(self)

    async def subscribe(self, subject, _queue="", cb=None, **_):
        self._subscribers[subject] = cb

        async def end():
            self._subscribers.pop(subject, None)

        return SimpleNamespace(subject=subject, unsubscribe=end, drain=end, _conn=self, _id=subject)

    async def _process_msg(self, *_):
        """Drop a message that nobody takes."""

    async def deliver(self, subject, payload=b"", reply="", headers=None):
        """Hand a message to whoever subscribes to its subject."""
        for pattern, callback in list(self._subscribers.items()):
            if matches_pattern(pattern, subject):
                await callback(Msg(self, subject, reply, payload, headers))

    async def publish(self, subject, payload=b"", reply="", headers=None):
        if subject.startswith("$JS.API.DIRECT.GET."):
            await self._page(subject.removeprefix("$JS.API.DIRECT.GET."), json.loads(payload), reply)
            return
        if not self.store(subject, payload, headers or {}):
            self.published.append((subject, payload, headers or {}))
        self._changed.set()

    async def until(self, condition):
        """Wait until a condition holds; it is checked whenever a message was published, stored or asked for."""
        async with asyncio.timeout(60):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    async def wait_for_published(self, count, prefix=""):
        """Wait until so many messages whose subjects begin so were published; return their payloads."""

        def found():
            return [
                json.loads(payload) for subject, payload, _ in self.published if subject.startswith(prefix)
            ]

        await self.until(lambda: len(found()) >= count)
        return found()

    def store(self, subject, payload, headers):
        """Store a message in the stream that captures it; none if no stream does."""
        self._changed.set()
        for stream in self.streams.values():
            if stream.captures(subject):
                return stream.add(subject, payload, headers)
        return None

    def stored(self, stream):
        """Return subject and payload of a stream's messages."""
        return [(message.subject, message.payload) for message in self.streams[stream].messages]

    async def request(self, subject, payload=b"", **_):
        operation = subject.removeprefix("$JS.API.")
        self.requests.append(operation)
        self._changed.set()
        if operation.startswith("DIRECT.GET."):
            _, _, name, *rest = operation.split(".", 3)
            last_by = rest[0] if rest else json.loads(payload)["last_by_subj"]
            found = self.streams[name].find({"last_by_subj": last_by})
            return self._message(found[0]) if found else Msg(self, headers={"Status": "404"})
        verb, _, name = operation.rpartition(".")
        answer = self._answer(verb, name, json.loads(payload or b"{}"))
        return Msg(self, data=json.dumps(answer).encode())

    def _answer(self, verb, name, question):
        if verb == "STREAM.CREATE":
            self.streams[name] = MemoryStream(question, created=f"{CREATED} again")
            return {"config": question}
        if name not in self.streams:
            return {"error": {"code": 404, "err_code": 10059}}
        stream = self.streams[name]
        if verb == "STREAM.INFO":
            state = stream.state(question.get("subjects_filter"))
            return {"state": state, "created": stream.created, "config": stream.config}
        found = stream.find(question)
        if not found:
            return {"error": {"code": 404, "err_code": 10037}}
        if verb == "STREAM.MSG.DELETE":
            stream.messages.remove(found[0])
            return {"success": True}
        head = "NATS/1.0\r\n" + "".join(f"{k}: {v}\r\n" for k, v in found[0].headers.items())
        parts = {"hdrs": head.encode(), "data": found[0].payload}
        encoded = {key: base64.b64encode(value).decode() for key, value in parts.items()}
        return {
            "message": {"seq": found[0].sequence, "subject": found[0].subject, "time": CREATED, **encoded}
        }

    async def _page(self, name, question, reply):
        """Send the messages of a batch and the mark that ends it."""
        found = [
            m
            for m in self.streams[name].messages
            if m.sequence >= question["seq"] and matches_pattern(question["next_by_subj"], m.subject)
        ][: question["batch"]]
        before = 0
        for message in found:
            sent = self._message(message)
            lines = [f"{name}: {value}" for name, value in sent.headers.items()]
            block = "\r\n".join(["NATS/1.0", *lines, f"Nats-Last-Sequence: {before}", "", ""])
            before = message.sequence
            await self._process_msg(reply, b"", b"", message.payload, block.encode())
        await self._process_msg(reply, b"", b"", b"", f"NATS/1.0 {204 if found else 404}\r\n\r\n".encode())

    def _message(self, kept):
        named = {
            "Nats-Sequence": str(kept.sequence),
            "Nats-Subject": kept.subject,
            "Nats-Time-Stamp": CREATED,
        }
        return Msg(self, kept.subject, "", kept.payload, {**kept.headers, **named})


class FakeJetStream:
    """The JetStream side of a fake client."""

    def __init__(self, client):
        self._client = client

    async def publish(self, subject, payload=b"", headers=None, **_):
        if self._client.failures:
            raise self._client.failures.pop(0)
        ack = self._client.store(subject, payload, headers or {})
        if ack is None:
            raise nats.errors.NoRespondersError
        return ack

    async def publish_async(self, subject, payload=b"", headers=None):
        future = asyncio.get_running_loop().create_future()
        try:
            future.set_result(await self.publish(subject, payload, headers=headers))
        except nats.errors.Error as error:
            future.set_exception(error)
        return future

    async def get_msg(self, stream, seq=None, subject=None):
        question = {"seq": seq} if subject is None else {"last_by_subj": subject}
        found = self._client.streams[stream].find(question)
        if not found:
            raise NotFoundError(code=404, err_code=10037)
        return RawStreamMsg(found[0].subject, found[0].sequence, found[0].payload, headers=found[0].headers)


def matches_pattern(pattern, subject):
    return matches(pattern.split("."), subject.split("."))
