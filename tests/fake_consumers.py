"""FakeNats for the services of a run: consumers and acknowledgements, expected sequences, and requests that a fake answers.

It cannot show lost deliveries, redelivery after a time-out, heartbeats, or a server that restarts: those are tested on a real
server.
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

from econsim.adapters.nats.connection import EXPECTED_BELOW, WRONG_LAST_SEQUENCE
from econsim.adapters.poll import Poll
from econsim.domain.audit.envelope import DIGEST, digest
from econsim.domain.ledger.ledger import Ledger
from econsim.schemas.ledger import Submit, Submitted
from econsim.services.context import ServiceContext
from econsim.subjects import AUDIT, ORDERS, SUBMIT
from econsim.testing import FakeLeases, FakeWallClock

EXPECTED = "Nats-Expected-Last-Subject-Sequence"


@dataclass
class PushConsumer:
    """A consumer of a stream: it delivers each message of its patterns once, in order."""

    stream: str
    patterns: list
    start: int
    deliver_subject: str
    delivered: int = 0

    def wants(self, stream, kept):
        return (
            stream == self.stream
            and kept.sequence >= self.start
            and any(matches_pattern(each, kept.subject) for each in self.patterns)
        )


class ConsumerNats(FakeNats):
    """A connected client with consumers and with services that answer requests."""

    def __init__(self):
        super().__init__()
        self.stats = {"reconnects": 0}
        self.answers = {}
        """Pattern of a request's subject → function from its payload to the reply."""
        self.reactions = {}
        """Pattern of a stored message's subject → function of its payload, called once it is stored."""
        self.duplicates = 0
        """Number of messages that a stream had under their id already."""
        self.delivered = 0
        """Number of messages that consumers of the log delivered."""
        self.acknowledged = []
        """Sequences of the order queue that were acknowledged, in order."""
        self.steps = []
        """Everything with an effect, in order: `ledger reserve`, `log tick_cleared`, `deliver trade_executed`, `ack 3`."""
        self._consumers = {}
        self._deliveries = set()
        self._inboxes = 0

    def new_inbox(self):
        self._inboxes += 1
        return f"_INBOX.run.{self._inboxes}"

    def jetstream(self, **_):
        return ConsumerJetStream(self)

    async def flush(self, *_):
        """Everything sent is seen at once."""

    def store(self, subject, payload, headers):
        expected = headers.get(EXPECTED)
        if expected is not None:
            stream = next(each for each in self.streams.values() if each.captures(subject))
            newest = stream.find({"last_by_subj": headers.get(EXPECTED_BELOW, subject)})
            if int(expected) != (newest[0].sequence if newest else 0):
                raise APIError(code=400, err_code=WRONG_LAST_SEQUENCE)
        ack = super().store(subject, payload, headers)
        if ack and ack.stream == AUDIT:
            self.steps.append(f"log {subject.split('.')[2]}")
        if ack and ack.duplicate:
            self.duplicates += 1
        elif ack:
            for consumer in list(self._consumers.values()):
                self._push(consumer, ack.stream, self.streams[ack.stream].messages[-1])
            for pattern, react in self.reactions.items():
                if matches_pattern(pattern, subject):
                    react(payload)
        return ack

    async def publish(self, subject, payload=b"", reply="", headers=None):
        if subject.startswith("$JS.API.CONSUMER.DELETE."):
            self._consumers.pop(subject.rpartition(".")[2], None)
        elif subject.startswith("$JS.ACK."):
            self._acknowledge(subject)
        else:
            if subject.startswith("market."):
                self.steps.append(f"deliver {subject.split('.')[2]}")
            await super().publish(subject, payload, reply, headers)

    async def request(self, subject, payload=b"", **more):
        if not subject.startswith("$JS.API."):
            return self._answer_request(subject, payload)
        if subject.startswith("$JS.API.CONSUMER.CREATE."):
            return self._create(json.loads(payload))
        if subject.startswith("$JS.API.CONSUMER.DELETE."):
            self._consumers.pop(subject.rpartition(".")[2], None)
            return Msg(self, data=b"{}")
        return await super().request(subject, payload, **more)

    async def add(self, addressed):
        """Put an event into the log, as its publisher would."""
        payload = addressed.json()
        headers = {"Nats-Msg-Id": addressed.event.event_id, DIGEST: digest(addressed.subject, payload)}
        return await self.jetstream().publish(addressed.subject, payload, headers=headers)

    async def command(self, subject, payload):
        """Put a command into the order queue."""
        body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        return await self.jetstream().publish(subject, body)

    def queued(self):
        """Return the subjects of the commands that are in the order queue still."""
        return [subject for subject, _ in self.stored(ORDERS)]

    def events(self, action=""):
        """Return the events of the log, all or those with this action."""
        stored = self.stored(AUDIT)
        return [json.loads(body) for subject, body in stored if action in ("", subject.split(".")[2])]

    async def until(self, condition):
        """Wait until a condition holds, also one that no message announces."""
        async for _ in Poll(0.01, timeout_s=10):
            if condition():
                return
        raise TimeoutError

    def _create(self, body):
        config, stream = body["config"], body["stream_name"]
        patterns = config.get("filter_subjects") or [config["filter_subject"]]
        consumer = PushConsumer(stream, patterns, config.get("opt_start_seq", 1), config["deliver_subject"])
        self._consumers[config["name"]] = consumer
        for kept in self.streams[stream].messages:
            self._push(consumer, stream, kept)
        return Msg(self, data=json.dumps({"name": config["name"]}).encode())

    def _push(self, consumer, stream, kept):
        if not consumer.wants(stream, kept):
            return
        consumer.delivered += 1
        self.delivered += stream == AUDIT
        reply = f"$JS.ACK.{stream}.name.1.{kept.sequence}.{consumer.delivered}.0.0"
        message = Msg(self, kept.subject, reply, kept.payload, dict(kept.headers))
        if callback := self._subscribers.get(consumer.deliver_subject):
            task = asyncio.ensure_future(callback(message))
            self._deliveries.add(task)
            task.add_done_callback(self._deliveries.discard)

    def _acknowledge(self, reply):
        _, _, stream, _, _, sequence, *_ = reply.split(".")
        kept = self.streams[stream].messages
        kept[:] = [message for message in kept if message.sequence != int(sequence)]
        self.acknowledged.append(int(sequence))
        self.steps.append(f"ack {sequence}")

    def _answer_request(self, subject, payload):
        for pattern, answer in self.answers.items():
            if matches_pattern(pattern, subject):
                reply = answer(payload)
                headers = {"status": "error"} if "error" in type(reply).model_fields else None
                return Msg(self, data=reply.model_dump_json().encode(), headers=headers)
        raise nats.errors.NoRespondersError


