"""Names and attributes of the span of a fact, by the conventions of OpenTelemetry. Pure."""

from __future__ import annotations

from typing import Final

from econsim import subjects
from econsim.domain.audit.facts import Fact
from econsim.domain.tracing.span import SpanKind, Value
from econsim.domain.tracing.span_names import (
    CALL_TOOL,
    CHAT,
    EXECUTE_TOOL,
    NATS,
    Common,
    GenAi,
    Mcp,
    Messaging,
    Own,
)
from econsim.schemas.money import format_credits

_TEMPLATES: Final = {row.type: row.template for row in subjects.TABLE}

_OWNERS: Final = {row.type: row.owner for row in subjects.TABLE}

_TOOL_CALLS: Final = (subjects.TOOL_COMPLETED.type, subjects.TOOL_FAILED.type)


def span_name(fact: Fact) -> str:
    """Return the name of a fact's span: the action, or what a convention prescribes; few names, whatever the run."""
    if fact.type == subjects.LLM_INVOKED.type:
        return f"{CHAT} {fact.data['model']}"
    if fact.type in _TOOL_CALLS:
        return f"{CALL_TOOL} {fact.data['tool']}"
    if fact.type == subjects.COGNITIVE_CYCLES_COMPLETED.type:
        return "cognitive_cycle"
    # Agents name their own reports, without end.
    return fact.type.partition(".")[2] if fact.type in _TEMPLATES else "reported"


def span_service(fact: Fact) -> str:
    """Return the service of a fact: the one that owns its subject."""
    return _OWNERS.get(fact.type, subjects.REPORTED.owner)


def span_kind(fact: Fact) -> SpanKind:
    """Return the kind of a fact's span: calls go to somebody outside."""
    calls = (*_TOOL_CALLS, subjects.LLM_INVOKED.type)
    return SpanKind.CLIENT if fact.type in calls else SpanKind.INTERNAL


def span_error(fact: Fact) -> str:
    """Return why what a fact tells of failed; empty if it did not. A refused order is an outcome, no failure."""
    data = fact.data
    if fact.type == subjects.TRADING_HALTED.type:
        return str(data["reason"])
    if data.get("failure"):
        return str(data.get("message") or data["failure"])
    return ""


def span_attributes(fact: Fact) -> dict[str, Value]:
    """Return the attributes of a fact's span."""
    found: dict[str, Value] = {
        Messaging.SYSTEM: NATS,
        Messaging.TEMPLATE: _TEMPLATES.get(fact.type, subjects.REPORTED.template),
        Messaging.MESSAGE: fact.event_id,
        Own.RUN: fact.correlation_id,
        Own.TICK: fact.tick,
        Own.EVENT: fact.event_id,
        Own.ACTOR: fact.actor,
        Own.ENTITY: fact.entity,
    }
    data = fact.data
    if fact.type == subjects.LLM_INVOKED.type:
        found |= _chat(fact)
    elif fact.type in _TOOL_CALLS:
        found |= {
            GenAi.OPERATION: EXECUTE_TOOL,
            GenAi.TOOL: data["tool"],
            GenAi.TOOL_CALL: data["msg_id"],
            Mcp.METHOD: CALL_TOOL,
        }
    elif fact.type == subjects.COGNITIVE_CYCLES_COMPLETED.type:
        found[Own.TOKENS] = data["tokens"]
    if GenAi.OPERATION in found:
        found[Own.PRICE] = data["price"]
    if found.keys() & {GenAi.OPERATION, Own.TOKENS}:
        found |= {Own.AGENT: data["agent"], Own.COST: format_credits(data["price"])}
    if data.get("failure"):
        found[Common.ERROR] = str(data["failure"]).partition(":")[0]
    return found


def _chat(fact: Fact) -> dict[str, Value]:
    data, usage = fact.data, fact.data["usage"]
    return {
        GenAi.OPERATION: CHAT,
        GenAi.PROVIDER: data["provider"],
        GenAi.MODEL: data["model"],
        GenAi.AGENT: data["agent"],
        GenAi.INPUT_TOKENS: usage["input_tokens"],
        GenAi.OUTPUT_TOKENS: usage["output_tokens"],
        GenAi.FINISH_REASONS: (data["finish_reason"],) if data["finish_reason"] else (),
        Own.TOKENS: usage["input_tokens"] + usage["output_tokens"],
    }
