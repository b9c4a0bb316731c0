"""A call of a tool as its agent asked for it: checks of form and identity, its receipt and its digest. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Final

from pydantic import ValidationError

from econsim import subjects
from econsim.errors import InvalidMessage, NotAllowed
from econsim.schemas.base import validation_message
from econsim.schemas.mcp import CallTool
from econsim.schemas.subject import Parsed

RECEIPT: Final = "mcp"
"""First word of every receipt, reserved among the names of agents."""

PARAMS_DEPTH_MAX: Final = 32
"""Levels of lists and objects in the arguments of a call; the log's envelope must fit around them."""


_CANONICAL: Final = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
)

_DIFFERS: Final = {
    "agent_id": "agent_id_does_not_match_subject",
    "correlation_id": "correlation_id_does_not_match_subject",
    "server": "server_does_not_match_subject",
}


@dataclass(frozen=True, slots=True)
class AskedCall:
    """A call of a tool whose form and identity are checked."""

    id: str
    """Receipt of the call."""
    run: str
    """Run of the call."""
    agent: str
    """Agent that calls and pays."""
    server: str
    """Server of the tool."""
    command: CallTool
    """Command of the agent."""
    arguments: str
    """Arguments of the tool as canonical JSON: equal arguments have equal texts."""
    digest: str
    """Digest of tool and arguments, 32 hex digits."""


def asked_call(where: Parsed, server: str, payload: bytes) -> AskedCall:
    """Return the call that a message asks for; `where` names its sender, `server` the place of its subject.

    Raises InvalidMessage for a payload outside its schema, NotAllowed for one that names another sender, run, server or
    reply subject than its own.
    """
    try:
        command = CallTool.model_validate_json(payload or b"{}", strict=True)
    except ValidationError as error:
        raise InvalidMessage(validation_message(error)) from None
    _check_identity(command, where, server)
    return asked_command(where.run, where.agent, server, command)


def asked_command(run: str, agent: str, server: str, command: CallTool) -> AskedCall:
    """Return the call that an agent's command asks for; raises InvalidMessage for arguments that are no JSON."""
    arguments = canonical_json(command.params)
    digest = request_digest(server, command.tool, arguments)
    return AskedCall(receipt(agent, command.msg_id), run, agent, server, command, arguments, digest)


def receipt(agent: str, msg_id: str) -> str:
    """Return the id of a call at the ledger and in the log of its run: the same in every run of one scenario and seed."""
    return f"{RECEIPT}.{agent}.{call_key(agent, msg_id)}"


def caller_of(chain: str) -> str | None:
    """Return the agent whose call a chain of the ledger reserved the price of; none for any other chain."""
    service, _, rest = chain.partition(".")
    agent, _, key = rest.partition(".")
    return agent if service == RECEIPT and key and "." not in key else None


def call_key(agent: str, msg_id: str) -> str:
    """Return 32 hex digits for a call's own id, which may have characters that no key has."""
    return _hex("call", agent, msg_id)


def request_digest(server: str, tool: str, arguments: str) -> str:
    """Return 32 hex digits that change with server, tool and arguments."""
    return _hex("request", server, tool, arguments)


def canonical_json(value: dict[str, Any]) -> str:
    """Return an object as JSON with sorted keys; raises InvalidMessage for too many levels and for numbers of no JSON."""
    if _depth_exceeds(value, PARAMS_DEPTH_MAX):
        message = (
            f"params have more than {PARAMS_DEPTH_MAX} levels of lists and objects; send flatter arguments"
        )
        raise InvalidMessage(message)
    try:
        text = _CANONICAL.encode(value)
        text.encode()
    except (TypeError, ValueError) as error:
        message = f"params are not JSON: {error}"
        raise InvalidMessage(message) from None
    return text


def _depth_exceeds(value: object, most: int) -> bool:
    level: list[object] = [value]
    for _ in range(most):
        level = [inner for each in level for inner in _inner(each)]
        if not level:
            return False
    return True


def _inner(value: object) -> list[object]:
    """Return the lists and objects directly within a value."""
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [part for part in parts if isinstance(part, dict | list)]


def _check_identity(command: CallTool, where: Parsed, server: str) -> None:
    own = {"agent_id": where.agent, "correlation_id": where.run, "server": server}
    for name, value in own.items():
        if getattr(command, name) not in (None, value):
            message = f"{name} says {getattr(command, name)!r}, but the subject says {value!r}; leave it out"
            raise NotAllowed(message, code=_DIFFERS[name])
    short = subjects.TOOL_REPLIED.short.format(server=server)
    delivery = subjects.TOOL_REPLIED(server=server, run=where.run, agent=where.agent)
    if command.reply_subject not in (None, short, delivery):
        message = f"replies go to {short} alone; leave reply_subject out"
        raise NotAllowed(message, code="reply_subject_is_foreign")


def _hex(*parts: str) -> str:
    joined = b"\n".join(part.encode(errors="replace") for part in parts)
    return blake2b(joined, digest_size=16).hexdigest()
