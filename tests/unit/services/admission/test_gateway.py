"""The admission gateway over memory: order, rate limit, backpressure, refusals, receipts, and a clean stop."""

import asyncio
import json
from types import SimpleNamespace

import nats.errors
import pytest
from factories import NOON, active, group, role, scenario
from fake_nats import FakeNats

from econsim import subjects
from econsim.adapters.jetstream.queue_depth import RETRY_MS
from econsim.domain.admission.quota import SECOND_NS
from econsim.domain.audit.envelope import Envelope
from econsim.errors import Unavailable
from econsim.schemas.clock import Ticked
from econsim.schemas.quota import QuotaUpdate
from econsim.services.admission.gateway import QUEUE_BYTES_MAX, QUEUE_MESSAGES_MAX, AdmissionGateway
from econsim.services.context import ServiceContext
from econsim.services.quota_meter import QuotaMeter
from econsim.testing import FakeCounters, FakeQuotaTable, FakeWallClock

HOST = group("buyer", roles=[role("bid", values=[[1]])])
RUN = active(scenario(group("anna", "external"), group("bert", "external"), HOST))
ORDER = {"command_id": "c", "order_id": "o", "price": 1_000_000, "quantity": 2}


class SlowQuotaTable(FakeQuotaTable):
    """A quota table that does not answer about bert until it is told to."""

    def __init__(self):
        super().__init__()
        self.answers = asyncio.Event()
        self.answers.set()

    async def get(self, run, agent):
        if agent == "bert":
            await self.answers.wait()
        return await super().get(run, agent)


class FakeDepth:
    """The depth of the orders' queue, which has room or not."""

    def __init__(self):
        self.is_full = False

    async def watch(self):
        """Watch nothing."""

    def take(self, run, agent):
        if self.is_full:
            text = f"no room for {agent} of {run}"
            raise Unavailable(text, code="queue_is_full", retry_after_ms=RETRY_MS)


class Agents:
    """Agents of one run, and the gateway in memory that they send to."""

    def __init__(self):
        self.client, self.table, self.depth = FakeNats(), SlowQuotaTable(), FakeDepth()
        self.counters, self.now_ns, self.sent = FakeCounters(), 7_200 * SECOND_NS, 0
        self.context = ServiceContext("admission", SimpleNamespace(connection=self.client), FakeWallClock())
        self.context.meter = QuotaMeter(self.counters, self.table, lambda: self.now_ns)
        self.context.depth = self.depth
        self.context.runs_are_known.set()
        self.context.runs["run"] = RUN
        self.context.runs.note_tick("run", 7)
        self.gateway = AdmissionGateway(self.context)

    async def send(self, subject, body=b"{}", reply=None, headers=None):
        """Send one message of an agent; its answer comes later."""
        payload = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.sent += reply is None
        await self.client.deliver(subject, payload, f"_R_.{self.sent}" if reply is None else reply, headers)

    async def answers(self):
        """Wait for the answers to all messages sent so far."""
        return await self.client.wait_for_published(self.sent, "_R_.")

    async def answer(self, subject, body=b"{}", **more):
        """Send one message and return its answer."""
        await self.send(subject, body, **more)
        return (await self.answers())[-1]

    async def limit(self, agent, **limits):
        await self.table.change("run", agent, QuotaUpdate(**limits))

    def events(self, action):
        """Return the events of the log with this action."""
        stored = self.client.stored(subjects.AUDIT)
        return [json.loads(payload) for subject, payload in stored if f".{action}." in subject]


def order(agent="anna", resource="cpu", action="place_bid", run="run"):
    return f"agent.{resource}.{action}.{run}.{agent}"


def report(event="slept", agent="anna", run="run"):
    return f"agent.{agent}.{event}.{run}.{agent}"


def codes(answers):
    return [each["refusal"]["code"] if "refusal" in each else "stored" for each in answers]


@pytest.fixture
async def agents():
    agents = Agents()
    await agents.gateway.start()
    yield agents
    agents.table.answers.set()
    await agents.gateway.stop()


async def test_an_order_goes_to_its_markets_queue_as_it_is_but_for_its_headers(agents):
    headers = {"Nats-Expected-Stream": "x", "Nats-Msg-Id": "y"}

    receipt = await agents.answer(order(), ORDER, headers=headers)

    (stored,) = agents.client.streams[subjects.ORDERS].messages
    assert (stored.subject, json.loads(stored.payload)) == ("market.cpu.place_bid.run.anna", ORDER)
    assert stored.headers["Nats-Msg-Id"] == "run.anna.c"
    assert "Nats-Expected-Stream" not in stored.headers
    assert (receipt["stream"], receipt["duplicate"]) == (subjects.ORDERS, False)


