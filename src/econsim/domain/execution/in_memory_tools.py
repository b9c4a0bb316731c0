"""Calls of tools in a run in memory: the same terms, payment and outcome as over NATS, answered by the scenario's recordings."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence

from econsim.domain.audit.envelope import AddressedEvent, Envelope
from econsim.domain.mcp.outcome import (
    answered_outcome,
    failed_outcome,
    outcome_event,
    refused_reply,
    tool_reply,
)
from econsim.domain.mcp.payment import reservation, reservation_refusal, settlement
from econsim.domain.mcp.recorded import RecordedTools, recorded_servers
from econsim.domain.mcp.request import AskedCall, asked_command
from econsim.domain.mcp.terms import check_arguments, require_server, require_terms
from econsim.domain.runtime.effects import HostedToolCall
from econsim.errors import EconsimError, ScenarioError, ToolCallFailed
from econsim.schemas.ledger import Chain, Refusal
from econsim.schemas.mcp import ToolOutcome, ToolReply
from econsim.schemas.scenario import Scenario

Post = Callable[[Sequence[Chain]], Generator[AddressedEvent, None, dict[str, Refusal]]]
"""Function that applies chains at the ledger: yields the journal's events, returns the refusals."""


class InMemoryTools:
    """The tools of a run in memory."""

    def __init__(self, scenario: Scenario, post: Post) -> None:
        """Pay through `post`; raises ScenarioError for a tool without recorded answers that a group uses."""
        self._servers = recorded_servers(scenario.tools)
        self._post = post
        _require_recorded(scenario)

    def use(self, envelope: Envelope, request: HostedToolCall) -> Generator[AddressedEvent, None, ToolReply]:
        """Make a call; return its reply."""
        command = request.command
        try:
            call = asked_command(envelope.run, request.agent, request.server, command)
            server = require_server(self._servers, call.server)
            terms = require_terms(server.name, server.table, command.tool)
            check_arguments(call, server.tools)
            yield from self._reserve(call, terms.price)
        except EconsimError as error:
            return refused_reply(envelope.run, request.server, error, command.msg_id, command.tool)
        outcome = _outcome(server, call, terms.price).model_copy(
            update={"tick": envelope.tick, "ended_at": envelope.now, "causation_id": envelope.causation_id}
        )
        yield outcome_event(envelope.run, envelope.salt, outcome)
        if outcome.reserved:
            yield from self._post([settlement(outcome)])
        return tool_reply(envelope.run, outcome)

    def _reserve(self, call: AskedCall, price: int) -> Generator[AddressedEvent, None, None]:
        if not price:
            return
        refused = yield from self._post([reservation(call, price)])
        if refusal := refused.get(call.id):
            raise reservation_refusal(call, price, refusal)


def _outcome(server: RecordedTools, call: AskedCall, price: int) -> ToolOutcome:
    try:
        return answered_outcome(call, price, server.answer(call.command.tool, call.arguments))
    except ToolCallFailed as error:
        return failed_outcome(call, price, error)


def _require_recorded(scenario: Scenario) -> None:
    """Raise ScenarioError for a tool that is asked at its server: what it answers may differ from run to run."""
    used = {name for group in scenario.agents if group.thinking for name in group.thinking.tools}
    for tool in scenario.tools:
        if tool.name in used and not tool.answers:
            message = f"tool {tool.name!r} has no recorded answers, and a run in memory asks no server; run it over NATS"
            raise ScenarioError(message, key="answers")
