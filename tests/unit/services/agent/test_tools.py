"""Calls of tools by a host over NATS: an agent's own come one after the other, and silence is asked again."""

from __future__ import annotations

import asyncio
import json
from types import SimpleNamespace

import pytest
from factories import NOON
from fake_nats import FakeNats
from tool_builders import tool_reply

from econsim import subjects
from econsim.domain.audit.envelope import Envelope
from econsim.domain.runtime.effects import HostedToolCall
from econsim.schemas.base import ErrorBody
from econsim.schemas.mcp import CallTool
from econsim.services.agent import tools as module
from econsim.services.agent.tools import HostTools
from econsim.services.tracing import Untraced

ENVELOPE = Envelope("run", "salt", 4, NOON, "cause")
AWAY = ErrorBody(code="service_is_unavailable", message="the ledger is away", retryable=True)


class Gateway:
    """A gateway that answers each command as told, the last answer for ever; None is silence."""

    def __init__(self, *answers):
        self.client = FakeNats()
        self.commands, self.ids = [], []
        self._answers = list(answers or (lambda command: tool_reply(command["msg_id"]),))

    @property
    def context(self):
        return SimpleNamespace(client=self.client, jetstream=self, tracing=Untraced())

    async def publish(self, subject, payload, headers=None, **_):
        command = json.loads(payload)
        _, _, server, run, agent = subject.split(".")
        self.commands.append((agent, command["msg_id"], command["tick"], command["causation_id"]))
        self.ids.append(headers["Nats-Msg-Id"])
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if reply := answer(command):
            to = subjects.TOOL_REPLIED(server=server, run=run, agent=agent)
            asyncio.get_running_loop().call_soon(self._deliver, to, reply)
        return SimpleNamespace(stream="mcp_requests", seq=len(self.ids), duplicate=False)

    def _deliver(self, subject, reply):
        message = SimpleNamespace(subject=subject, data=reply.model_dump_json().encode())
        self.tasks = asyncio.ensure_future(self.host.receive(message))


async def use(gateway, *positions):
    """Make calls of (agent, msg_id); return the texts or codes of their replies."""
    gateway.host = HostTools(gateway.context)
    requests = [
        HostedToolCall(agent, "library", CallTool(msg_id=msg_id, tool="look")) for agent, msg_id in positions
    ]
    replies = await gateway.host.at(ENVELOPE).use(requests)
    return [reply.error.code if reply.error else reply.msg_id for reply in replies]


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    """Let no test wait for seconds."""
    monkeypatch.setattr(module, "ASK_AGAIN_S", 0.01)
    monkeypatch.setattr(module, "PAUSE_S", 0.0)


async def test_a_command_has_the_tick_and_its_cause():
    gateway = Gateway()

    await use(gateway, ("ana", "4.1"))

    assert gateway.commands == [("ana", "4.1", 4, "cause")]


async def test_replies_come_in_the_order_of_the_calls():
    gateway = Gateway()

    heard = await use(gateway, ("ana", "4.1"), ("bob", "4.1"), ("ana", "4.2"))

    assert heard == ["4.1", "4.1", "4.2"]


async def test_an_agents_second_call_waits_for_its_first_and_others_do_not():
    gateway = Gateway()

    await use(gateway, ("ana", "4.1"), ("ana", "4.2"), ("bob", "4.1"))

    assert [command[:2] for command in gateway.commands] == [("ana", "4.1"), ("bob", "4.1"), ("ana", "4.2")]


async def test_silence_is_asked_again_as_another_message_of_the_same_call():
    gateway = Gateway(lambda _: None, lambda _: None, lambda command: tool_reply(command["msg_id"]))

    heard = await use(gateway, ("ana", "4.1"))

    assert (heard, [command[:2] for command in gateway.commands]) == (["4.1"], [("ana", "4.1")] * 3)
    assert len(set(gateway.ids)) == 3


async def test_a_service_that_is_away_decides_nothing_so_the_call_is_made_again():
    gateway = Gateway(
        lambda command: tool_reply(command["msg_id"], error=AWAY),
        lambda command: tool_reply(command["msg_id"]),
    )

    assert await use(gateway, ("ana", "4.1")) == ["4.1"]


async def test_any_other_refusal_is_the_reply():
    refused = ErrorBody(code="debit_account_would_go_negative", message="too dear")
    gateway = Gateway(lambda command: tool_reply(command["msg_id"], error=refused))

    heard = await use(gateway, ("ana", "4.1"))

    assert (heard, len(gateway.commands)) == (["debit_account_would_go_negative"], 1)


async def test_what_is_no_reply_or_nobody_waits_for_is_passed_over():
    host = HostTools(Gateway().context)
    subject = subjects.TOOL_REPLIED(server="library", run="run", agent="ana")

    await host.receive(SimpleNamespace(subject=subject, data=b"{"))
    await host.receive(SimpleNamespace(subject=subject, data=tool_reply().model_dump_json().encode()))

    assert host.waiting == {}
