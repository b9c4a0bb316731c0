"""Orders and tasks of external agents: checks of agent, market, taker and form before one may go to its queue. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from econsim import subjects
from econsim.domain.agent.active_run import ActiveRun
from econsim.domain.agent.population import Agent
from econsim.domain.market.commands import parse_agent_command
from econsim.domain.social.delegation import parse_delegation, require_other_agent
from econsim.errors import NotAllowed
from econsim.schemas.base import Command
from econsim.schemas.subject import Parsed, fields, token

_ORDERS: Final = {row.action: row for row in subjects.ENTER_ORDER}
_TASK: Final = tuple(subjects.ENTER_TASK.template.split(".")[1:3])


@dataclass(frozen=True, slots=True)
class AdmittedOrder:
    """An order that may go to its market's queue, or a task to the queue of tasks."""

    subject: str
    """Subject of the order in the queue."""
    command_id: str
    """Agent's own id of the command; unique among the agent's commands only."""
    content: str
    """Content of the command: two commands with one id and different contents are a conflict."""
    queue: str = subjects.ORDERS
    """Name of the queue."""


def check_agent(run: ActiveRun, name: str) -> Agent:
    """Return the external agent of a name; raises NotFound for no agent of the run, NotAllowed for an agent of a host."""
    agent = run.agent(name)
    if agent.host is not None:
        message = f"agent {name!r} is run by the scenario; an agent of one's own has policy external"
        raise NotAllowed(message, code="agent_belongs_to_a_host")
    return agent


def parse_order(where: Parsed, payload: bytes, run: ActiveRun) -> AdmittedOrder | None:
    """Return the order in a message; None if the message is a report.

    Raises InvalidSubject, NotFound for a market that is not in the run, and the errors of `parse_agent_command`.
    """
    token(where.entity, "resource")
    token(where.action, "event")
    row = _ORDERS.get(where.action)
    if row is None:
        return None
    run.market(where.entity)
    subject = row(resource=where.entity, run=where.run, agent=where.agent)
    command = parse_agent_command(where.action, where.agent, payload)
    return AdmittedOrder(subject, command.command_id, command_content(subject, command))


def parse_task(where: Parsed, payload: bytes, run: ActiveRun) -> AdmittedOrder | None:
    """Return the task in a message, as a command to its queue; None if the message is something else.

    Raises the errors of `parse_delegation`, NotFound for a taker that is not in the run.
    """
    if (where.entity, where.action) != _TASK:
        return None
    command = parse_delegation(where.agent, payload)
    require_other_agent(run, where.agent, command.taker)
    subject = subjects.DELEGATE_TASK(run=where.run, agent=where.agent)
    return AdmittedOrder(subject, command.command_id, command_content(subject, command), subjects.TASKS)


def stored_content(subject: str, payload: bytes) -> str:
    """Return the content of a command that is stored in its queue."""
    where = fields(subject)
    if subject == subjects.DELEGATE_TASK(run=where.run, agent=where.agent):
        return command_content(subject, parse_delegation(where.agent, payload))
    return command_content(subject, parse_agent_command(where.action, where.agent, payload))


def command_content(subject: str, command: Command) -> str:
    """Return the content of a command in a market's queue, independent of its JSON form."""
    return f"{subject} {command.model_dump_json(exclude={'agent_id', 'causation_id'})}"
