"""Calls of tools by external agents: checks of form and identity before a call may go to the gateway's queue. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from econsim import subjects
from econsim.domain.admission.reports import REPORT_BYTES_MAX
from econsim.domain.mcp.request import asked_call
from econsim.errors import InvalidMessage, NotAllowed
from econsim.schemas.subject import Parsed, token

CALL_BYTES_MAX: Final = REPORT_BYTES_MAX
"""Bytes of one call of an external agent."""


@dataclass(frozen=True, slots=True)
class AdmittedCall:
    """A call of a tool that may go to the gateway's queue."""

    subject: str
    """Subject of the call in the queue."""
    receipt: str
    """Receipt of the call, the same for every repeat."""


def parse_tool_call(where: Parsed, payload: bytes) -> AdmittedCall | None:
    """Return the call of a tool in a message; none if the message is no such call.

    Raises InvalidSubject, InvalidMessage for a payload that is too large or outside its schema, and NotAllowed for one that
    names another sender, run, server or reply subject than its own.
    """
    if where.action != subjects.ENTER_TOOL_CALL.action:
        return None
    token(where.entity, "server")
    if len(payload) > CALL_BYTES_MAX:
        message = f"the call has {len(payload)} bytes; at most {CALL_BYTES_MAX} are taken"
        raise InvalidMessage(message, code="message_is_too_large")
    call = asked_call(where, where.entity, payload)
    if call.command.tick:
        message = "tick is for hosts alone; leave it out"
        raise NotAllowed(message, code="tick_is_for_hosts")
    return AdmittedCall(subjects.CALL_TOOL(server=where.entity, run=where.run, agent=where.agent), call.id)