async def test_a_report_becomes_an_event_at_the_runs_tick(agents):
    await agents.answer(report(), {"data": {"hours": 8}})

    (event,) = agents.events("slept")
    assert (event["actor"], event["correlation_id"], event["tick"]) == ("anna", "run", 7)
    assert event["data"]["data"] == {"hours": 8}


async def test_an_order_sent_again_is_stored_once_under_the_same_number(agents):
    first, again = await agents.answer(order(), ORDER), await agents.answer(order(), ORDER)

    assert (first["duplicate"], again["duplicate"]) == (False, True)
    assert first["seq"] == again["seq"]
    assert len(agents.client.stored(subjects.ORDERS)) == 1


async def test_each_agents_messages_are_stored_in_their_order(agents):
    for number in range(50):
        await agents.send(report(), {"data": {"n": number}})
        await agents.send(order("bert"), ORDER | {"command_id": f"c{number}", "order_id": str(number)})

    assert codes(await agents.answers()) == ["stored"] * 100
    assert [event["data"]["data"]["n"] for event in agents.events("slept")] == list(range(50))
    queued = [json.loads(payload)["order_id"] for _, payload in agents.client.stored(subjects.ORDERS)]
    assert queued == [str(number) for number in range(50)]


async def test_an_agent_whose_limits_are_unknown_delays_no_other(agents):
    agents.table.answers.clear()
    await agents.send(report("slept", "bert"), reply="")

    assert codes([await agents.answer(report())]) == ["stored"]

    assert [event["actor"] for event in agents.events("slept")] == ["anna"]
    assert agents.gateway.agents_queued == 1


async def test_a_message_that_asks_for_no_answer_is_stored_and_not_answered(agents):
    await agents.send(report(), reply="")
    await agents.answer(report("woke"))

    assert len(agents.events("slept")) == 1
    assert len(await agents.answers()) == 1


