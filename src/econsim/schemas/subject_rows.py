"""Builders of rows of the subject table: one function a kind, with the parts that all rows of the kind share."""

from __future__ import annotations

from typing import Final

from econsim.schemas.subject import Subject, SubjectKind

LOG: Final = "audit_log"
"""Name of the stream of all events."""
QUEUE: Final = "market_orders"
"""Name of the work queue of commands to markets."""


def event(owner: str, template: str, message: str, description: str, short: str = "") -> Subject:
    """Return an event, captured by the log."""
    return Subject(
        template, SubjectKind.EVENT, owner, message, stream=LOG, short=short, description=description
    )


def command(action: str, message: str, description: str) -> Subject:
    """Return a command to a market, captured by its work queue."""
    template = f"market.{{resource}}.{action}.{{run}}.{{agent}}"
    return Subject(template, SubjectKind.COMMAND, "market", message, stream=QUEUE, description=description)


def entry(template: str, message: str, short: str, description: str, reply: str = "Admitted") -> Subject:
    """Return an entry: a message from an agent's own account, to be admitted."""
    return Subject(
        template, SubjectKind.ENTRY, "admission", message, reply, short=short, description=description
    )


def order_entry(action: str, message: str, description: str) -> Subject:
    """Return the entry of an order: the command of this action, from an agent's own account."""
    template = f"agent.{{resource}}.{action}.{{run}}.{{agent}}"
    return entry(template, message, f"market.{{resource}}.{action}", description)


def request(  # noqa: PLR0913 - a request has these parts
    owner: str, template: str, message: str, reply: str, description: str, *, short: str = ""
) -> Subject:
    """Return a request that a service answers."""
    return Subject(template, SubjectKind.REQUEST, owner, message, reply, short=short, description=description)


def reserved_request(template: str, short: str, description: str) -> Subject:
    """Return a request to a service that is still to come; admission refuses it."""
    full = f"{description} Reserved: there is no such service yet."
    return request("admission", template, "Reserved", "ErrorReply", full, short=short)


def own_account(action: str, message: str, reply: str, description: str) -> Subject:
    """Return a request of an agent about its own account, which the ledger answers."""
    template, short = f"market.account.{action}.{{run}}.{{agent}}", f"market.account.{action}"
    return request("ledger", template, message, reply, description, short=short)


def operator(owner: str, action: str, message: str, reply: str, description: str) -> Subject:
    """Return an operator's request."""
    template = f"admin.{action}.{{operator}}"
    return Subject(template, SubjectKind.OPERATOR, owner, message, reply, description=description)
