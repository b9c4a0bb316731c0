"""A run that is traced live, on a real server with all services, and a real receiver of OTLP: one trace a tick, however it was made."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from dataclasses import dataclass, field

import pytest
from eventually import eventually
from nats_runs import over_nats, shortened
from oteltap import OtelTapHttpProtobufReceiver, OtelTapHttpProtobufReceiverSettings
from requirements import requirement
from run_builders import small_scenario
from superuser import superuser
from typer.testing import CliRunner

from econsim import subjects
from econsim.adapters.nats.connection import connect
from econsim.adapters.nats.tracing import TRACEPARENT
from econsim.adapters.server.state_directory import free_port
from econsim.app import Server, running
from econsim.cli import app
from econsim.domain.agent.traders import QUOTERS
from econsim.domain.agent.traders.truthful import Truthful
from econsim.domain.audit.facts import as_record, facts
from econsim.domain.tracing.span_names import GenAi, Mcp, Messaging, Own
from econsim.schemas.clock import Ping, Pong
from econsim.schemas.scenario import PolicyName
from econsim.services.definition import ServiceDefinition

pytestmark = pytest.mark.nats

RUN = "traced"
PRICE = 1_730_000
"""Price that no other policy quotes."""


@dataclass
class Seen:
    """What a run told of its spans."""

    events: list = field(default_factory=list)
    messages: list = field(default_factory=list)
    """Subject and content of each message about a span."""
    exported: list = field(default_factory=list)
    """Spans that the collector received."""

    def spans(self, action="span_completed"):
        return [content for subject, content in self.messages if subject.endswith(action)]

    def of_economy(self):
        return [span for span in self.spans() if Own.EVENT in span["attributes"]]

    def of_messages(self):
        return [span for span in self.spans() if Own.EVENT not in span["attributes"]]


async def watch(server, seen):
    """Note every message about a span from now on; return the client that does."""

    async def note(message):
        seen.messages.append((message.subject, json.loads(message.data)))

    client = await connect(server.url, superuser(server), "test-watch")
    for row in (subjects.SPAN_STARTED, subjects.SPAN_COMPLETED):
        await client.subscribe(row.pattern(), cb=note)
    await client.flush()
    return client


async def traced_run(server, scenario, name, seen):
    """Run a scenario with all services while every span is taken and sent to a collector."""
    port = free_port()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ECONSIM_TRACE_SAMPLE", "1")
        patch.setenv("ECONSIM_OTLP_URL", f"http://127.0.0.1:{port}")
        settings = OtelTapHttpProtobufReceiverSettings(http_port=port)
        async with OtelTapHttpProtobufReceiver(settings) as receiver:

            async def collect():
                async for span in receiver.stream_traces():
                    seen.exported.append(span)

            collecting, client = asyncio.create_task(collect()), await watch(server, seen)
            seen.events += await over_nats(server, scenario, name)
            await eventually(lambda: len(seen.exported) >= len(seen.spans()))
            collecting.cancel()
            await client.close()
    return seen


@pytest.fixture(scope="module")
def seen(server):
    """Return what a run with agents that think, call tools, and delegate tells."""
    return asyncio.run(traced_run(server, shortened("studio", ticks=6), RUN, Seen()))


@requirement("trace.spans")
def test_every_significant_action_tells_its_begin_and_its_end(seen) -> None:
    begun, ended = (
        Counter(s["span_id"] for s in spans) for spans in (seen.spans("span_started"), seen.of_messages())
    )

    assert begun == ended
    assert {span["service_name"] for span in seen.of_messages()} >= {
        "clock",
        "agent",
        "market",
        "ledger",
        "cognition",
        "mcp",
        "social",
    }


@requirement("trace.spans")
def test_the_live_trace_of_the_economy_is_the_one_that_is_made_afterwards(seen, server) -> None:
    environment = {"ECONSIM_NATS": server.url, "ECONSIM_CREDS": str(server.creds("observer").parent)}

    made = CliRunner().invoke(app, ["trace", RUN, "--json"], env=environment)

    lines = map(json.loads, made.stdout.splitlines())
    assert sorted(seen.of_economy(), key=str) == sorted(lines, key=str)


@requirement("trace.spans")
def test_requests_and_messages_of_a_tick_stand_in_its_trace_below_the_economy_s_spans(seen) -> None:
    known = {(span["trace_id"], span["span_id"]) for span in seen.spans()}
    ticks = {
        span["trace_id"]: span["attributes"][Own.TICK] for span in seen.spans() if span["span_name"] == "tick"
    }

    assert [
        s for s in seen.spans() if s["parent_span_id"] and (s["trace_id"], s["parent_span_id"]) not in known
    ] == []
    assert {ticks.get(span["trace_id"]) for span in seen.of_messages()} >= {*range(1, 7)}
    for span in seen.of_messages():
        assert span["attributes"].get(Own.TICK) == ticks.get(span["trace_id"])


@requirement("trace.spans")
def test_a_call_of_a_tool_is_one_trace_over_the_queue_and_back_by_its_callback(seen) -> None:
    by_id = {span["span_id"]: span for span in seen.spans()}
    call, reply = subjects.CALL_TOOL.template, subjects.TOOL_REPLIED.template

    received = [span for span in seen.of_messages() if span["span_name"] == f"process {reply}"]

    assert received
    for last in received:
        path, span = [], last
        while span:
            path.append((span["service_name"], span["span_name"]))
            span = by_id.get(span["parent_span_id"])
        assert path[:4] == [
            ("agent", f"process {reply}"),
            ("mcp", f"send {reply}"),
            ("mcp", f"process {call}"),
            ("agent", f"send {call}"),
        ]
        assert path[-1] == ("clock", "tick")


def test_names_and_labels_are_templates_whatever_the_agents(seen) -> None:
    templates = {row.template for row in subjects.TABLE}

    assert {span["attributes"][Messaging.TEMPLATE] for span in seen.spans()} <= templates
    for span in seen.of_messages():
        assert span["span_name"].partition(" ")[2] in templates
    assert not any("_INBOX" in str(content) for _, content in seen.messages)


def test_spans_of_calls_have_the_agent_s_tokens_and_cost(seen) -> None:
    thought = [s["attributes"] for s in seen.spans() if GenAi.MODEL in s["attributes"]]
    called = [s["attributes"] for s in seen.spans() if Mcp.METHOD in s["attributes"]]

    assert thought
    assert called
    assert all({Own.AGENT, Own.TOKENS, Own.COST} <= each.keys() for each in thought)
    assert all({Own.AGENT, Own.COST, Own.TRANSFERS} <= each.keys() for each in called)


@requirement("trace.bridge")
def test_a_collector_receives_every_span_once_and_unchanged(seen) -> None:
    def key(span):
        return span["trace_id"], span["span_id"], span["parent_span_id"] or "", span["span_name"]

    received = Counter(
        (s.trace_id.hex(), s.span_id.hex(), s.parent_span_id.hex(), s.name) for s in seen.exported
    )

    assert received == Counter(map(key, seen.spans()))


@requirement("trace.automatic")
async def test_a_new_handler_is_traced_without_a_line_of_its_own(server, monkeypatch) -> None:
    monkeypatch.setenv("ECONSIM_TRACE_SAMPLE", "1")
    definition, seen = ServiceDefinition("clock"), Seen()

    @definition.request(subjects.PING)
    async def answer(_: Ping) -> Pong:
        return Pong()

    monkeypatch.setattr("econsim.routers.clock.service", definition)
    watching = await watch(server, seen)
    async with running(("clock",), Server(server.url, server.creds)):
        client = await connect(server.url, server.creds("operator"), "test-operator")
        carried = {TRACEPARENT: f"00-{'a' * 32}-{'b' * 16}-01"}
        await client.request(subjects.PING(run="none", agent="me"), b"{}", timeout=5, headers=carried)
        await client.close()
    await eventually(seen.spans)
    await watching.close()

    [span] = seen.spans()
    assert (span["trace_id"], span["parent_span_id"]) == ("a" * 32, "b" * 16)
    assert span["span_name"] == f"process {subjects.PING.template}"


@requirement("trace.automatic")
async def test_a_new_policy_is_traced_without_a_line_of_its_own(server, run, monkeypatch) -> None:
    class Fixed(Truthful):
        """Bids and asks the same price whatever the value, as no other policy does."""

        def price(self, *_):
            return PRICE

    monkeypatch.setitem(QUOTERS, PolicyName.TRUTHFUL, Fixed)
    monkeypatch.setenv("ECONSIM_TRACE_SAMPLE", "1")
    seen = Seen()
    watching = await watch(server, seen)
    seen.events += await over_nats(server, small_scenario("truthful"), run)
    await eventually(lambda: any(span["span_name"] == "run" for span in seen.spans()))
    await watching.close()

    orders = {
        fact.event_id
        for event in seen.events
        for fact in facts(as_record(event))
        if fact.type in (subjects.BID_ACCEPTED.type, subjects.ASK_ACCEPTED.type)
        and fact.data["price"] == PRICE
    }
    assert orders
    assert orders <= {span["attributes"][Own.EVENT] for span in seen.of_economy()}
    assert f"process {subjects.PLACE_ORDERS.template}" in {s["span_name"] for s in seen.of_messages()}
