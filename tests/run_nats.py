"""FakeNats for the services of a run: consumers of the log, expected sequences, and requests that a fake answers.

It cannot show lost deliveries, redelivery, or a server that restarts: those are tested on a real server.
"""

import asyncio
import json
from dataclasses import dataclass
from types import SimpleNamespace

import nats.errors
from fake_nats import FakeJetStream, FakeNats, matches_pattern
from nats.aio.msg import Msg
from nats.js.api import RawStreamMsg
from nats.js.errors import APIError, NotFoundError

from econsim.adapters.poll import Poll
from econsim.domain.audit.envelope import DIGEST, digest
from econsim.services.context import ServiceContext
from econsim.subjects import AUDIT
from econsim.testing import FakeLeases, FakeWallClock

EXPECTED = "Nats-Expected-Last-Subject-Sequence"
WRONG_SEQUENCE = 10071


@dataclass
class LogConsumer:
    """A consumer of the log: it delivers each message of its patterns once, in order."""

    patterns: list
    start: int
    deliver_subject: str
    delivered: int = 0

    def wants(self, kept):
        return kept.sequence >= self.start and any(
            matches_pattern(each, kept.subject) for each in self.patterns
        )


class RunNats(FakeNats):
    """A connected client whose log can be followed."""

    def __init__(self):
        super().__init__()
        self.stats = {"reconnects": 0}
        self.answers = {}
        """Pattern of a request's subject → function from its payload to the reply."""
        self.reactions = {}
        """Pattern of a stored message's subject → function of its payload, called once it is stored."""
        self.duplicates = 0
        """Number of messages that a stream had under their id already."""
        self._consumers = {}
        self._inboxes = 0

    def new_inbox(self):
        self._inboxes += 1
        return f"_INBOX.run.{self._inboxes}"

    def jetstream(self, **_):
        return RunJetStream(self)

    async def flush(self, *_):
        """Everything sent is seen at once."""

    def store(self, subject, payload, headers):
        expected = headers.get(EXPECTED)
        if expected is not None:
            newest = self.streams[AUDIT].find({"last_by_subj": subject})
            if int(expected) != (newest[0].sequence if newest else 0):
                raise APIError(code=400, err_code=WRONG_SEQUENCE)
        before = self.streams[AUDIT].last_sequence
        ack = super().store(subject, payload, headers)
        if self.streams[AUDIT].last_sequence > before:
            for consumer in list(self._consumers.values()):
                self._push(consumer, self.streams[AUDIT].messages[-1])
        if ack and ack.duplicate:
            self.duplicates += 1
        else:
            for pattern, react in self.reactions.items():
                if matches_pattern(pattern, subject):
                    react(payload)
        return ack

    async def publish(self, subject, payload=b"", reply="", headers=None):
        if subject.startswith("$JS.API.CONSUMER.DELETE."):
            self._consumers.pop(subject.rpartition(".")[2], None)
            return
        await super().publish(subject, payload, reply, headers)

    async def request(self, subject, payload=b"", **more):
        if not subject.startswith("$JS.API."):
            return await self._ask(subject, payload)
        if subject.startswith("$JS.API.CONSUMER.CREATE."):
            config = json.loads(payload)["config"]
            consumer = LogConsumer(
                config["filter_subjects"], config["opt_start_seq"], config["deliver_subject"]
            )
            self._consumers[config["name"]] = consumer
            for kept in self.streams[AUDIT].messages:
                self._push(consumer, kept)
            return Msg(self, data=b"{}")
        return await super().request(subject, payload, **more)

    async def add(self, addressed):
        """Put an event into the log, as its publisher would."""
        payload = addressed.json()
        headers = {"Nats-Msg-Id": addressed.event.event_id, DIGEST: digest(addressed.subject, payload)}
        return await self.jetstream().publish(addressed.subject, payload, headers=headers)

    def events(self, action=""):
        """Return the events of the log, all or those with this action."""
        stored = self.stored(AUDIT)
        return [json.loads(body) for subject, body in stored if action in ("", subject.split(".")[2])]

    async def until(self, is_reached):
        """Wait until something is so."""
        async for _ in Poll(0.01, timeout_s=10):
            if is_reached():
                return
        raise TimeoutError

    async def _ask(self, subject, payload):
        for pattern, answer in self.answers.items():
            if matches_pattern(pattern, subject):
                reply = answer(payload)
                return Msg(self, data=reply.model_dump_json().encode(), headers=_status(reply))
        raise nats.errors.NoRespondersError

    def _push(self, consumer, kept):
        if not consumer.wants(kept):
            return
        consumer.delivered += 1
        reply = f"$JS.ACK.{AUDIT}.name.1.{kept.sequence}.{consumer.delivered}.0.0"
        message = Msg(self, kept.subject, reply, kept.payload, dict(kept.headers))
        if callback := self._subscribers.get(consumer.deliver_subject):
            task = asyncio.ensure_future(callback(message))
            self._tasks = [*(each for each in getattr(self, "_tasks", []) if not each.done()), task]


class RunJetStream(FakeJetStream):
    """JetStream with what leadership and fenced publishes ask for."""

    async def stream_info(self, name, subjects_filter=None):
        stream = self._client.streams[name]
        return SimpleNamespace(state=SimpleNamespace(subjects=stream.state(subjects_filter)["subjects"]))

    async def get_msg(self, stream, seq=None, subject=None):
        question = {"seq": seq} if subject is None else {"last_by_subj": subject}
        found = self._client.streams[stream].find(question)
        if not found:
            raise NotFoundError(code=404, err_code=10037)
        (kept,) = found
        return RawStreamMsg(kept.subject, kept.sequence, kept.payload, headers=kept.headers)


def service_context(service, client, leases=None):
    """Return the context of a service on a client in memory."""
    broker = SimpleNamespace(connection=client)
    context = ServiceContext(service, broker, FakeWallClock())
    context.jetstream = client.jetstream()
    context.leases = leases or FakeLeases()
    return context


def _status(reply):
    return {"status": "error"} if "error" in type(reply).model_fields else None
