"""Calls of tools in tests: a server that answers as told, and a worker of the gateway on NATS and a ledger in memory."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

from call_builders import Meter
from factories import active, group, role, scenario
from fake_consumers import ConsumerNats, LedgerResponder, service_context
from ledger_builders import endow

from econsim import subjects
from econsim.domain.mcp.terms import listings
from econsim.errors import ToolCallFailed
from econsim.schemas.ledger import CREDITS
from econsim.schemas.mcp import ListedTool, ToolReply, ToolResult
from econsim.schemas.scenario_tools import OfferedTool
from econsim.schemas.tool_server_file import StdioTable
from econsim.services.mcp.breakers import SharedBreakers
from econsim.services.mcp.caller import ToolCaller
from econsim.services.mcp.gateway import ToolGateway
from econsim.services.mcp.journal import ToolJournal
from econsim.services.mcp.rates import CallRates
from econsim.services.mcp.result_cache import ResultCache
from econsim.testing import FakeCounters, FakeKeyTable

BUDGET = 1_000_000
PRICE = 250_000
SCHEMA = {"type": "object", "properties": {"q": {"type": "string"}}, "required": ["q"]}


def table(terms=None, **fields):
    """Return a server's table with a tool `find` of these terms."""
    terms = {"price": 0.25} | (terms or {})
    given = {"kind": "stdio", "command": "python", "tools": {"find": terms}}
    return StdioTable.model_validate(given | fields)


def result(text="found", **fields):
    return ToolResult(({"type": "text", "text": text},), **fields)


def fault(code="tool_server_failed", ran=None):
    return ToolCallFailed("it broke", code=code, ran=ran)


class Server:
    """A tool server that gives its answers in turn, the last one for ever; an error is raised."""

    name = "search"
    is_open = True

    def __init__(self, *answers, **fields):
        self.table = table(**fields)
        self.tools, _ = listings(self.name, self.table, [ListedTool("find", "", SCHEMA)])
        self.listing = "listed"
        self.asked = []
        self._answers = list(answers or (result(),))

    async def call(self, tool, arguments, timeout_s):
        self.asked.append((tool, arguments))
        await asyncio.sleep(0)
        found = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if callable(found):
            found = await found(timeout_s)
        if isinstance(found, Exception):
            raise found
        return found


async def silent(timeout_s):
    """Answer nothing until the deadline."""
    await asyncio.sleep(timeout_s)
    return fault("tool_timed_out")


class World:
    """A run with the external agents ana and bob, its ledger, its log, and what all workers of the gateway share."""

    def __init__(self, *answers, meter=None, mode="lock_step", **fields):
        self.client = ConsumerNats()
        agents = group("ana", "external"), group("bob", "external")
        self.run = active(scenario(*agents, clock={"mode": mode}))
        self.ledger = LedgerResponder(self.client, "run", endow("ana", BUDGET), endow("bob", BUDGET))
        self.outcomes, self.kept, self.breakers = FakeKeyTable(), FakeKeyTable(), FakeKeyTable()
        self.counters, self.meter = FakeCounters(), meter or Meter()
        self.now_ms, self.changes = 1_000_000, []
        self.server = Server(*answers, **fields)

    def worker(self, server=None) -> ToolGateway:
        """Return a worker that begins now, knowing nothing."""
        context = service_context("mcp", self.client)
        context.runs["run"] = self.run
        context.runs.note_tick("run", 7)
        server = server or self.server
        journal = ToolJournal(context, self.outcomes)
        rates = CallRates(self.meter, self.counters, lambda: self.now_ms * 1_000_000)
        breakers = SharedBreakers(self.breakers, lambda: self.now_ms)
        caller = ToolCaller(breakers, ResultCache(self.kept), self._note)
        return ToolGateway(context, {"search": server}, journal, rates, caller)

    async def _note(self, _run, server, breaker, _said):
        self.changes.append((server, breaker.state.value))

    def message(self, body=None, agent="ana", deliveries=1, age_s=0.0, server="search"):
        """Return a message of the queue."""
        given = {"msg_id": "one", "tool": "find", "params": {"q": "x"}} | (body or {})
        payload = given if isinstance(given, bytes) else json.dumps(given).encode()
        stored = datetime.now(UTC) - timedelta(seconds=age_s)
        metadata = SimpleNamespace(
            timestamp=stored,
            num_delivered=deliveries,
            stream="mcp_requests",
            sequence=SimpleNamespace(stream=1, consumer=1),
        )
        subject = subjects.CALL_TOOL(server=server, run="run", agent=agent)
        return SimpleNamespace(
            subject=subject, data=payload, metadata=metadata, reply="", headers=None, header=None
        )

    async def call(self, body=None, worker=None, **fields):
        """Handle one message; return the newest reply."""
        await (worker or self.worker()).handle(self.message(body, **fields))
        return self.replies()[-1]

    def replies(self, agent="ana"):
        subject = subjects.TOOL_REPLIED(server="search", run="run", agent=agent)
        return [json.loads(body) for to, body, _ in self.client.published if to == subject]

    def money(self, agent="ana"):
        """Posted and pending credits of an agent."""
        found = self.ledger.ledger.position(agent, CREDITS)
        return found.posted, found.pending

    def events(self):
        return [(event["type"], event["data"]) for event in self.client.events()]


def answer(text="found", **fields):
    """Return a recorded answer as a scenario file writes it."""
    return {"params": {}, "text": text, **fields}


def offered(name="look", *answers, server="library", **fields):
    """Return a tool of a scenario as a file writes it."""
    return {"name": name, "server": server, "answers": list(answers), **fields}


def offered_tools(*tools):
    """Return tools of a scenario."""
    return tuple(OfferedTool.model_validate(tool) for tool in tools)


def tool_reply(msg_id="5.1", text="found", **fields):
    """Return the gateway's reply to a call."""
    found = {"result": result(text)} if "error" not in fields else {}
    return ToolReply(msg_id=msg_id, server="library", correlation_id="run", **found, **fields)


def tool_users(*tools, thinking=None, count=2, **fields):
    """Return buyers that think with these tools, and coded sellers; two periods of three ticks."""
    names = [tool["name"] for tool in tools]
    buyers = group(
        "buyer",
        "llm",
        count=count,
        credits=50,
        thinking={"memory": 1, "tools": names, **(thinking or {})},
        roles=[role("bid", first=3, last=2, units=2)],
    )
    sellers = group("seller", "zip", count=count, roles=[role("ask", first=1, last=2, units=2)])
    clock = {"periods": 2, "ticks_per_period": 3}
    return scenario(buyers, sellers, **{"clock": clock, "tools": list(tools), **fields})
