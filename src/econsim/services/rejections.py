"""Events about attempts at what is not allowed: `system.admission.rejected`, enough to find the sender, never a flood.

A rate limit holds for each sender and refusal: the first attempt is published at once, those of the following second
together, with their number. An attacker must not be able to fill the log with its own failures.

Life cycles::

    collection   holds                                   added by         removed by                       bound
    _cases       (run, side, sender, code) -> its count  publish          a second without an attempt      CASES_MAX
    _tasks       publishes under way                     publish          their own end                    one a case and second
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
from econsim.schemas.admission import AdmissionRejected, AgentSuspended, Boundary
from econsim.schemas.names import NO_RUN
from econsim.schemas.subject import Parsed, Subject, is_token

PAUSE_S: Final = 1.0
"""Pause between two events about the same sender and refusal."""

CASES_MAX: Final = 10_000
"""Number of cases counted at once, about 1 kB each; beyond it new ones are only logged."""

SUBJECT_LENGTH_MAX: Final = 200
"""Number of characters of a subject or sender in an event."""

MESSAGE_LENGTH_MAX: Final = 300
"""Number of characters of a reason in an event."""

_log = logging.getLogger(__name__)


_Key = tuple[str, str, str, str]
"""Key of a case: run, side, sender, code."""


@dataclass(slots=True)
class _Case:
    """The attempts of one sender at one thing, counted for a second."""

    run: str
    newest: AdmissionRejected
    times: int = 0


class RejectionEvents:
    """The events about attempts that one service process noticed."""

    def __init__(  # noqa: PLR0913 - the last two are limits that tests shorten
        self,
        client: Client,
        service: str,
        process: str,
        clock: WallClock,
        *,
        pause_s: float = PAUSE_S,
        cases_max: int = CASES_MAX,
    ) -> None:
        """Publish over a connection in a service's name; `process` is the name of the worker."""
        self._client = client
        self._service = service
        self._process = process
        self._clock = clock
        self._pause_s = pause_s
        self._cases_max = cases_max
        self._cases: dict[_Key, _Case] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def cases(self) -> int:
        """Number of cases that are counted now."""
        return len(self._cases)

    def publish(self, run: str, rejected: AdmissionRejected) -> None:
        """Publish a rejection: at once if its case is new, else with the count when the second is over."""
        key = run, rejected.side, rejected.sender, rejected.code
        if case := self._cases.get(key):
            case.times += 1
            case.newest = rejected
        elif len(self._cases) >= self._cases_max:
            _log.warning("%s; not published, because too many are", _sentence(run, rejected))
        else:
            self._cases[key] = _Case(run, rejected)
            self._publish(subjects.ADMISSION_REJECTED, run, rejected)
            asyncio.get_running_loop().call_later(self._pause_s, self._publish_count, key)

    def publish_attempt(self, where: Parsed, subject: str, error: EconsimError) -> None:
        """Publish an agent's refusal if its message was not allowed; an invalid or excessive message is no such attempt."""
        if isinstance(error, NotAllowed | InvalidSubject):
            self.publish(where.run, self._case(Boundary.AGENT, where.agent, subject, error))

    def publish_service_attempt(self, subject: str, error: EconsimError) -> None:
        """Publish that this service itself tried to publish where it may not."""
        self.publish(NO_RUN, self._case(Boundary.SERVICE, self._service, subject, error))

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

    def publish_suspension(self, run: str, suspended: AgentSuspended) -> None:
        """Publish that an agent's account must be revoked."""
        self._publish(subjects.AGENT_SUSPENDED, run, suspended)

    def _publish_count(self, key: _Key) -> None:
        """Publish the attempts counted since the last event of a case; forget the case if there are none."""
        case = self._cases[key]
        if not case.times:
            del self._cases[key]
            return
        newest, case.times = case.newest.model_copy(update={"times": case.times}), 0
        self._publish(subjects.ADMISSION_REJECTED, case.run, newest)
        asyncio.get_running_loop().call_later(self._pause_s, self._publish_count, key)

    def _publish(self, subject: Subject, run: str, data: AdmissionRejected | AgentSuspended) -> None:
        task = asyncio.ensure_future(self._send(subject, run, data))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _send(self, subject: Subject, run: str, data: AdmissionRejected | AgentSuspended) -> None:
        """Publish without waiting for the acknowledgement: these events must not delay any work."""
        envelope = Envelope(run if is_token(run) else NO_RUN, random_id(), 0, self._clock.now())
        addressed = envelope.event(subject, self._service, data)
        _log.warning("%s", _sentence(envelope.run, data))
        with suppress(nats.errors.Error, NotAllowed):
            payload = addressed.json()
            headers = {DIGEST: digest(addressed.subject, payload)}
            await self._client.publish(addressed.subject, payload, headers=headers)


def _sentence(run: str, data: AdmissionRejected | AgentSuspended) -> str:
    """Return an event as a line of the log."""
    where = "" if run == NO_RUN else f" of run {run}"
    if isinstance(data, AgentSuspended):
        return (
            f"agent {data.agent}{where} is suspended: it sent {data.received:,} messages in a second, "
            f"and {data.allowed:,} are allowed"
        )
    times = f", {data.times:,} times" if data.times > 1 else ""
    return f"{data.side.value} {data.sender}{where} was refused on {data.subject}{times}: {data.message} ({data.code})"


def _printable(text: str, most: int) -> str:
    """Return the beginning of a text of an agent's making, safe to print in a terminal."""
    return "".join(c if c.isprintable() else "?" for c in text[:most])