class ConsumerJetStream(FakeJetStream):
    """JetStream with the requests of leadership and of readers of the newest message."""

    async def stream_info(self, name, subjects_filter=None):
        stream = self._client.streams[name]
        return SimpleNamespace(state=SimpleNamespace(subjects=stream.state(subjects_filter)["subjects"]))

    async def get_last_msg(self, stream, subject, **_):
        found = self._client.streams[stream].find({"last_by_subj": subject})
        if not found:
            raise NotFoundError(code=404, err_code=10037)
        return RawStreamMsg(found[0].subject, found[0].sequence, found[0].payload)


class LedgerResponder:
    """The ledger of one run, which answers submissions; idempotent by chain id, as the real one is."""

    def __init__(self, client, run, *chains):
        self.ledger, self.submissions, self._client = Ledger(), [], client
        self.ledger.apply(chains)
        self.refuse = {}
        """Chain id → reason, in every answer."""
        client.answers[SUBMIT.pattern(run=run)] = self

    def __call__(self, payload):
        command = Submit.model_validate_json(payload)
        self.submissions.append(command)
        self._client.steps.append(f"ledger {command.command_id.partition('-')[0]}")
        refused = self.ledger.apply(command.chains).refusals()
        ids = {chain.id for chain in command.chains}
        return Submitted(refused={**refused, **{id_: why for id_, why in self.refuse.items() if id_ in ids}})


def service_context(service, client, leases=None):
    """Return the context of a service on a client in memory."""
    broker = SimpleNamespace(connection=client)
    context = ServiceContext(service, broker, FakeWallClock())
    context.jetstream = client.jetstream()
    context.leases = leases or FakeLeases()
    return context
