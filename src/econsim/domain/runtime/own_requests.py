"""The requests that effects on files, people and tasks stand for: their ids are the place in the agent's cycles. Pure."""

from __future__ import annotations

from typing import Final

from econsim.domain.runtime.effects import (
    AdvanceOwnTask,
    AskPerson,
    Delegate,
    HostedFile,
    HostedSocial,
    OwnEffect,
    ReadNote,
    WriteNote,
)
from econsim.domain.social.tasks import STEPS, UNENDED
from econsim.schemas.base import validated_message
from econsim.schemas.social import QUESTION_MS_MAX, AskHuman
from econsim.schemas.social_hosted import HostedAction
from econsim.schemas.social_tasks import TASK_MS_MAX, AdvanceTask, DelegateTask, TaskStep
from econsim.schemas.workspace import AppendToFile, ReadFile, WriteFile

READ_BYTES: Final = 32_000
"""Bytes of a file that a cycle reads: as many characters as a model is shown, at four bytes each."""

_ENDING: Final = frozenset(step for (_, step), state in STEPS.items() if state not in UNENDED)


def is_ending(step: TaskStep) -> bool:
    """Return whether a step ends a task and so moves money to another agent."""
    return step in _ENDING


def step_request(effect: AdvanceOwnTask) -> AdvanceTask:
    """Return the request of a step."""
    return validated_message(AdvanceTask, task_id=effect.task_id, step=effect.step, text=effect.text)


def own_request(agent: str, tick: int, place: int, effect: OwnEffect) -> HostedFile | HostedSocial:
    """Return the request of an effect at a place of an agent's cycle; raises InvalidMessage for content that is refused."""
    match effect:
        case WriteNote(path=path, text=text):
            fields = {"command_id": f"{tick}.{place}", "tick": tick, "path": path, "text": text}
            if effect.at_end:
                return HostedFile(agent, validated_message(AppendToFile, **fields))
            return HostedFile(agent, validated_message(WriteFile, **fields))
        case ReadNote(path=path):
            read = validated_message(ReadFile, path=path, length=READ_BYTES, before=f"{tick}.{place}")
            return HostedFile(agent, read)
        case AskPerson():
            ask = _question(f"{tick}-{place}", effect)
            return HostedSocial(agent, _action(tick, effect.deadline_ticks, ask=ask))
        case Delegate():
            delegate = _delegation(f"{tick}-{place}", effect)
            return HostedSocial(agent, _action(tick, effect.deadline_ticks, delegate=delegate))
        case AdvanceOwnTask():
            return HostedSocial(agent, HostedAction(tick=tick, advance=step_request(effect)))


def _action(tick: int, deadline_ticks: int, **what: AskHuman | DelegateTask) -> HostedAction:
    return validated_message(HostedAction, tick=tick, deadline_tick=tick + max(deadline_ticks, 1) - 1, **what)


def _question(id_: str, effect: AskPerson) -> AskHuman:
    return validated_message(
        AskHuman,
        request_id=id_,
        text=effect.text,
        options=effect.options,
        default=effect.default,
        deadline_ms=QUESTION_MS_MAX,
        person=effect.person,
    )


def _delegation(id_: str, effect: Delegate) -> DelegateTask:
    return validated_message(
        DelegateTask,
        command_id=id_,
        taker=effect.taker,
        text=effect.text,
        price=effect.price,
        deadline_ms=TASK_MS_MAX,
    )
