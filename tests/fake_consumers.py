"""NATS with JetStream in memory, its push consumers and services that answer: enough to serve an order book.

Adds to `fake_nats`: deliveries of consumers and their acknowledgements, expected sequences, and replies to requests. It cannot
show redelivery after a time-out, heartbeats, or messages that get lost.
"""

import asyncio
import json
from types import SimpleNamespace

import nats.errors
from fake_nats import FakeJetStream, FakeNats, matches_pattern
from nats.aio.msg import Msg
from nats.js.api import RawStreamMsg
from nats.js.errors import APIError, NotFoundError

from econsim import subjects
from econsim.adapters.nats.connection import WRONG_LAST_SEQUENCE
from econsim.domain.ledger.ledger import Ledger
from econsim.schemas.ledger import Submit, Submitted

EXPECTED = "Nats-Expected-Last-Subject-Sequence"


class ConsumerNats(FakeNats):
    """A fake client with consumers and with services that answer requests."""

    def __init__(self):
        super().__init__()
        self.stats = {"reconnects": 0}
        self.acknowledged = []
        """Sequences of the order queue that were acknowledged, in order."""
        self.steps = []
        """Everything with an effect, in order: `ledger reserve`, `log tick_cleared`, `deliver trade_executed`, `ack 3`."""
        self.responders = {}
        """Subject → function from a payload to a reply's message."""
        self._consumers = {}
        self._changed = asyncio.Event()

    def jetstream(self, **_):
        return ConsumerJetStream(self)

    async def flush(self):
        """Wait for nothing: every message is handled as it is sent."""

    async def request(self, subject, payload=b"", **more):
        if not subject.startswith("$JS.API."):
            return self._respond(subject, payload)
        verb, *rest = subject.removeprefix("$JS.API.CONSUMER.").split(".")
        if verb == "CREATE":
            return await self._create(rest[1], json.loads(payload))
        if verb == "DELETE":
            self._consumers.pop(rest[1], None)
            return Msg(self, data=b"{}")
        return await super().request(subject, payload, **more)

    async def publish(self, subject, payload=b"", reply="", headers=None):
        if subject.startswith("$JS.API.CONSUMER.DELETE."):
            self._consumers.pop(subject.split(".")[-1], None)
        elif subject.startswith("$JS.ACK."):
            self._acknowledge(subject)
        else:
            self.steps.append(f"deliver {subject.split('.')[2]}")
            await super().publish(subject, payload, reply, headers)
        self._changed.set()

    async def until(self, condition):
        """Wait until a condition holds, which is looked at after each message."""
        async with asyncio.timeout(10):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    def queued(self):
        """Return the subjects of the commands that are in the order queue still."""
        return [subject for subject, _ in self.stored(subjects.ORDERS)]

    async def command(self, subject, payload):
        """Put a command into the order queue."""
        body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        return await self.jetstream().publish(subject, body)

    def events(self, action):
        """Return the events of the log with this action."""
        return [
            json.loads(data)
            for subject, data in self.stored(subjects.AUDIT)
            if f".{action}." in f"{subject}."
        ]

    async def offer(self, stream, message):
        """Deliver a message of a stream to the consumers that match it."""
        for consumer in list(self._consumers.values()):
            if consumer.stream == stream and any(
                matches_pattern(pattern, message.subject) for pattern in consumer.patterns
            ):
                consumer.delivered += 1
                reply = f"$JS.ACK.{stream}.{consumer.name}.1.{message.sequence}.{consumer.delivered}.0.0"
                await self.deliver(
                    consumer.deliver_to, message.payload, reply, message.headers, message.subject
                )

    async def deliver(self, subject, payload=b"", reply="", headers=None, original=None):
        for pattern, callback in list(self._subscribers.items()):
            if matches_pattern(pattern, subject):
                await callback(Msg(self, original or subject, reply, payload, headers))

    async def _create(self, name, body):
        config = body["config"]
        patterns = config.get("filter_subjects") or [config["filter_subject"]]
        stream = body["stream_name"]
        self._consumers[name] = SimpleNamespace(
            stream=stream, name=name, patterns=patterns, deliver_to=config["deliver_subject"], delivered=0
        )
        for message in list(self.streams[stream].messages):
            if message.sequence >= config.get("opt_start_seq", 1):
                await self.offer(stream, message)
        return Msg(self, data=json.dumps({"name": name}).encode())

    def _acknowledge(self, reply):
        _, _, stream, _, _, sequence, *_ = reply.split(".")
        kept = self.streams[stream].messages
        kept[:] = [message for message in kept if message.sequence != int(sequence)]
        self.acknowledged.append(int(sequence))
        self.steps.append(f"ack {sequence}")

    def _respond(self, subject, payload):
        for pattern, respond in self.responders.items():
            if matches_pattern(pattern, subject):
                return Msg(self, data=respond(payload).model_dump_json().encode())
        raise nats.errors.NoRespondersError


class ConsumerJetStream(FakeJetStream):
    """The JetStream side: publishes with an expected sequence, and reaches consumers."""

    async def publish(self, subject, payload=b"", headers=None, **_):
        expected = (headers or {}).get(EXPECTED)
        if expected is not None and self._newest(subject) != int(expected):
            raise APIError(code=400, err_code=WRONG_LAST_SEQUENCE, description="wrong last sequence")
        ack = await super().publish(subject, payload, headers)
        if ack.stream == subjects.AUDIT:
            self._client.steps.append(f"log {subject.split('.')[2]}")
        if not ack.duplicate:
            await self._client.offer(ack.stream, self._client.streams[ack.stream].messages[-1])
        return ack

    async def get_msg(self, stream, seq=None, subject=None):
        found = await super().get_msg(stream, seq, subject)
        kept = next(m for m in self._client.streams[stream].messages if m.sequence == found.seq)
        return RawStreamMsg(found.subject, found.seq, found.data, headers=kept.headers)

    async def get_last_msg(self, stream, subject, **_):
        kept = self._client.streams[stream].find({"last_by_subj": subject})
        if not kept:
            raise NotFoundError(code=404, err_code=10037)
        return RawStreamMsg(kept[0].subject, kept[0].sequence, kept[0].payload)

    def _newest(self, subject):
        return max(
            (m.sequence for m in self._client.streams[subjects.AUDIT].messages if m.subject == subject),
            default=0,
        )


class LedgerResponder:
    """The ledger of one run, which answers submissions; idempotent by chain id, as the real one is."""

    def __init__(self, client, run, *chains):
        self.ledger, self.submissions, self._client = Ledger(), [], client
        self.ledger.apply(chains)
        self.refuse = {}
        """Chain id → reason, in every answer."""
        client.responders[subjects.SUBMIT.pattern(run=run)] = self

    def __call__(self, payload):
        command = Submit.model_validate_json(payload)
        self.submissions.append(command)
        self._client.steps.append(f"ledger {command.command_id.partition('-')[0]}")
        refused = self.ledger.apply(command.chains).refusals()
        ids = {chain.id for chain in command.chains}
        return Submitted(refused={**refused, **{id_: why for id_, why in self.refuse.items() if id_ in ids}})
