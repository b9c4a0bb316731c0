"""Telling of tries at what is not allowed: `system.admission.rejected`, enough to find the culprit, never a flood.

Whoever tries the same many times in a second is told of once, with the count: an attacker must not be able to
fill the log with its own failures.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import nats.errors
from nats.aio.client import Client

from econsim import subjects
from econsim.adapters.clock import random_id
from econsim.domain.audit.envelope import DIGEST, Envelope, digest
from econsim.errors import EconsimError, InvalidSubject, NotAllowed
from econsim.ports import WallClock
from econsim.schemas.admin import NO_RUN
from econsim.schemas.admission import AdmissionRejected, AgentSuspended, Boundary
from econsim.schemas.base import Message
from econsim.schemas.subject import Parsed, Subject, is_token

PAUSE_S: Final = 1.0
"""Seconds between two events about the same sender and refusal."""

KINDS_MAX: Final = 10_000
"""Senders and refusals counted at once, about 1 kB each; beyond it new ones are only logged."""

SUBJECT_LENGTH_MAX: Final = 200
"""Characters of a subject or sender that are told."""

MESSAGE_LENGTH_MAX: Final = 300
"""Characters of a reason that are told."""

_log = logging.getLogger(__name__)


_Key = tuple[str, str, str, str]
"""Run, side, sender, code."""


@dataclass(slots=True)
class _Case:
    """What is counted for a second and then told, if there is anything."""

    run: str
    newest: AdmissionRejected
    times: int = 0


class RejectionEvents:
    """What one service process noticed."""

    def __init__(self, client: Client, service: str, process: str, clock: WallClock) -> None:
        """Tell over a connection, in a service's name; `process` says which of its workers noticed."""
        self._client = client
        self._service = service
        self._process = process
        self._clock = clock
        self._cases: dict[_Key, _Case] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def tell(self, run: str, rejected: AdmissionRejected) -> None:
        """Publish that something was rejected: at once if it is new, else with the count when the second is over."""
        key = run, rejected.side, rejected.sender, rejected.code
        if case := self._cases.get(key):
            case.times += 1
            case.newest = rejected
        elif len(self._cases) >= KINDS_MAX:
            _log.warning("not told, for too many are: %s", rejected)
        else:
            self._cases[key] = _Case(run, rejected)
            self._publish(subjects.ADMISSION_REJECTED, run, rejected)
            asyncio.get_running_loop().call_later(PAUSE_S, self._told, key)

    def about(self, where: Parsed, subject: str, error: EconsimError) -> None:
        """Tell of an agent's refusal if it tried what is not allowed; to be wrong or too much is no such try."""
        if isinstance(error, NotAllowed | InvalidSubject):
            self.tell(where.run, self._case(Boundary.AGENT, where.agent, subject, error))

    def of_service(self, subject: str, error: EconsimError) -> None:
        """Tell that this service itself tried to speak where it may not."""
        self.tell(NO_RUN, self._case(Boundary.SERVICE, self._service, subject, error))

    def _case(self, side: Boundary, sender: str, subject: str, error: EconsimError) -> AdmissionRejected:
        return AdmissionRejected(
            side=side,
            sender=_printable(sender, SUBJECT_LENGTH_MAX),
            process=self._process,
            subject=_printable(subject, SUBJECT_LENGTH_MAX),
            code=error.error_code,
            message=_printable(str(error), MESSAGE_LENGTH_MAX),
            times=1,
        )

    def suspend(self, run: str, suspended: AgentSuspended) -> None:
        """Publish that an agent's account must go."""
        self._publish(subjects.AGENT_SUSPENDED, run, suspended)

    def _told(self, key: _Key) -> None:
        """Publish what was counted since a case was last told; forget it if nothing was."""
        case = self._cases[key]
        if not case.times:
            del self._cases[key]
            return
        told, case.times = case.newest.model_copy(update={"times": case.times}), 0
        self._publish(subjects.ADMISSION_REJECTED, case.run, told)
        asyncio.get_running_loop().call_later(PAUSE_S, self._told, key)

    def _publish(self, subject: Subject, run: str, data: Message) -> None:
        task = asyncio.ensure_future(self._send(subject, run, data))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _send(self, subject: Subject, run: str, data: Message) -> None:
        """Publish without waiting to be stored: telling must not hold up anybody's work."""
        envelope = Envelope(run if is_token(run) else NO_RUN, random_id(), 0, self._clock.now())
        addressed = envelope.event(subject, self._service, data)
        _log.warning("%s", data)
        with suppress(nats.errors.Error, NotAllowed):
            payload = addressed.json()
            headers = {DIGEST: digest(addressed.subject, payload)}
            await self._client.publish(addressed.subject, payload, headers=headers)


def _printable(text: str, most: int) -> str:
    """Return the beginning of what is an agent's own making, as people may read it in terminals."""
    return "".join(c if c.isprintable() else "?" for c in text[:most])