@pytest.mark.parametrize(
    ("filler", "room"), [("", QUEUE_MESSAGES_MAX), ("x" * 65_000, QUEUE_BYTES_MAX // 65_013)]
)
async def test_a_full_queue_of_an_agent_refuses_the_rest_until_there_is_room(agents, filler, room):
    await agents.limit("bert", max_publish_rate=1_000)
    agents.table.answers.clear()
    for _ in range(room + 3):
        await agents.send(report("slept", "bert"), {"data": filler})
        await asyncio.sleep(0)

    refused = await agents.client.wait_for_published(2, "_R_.")
    agents.table.answers.set()
    answers = await agents.answers()

    # One message is being handled, and `room` wait.
    assert codes(refused) == ["agent_sends_too_fast"] * 2
    assert {each["refusal"]["retry_after_ms"] for each in refused} == {RETRY_MS}
    assert codes(answers).count("agent_sends_too_fast") == 2
    assert codes([await agents.answer(report("woke", "bert"))]) == ["stored"]


async def test_an_agent_over_its_rate_is_refused_until_the_next_second_without_asking_the_server(agents):
    await agents.limit("anna", max_publish_rate=3)
    for number in range(6):
        await agents.answer(report(), {"data": {"n": number}})
    increments = len(agents.counters.adds)
    await agents.answer(report())

    answers = await agents.answers()
    assert codes(answers) == ["stored"] * 3 + ["publish_rate_is_exceeded"] * 4
    assert answers[-1]["error"]["code"] == 429
    assert answers[-1]["refusal"]["retry_after_ms"] == 1_000
    assert len(agents.counters.adds) == increments
    agents.now_ns += SECOND_NS
    assert codes([await agents.answer(report())]) == ["stored"]


@pytest.mark.parametrize(
    ("limits", "subject", "body", "code"),
    [
        ({"max_order_rate": 0}, order(), ORDER, "order_rate_is_exceeded"),
        ({"max_stream_bytes": 100}, report(), {}, "stream_bytes_are_exceeded"),
    ],
)
async def test_a_used_up_quota_of_one_kind_refuses_only_that_kind(agents, limits, subject, body, code):
    await agents.limit("anna", **limits)

    assert codes([await agents.answer(subject, body)]) == [code]
    other, content = (report(), {}) if subject == order() else (order(), ORDER)
    assert codes([await agents.answer(other, content)]) == ["stored"]


@pytest.mark.parametrize(
    ("subject", "body", "code", "status"),
    [
        (report(run="other"), {}, "run_is_not_open", 404),
        (report(agent="carl"), {}, "agent_is_not_in_this_run", 404),
        (order(agent="buyer_001"), ORDER, "agent_belongs_to_a_host", 403),
        (order(resource="ram"), ORDER, "market_is_not_in_this_run", 404),
        (order(), ORDER | {"price": 0}, "message_is_invalid", 400),
        (report(), b"[]", "message_is_invalid", 400),
        (report(), b" " * 16_385, "message_is_too_large", 400),
        ("agent.task.delegate.run.anna", {}, "message_is_invalid", 400),
        ("agent.search.call_tool.run.anna", {}, "message_is_invalid", 400),
    ],
)
async def test_a_refusal_has_the_codes_of_econsim_and_of_jetstream_and_stores_nothing(
    agents, subject, body, code, status
):
    refused = await agents.answer(subject, body)

    assert (refused["refusal"]["code"], refused["error"]["code"]) == (code, status)
    assert refused["error"]["description"].startswith(f"{code}: ")
    assert agents.client.published[-1][2] == {"status": "error"}
    assert not agents.client.stored(subjects.ORDERS)
    assert not agents.events("slept")


async def test_an_attempt_at_what_is_not_allowed_is_an_event_of_the_log(agents):
    await agents.answer(report(), {"agent_id": "bert"})

    (event,) = agents.events("rejected")
    assert (event["data"]["sender"], event["data"]["code"]) == ("anna", "agent_id_does_not_match_subject")


async def test_a_full_orders_queue_refuses_orders_and_takes_reports(agents):
    agents.depth.is_full = True

    refused, stored = await agents.answer(order(), ORDER), await agents.answer(report())

    assert codes([refused, stored]) == ["queue_is_full", "stored"]


async def test_an_unforeseen_error_is_answered_and_holds_up_no_message_behind_it(agents, caplog):
    agents.client.failures = [ZeroDivisionError()]
    await agents.send(report())
    await agents.send(report("woke"))

    assert sorted(codes(await agents.answers())) == ["service_failed", "stored"]
    assert "ZeroDivisionError" in caplog.text


async def test_a_store_that_does_not_answer_leaves_the_outcome_unknown(agents):
    agents.client.failures = [nats.errors.TimeoutError()]

    unknown, again = await agents.answer(order(), ORDER), await agents.answer(order(), ORDER)

    assert codes([unknown, again]) == ["outcome_is_unknown", "stored"]
    assert unknown["refusal"]["retryable"]


async def test_a_worker_that_does_not_know_the_tick_reads_it_from_the_log_once(agents):
    ticked = Envelope("run", "salt", 9, NOON).event(
        subjects.TICKED, "clock", Ticked(period=1, tick_of_period=9)
    )
    agents.client.store(ticked.subject, ticked.json(), {})
    agents.context.runs.drop("run")
    agents.context.runs["run"] = RUN

    await agents.answer(report())
    await agents.answer(report("woke"))

    assert [event["tick"] for event in (*agents.events("slept"), *agents.events("woke"))] == [9, 9]
    assert len(agents.client.requests) == 1


async def test_an_agent_that_cannot_be_reached_holds_up_no_other(agents):
    publish = agents.client.publish

    async def broken(subject, *rest, **more):
        if subject == "_R_.gone":
            raise nats.errors.ConnectionClosedError
        await publish(subject, *rest, **more)

    agents.client.publish = broken
    await agents.send(report(), reply="_R_.gone")

    assert codes([await agents.answer(report("woke"))]) == ["stored"]


async def test_nothing_is_kept_of_an_agent_whose_messages_are_handled(agents):
    await agents.answer(report())
    await agents.answer(order("bert"), ORDER)
    await asyncio.sleep(0)

    assert agents.gateway.agents_queued == 0


async def test_a_stopping_worker_finishes_its_messages_and_returns_its_allowance():
    agents = Agents()
    await agents.gateway.start()
    for _ in range(20):
        await agents.send(report())

    await agents.gateway.stop()

    assert codes(await agents.answers()) == ["stored"] * 20
    stored = sum(len(payload) for _, payload in agents.client.stored(subjects.AUDIT))
    assert agents.counters.totals["stream_bytes.run.anna.total"] == stored
