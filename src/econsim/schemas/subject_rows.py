"""Builders of rows of the subject table, one a kind of message: each adds the tokens that all subjects of the kind share."""

from __future__ import annotations

from typing import Final

from econsim.schemas.subject import Subject, SubjectKind

AUDIT: Final = "audit_log"
"""Name of the stream of all events."""
ORDERS: Final = "market_orders"
"""Name of the work queue of commands to markets."""
MCP_REQUESTS: Final = "mcp_requests"
"""Name of the work queue of calls of tools."""
TASKS: Final = "tasks"
"""Name of the work queue of tasks that agents delegate."""


def event(owner: str, name: str, message: str, description: str, short: str = "") -> Subject:
    """Return an event, captured by the log; `name` is its subject without the run."""
    return Subject(
        f"{name}.{{run}}",
        SubjectKind.EVENT,
        owner,
        message,
        stream=AUDIT,
        short=short,
        description=description,
    )


def command(action: str, message: str, description: str) -> Subject:
    """Return a command to a market, captured by its work queue."""
    template = f"market.{{resource}}.{action}.{{run}}.{{agent}}"
    return Subject(template, SubjectKind.COMMAND, "market", message, stream=ORDERS, description=description)


def delivery(source: Subject, short: str) -> Subject:
    """Return the delivery of an event of the table to the one agent concerned."""
    text = f"{source.description} Delivery to the one agent concerned."
    template = f"{source.template}.{{agent}}"
    return Subject(
        template, SubjectKind.DELIVERY, source.owner, source.message, short=short, description=text
    )


def broadcast(owner: str, name: str, message: str, description: str, short: str) -> Subject:
    """Return a broadcast to all agents of a run; `name` is its subject without the run."""
    template = f"{name}.{{run}}.all"
    return Subject(template, SubjectKind.BROADCAST, owner, message, short=short, description=description)


def entry(name: str, message: str, short: str, description: str, reply: str = "Admitted") -> Subject:
    """Return an entry: a message from an agent's own account, to be admitted."""
    template = f"{name}.{{run}}.{{agent}}"
    return Subject(
        template, SubjectKind.ENTRY, "admission", message, reply, short=short, description=description
    )


def order_entry(action: str, message: str, description: str) -> Subject:
    """Return the entry of an order: the command of this action, from an agent's own account."""
    return entry(f"agent.{{resource}}.{action}", message, f"market.{{resource}}.{action}", description)


def request(  # noqa: PLR0913 - a request has these parts
    owner: str, name: str, message: str, reply: str, description: str, *, short: str = ""
) -> Subject:
    """Return a request that a service answers; `name` is its subject without run and sender."""
    template = f"{name}.{{run}}.{{agent}}"
    return Subject(template, SubjectKind.REQUEST, owner, message, reply, short=short, description=description)


def telemetry(owner: str, template: str, message: str, description: str) -> Subject:
    """Return what each worker of a service tells a service of the observability layer."""
    return Subject(template, SubjectKind.TELEMETRY, owner, message, description=description)


def operator(owner: str, action: str, message: str, reply: str, description: str) -> Subject:
    """Return an operator's request."""
    template = f"admin.{action}.{{operator}}"
    return Subject(template, SubjectKind.OPERATOR, owner, message, reply, description=description)
