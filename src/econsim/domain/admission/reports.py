"""Reports of external agents: checks, and the event of the log that a report becomes. Pure.

Econsim makes the envelope itself, so an agent cannot forge actor, run, time or id. The event id is derived with the
run's salt: nobody can guess it, so nobody can use deduplication to suppress another publisher's message.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from math import isfinite
from typing import Final

from pydantic import ValidationError

from econsim import subjects
from econsim.domain.agent.population import Agent, host_name
from econsim.domain.audit.envelope import AddressedEvent, Envelope, derived_id
from econsim.errors import InvalidMessage, NotAllowed, Unavailable
from econsim.schemas.admission import AgentFacts, AgentReport, Reported
from econsim.schemas.agent import CycleCompleted
from econsim.schemas.base import validation_message
from econsim.schemas.subject import Parsed
from econsim.schemas.types import AMOUNT_MAX

REPORT_BYTES_MAX: Final = 16_384
"""Bytes of one report: a page of reasoning. Longer texts belong into the agent's workspace."""

NEXT_TICK_MS: Final = 500
"""Milliseconds after which an answer to an unknown tick may be sent again."""

DEPTH_MAX: Final = 32
"""Levels of lists and objects in a report: parsers end at 200, and the log's envelope must fit around the report."""


def report_event(
    envelope: Envelope, where: Parsed, payload: bytes, agent: Agent, fallback_id: str
) -> AddressedEvent:
    """Return the event of an agent's report; idempotent, because the same own id gives the same event id.

    `fallback_id` replaces an own id that the agent left out. Raises InvalidMessage for an invalid report, NotAllowed
    if the report names another agent or run or has the name of a host's event, Unavailable for the answer to a tick that this worker does not know yet.
    """
    if where.action in subjects.HOSTS_OWN:
        message = f"{where.action!r} is an event of hosts; give the report another name"
        raise NotAllowed(message, code="event_name_is_reserved")
    report = _parse_report(where, payload)
    envelope = replace(envelope, causation_id=report.causation_id)
    if where.action == subjects.COMPLETED:
        return _cycle_event(envelope, report, agent)
    data = Reported(
        agent=agent_facts(envelope.run, agent),
        said_id=report.event_id,
        said_at=report.timestamp,
        data=report.data,
    )
    addressed = envelope.event(subjects.REPORTED, agent.id, data, agent=agent.id, event=where.action)
    id_ = derived_id(envelope.salt, "report", addressed.subject, report.event_id or fallback_id)
    type_ = f"{where.domain}.{where.action}"
    event = addressed.event.model_copy(update={"event_id": id_, "type": type_, "trace_id": report.trace_id})
    return AddressedEvent(addressed.subject, event)


def agent_facts(run: str, agent: Agent) -> AgentFacts:
    """Return econsim's facts about an agent."""
    host = None if agent.host is None else host_name(agent.host)
    return AgentFacts(policy=agent.policy, host=host, balance_ref=f"{run}.{agent.id}.balance")


def _parse_report(where: Parsed, payload: bytes) -> AgentReport:
    if len(payload) > REPORT_BYTES_MAX:
        message = f"the report has {len(payload)} bytes; at most {REPORT_BYTES_MAX} are taken"
        raise InvalidMessage(message, code="message_is_too_large")
    try:
        report = AgentReport.model_validate_json(payload or b"{}")
    except ValidationError as error:
        raise InvalidMessage(validation_message(error)) from None
    _check_data(report.data)
    if report.agent_id not in (None, where.agent):
        message = f"agent_id says {report.agent_id!r}, but the account is {where.agent!r}'s; leave it out"
        raise NotAllowed(message, code="agent_id_does_not_match_subject")
    if report.correlation_id not in (None, where.run):
        message = f"correlation_id says {report.correlation_id!r}, but the account is for run {where.run!r}; leave it out"
        raise NotAllowed(message, code="correlation_id_does_not_match_subject")
    return report


def _check_data(data: object) -> None:
    """Refuse data that the log could not reproduce exactly."""
    level: list[object] = [data]
    for _ in range(DEPTH_MAX):
        if any(isinstance(value, float) and not isfinite(value) for value in level):
            message = "data: NaN and infinite numbers are no JSON; use null or a string"
            raise InvalidMessage(message)
        level = [inner for value in level for inner in _inside(value)]
    if level:
        message = f"data: lists and objects lie more than {DEPTH_MAX} deep in each other"
        raise InvalidMessage(message)


def _inside(value: object) -> Iterable[object]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _cycle_event(envelope: Envelope, report: AgentReport, agent: Agent) -> AddressedEvent:
    """Return the event of an answer to a tick; market limits in it are left out, because only a host may set them."""
    tick = report.data.get("tick")
    if not isinstance(tick, int) or isinstance(tick, bool) or not 0 <= tick <= AMOUNT_MAX:
        wrong = "is missing" if tick is None else f"is a whole number from 0 on, not {json.dumps(tick)[:80]}"
        message = f"data.tick: the number of the tick that is answered {wrong}"
        raise InvalidMessage(message)
    # The agent may know a tick that this worker does not, and a worker that just started knows none. A worker that
    # missed several ticks receives the next: an honest agent's answer must not be refused for good.
    if envelope.tick and tick > envelope.tick + 1:
        message = f"data.tick: tick {tick} has not opened; the newest known here is {envelope.tick}"
        raise Unavailable(message, code="tick_has_not_opened", retry_after_ms=NEXT_TICK_MS)
    envelope = replace(envelope, tick=tick)
    return envelope.event(
        subjects.CYCLE_COMPLETED, agent.id, CycleCompleted(tick=tick, agents=1), agent=agent.id
    )
