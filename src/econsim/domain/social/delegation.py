"""Commands that delegate a task: their form, and their taker. Pure."""

from __future__ import annotations

from pydantic import ValidationError

from econsim.domain.agent.active_run import ActiveRun
from econsim.errors import InvalidMessage, NotAllowed
from econsim.schemas.base import validation_message
from econsim.schemas.social_tasks import DelegateTask


def parse_delegation(agent: str, payload: bytes) -> DelegateTask:
    """Return the command in a payload; raises InvalidMessage, or NotAllowed if it names another sender."""
    try:
        command = DelegateTask.model_validate_json(payload)
    except ValidationError as error:
        raise InvalidMessage(validation_message(error)) from None
    if command.agent_id not in (None, agent):
        message = f"agent_id says {command.agent_id!r}, but the subject says {agent!r}; leave it out"
        raise NotAllowed(message, code="agent_id_does_not_match_subject")
    return command


def require_other_agent(run: ActiveRun, agent: str, other: str) -> None:
    """Raise NotFound if the other agent is not in the run, InvalidMessage if it is the agent itself."""
    if run.agent(other).id == agent:
        message = "name another agent than yourself"
        raise InvalidMessage(message, code="agents_must_be_different")
