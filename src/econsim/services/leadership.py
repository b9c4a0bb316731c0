"""Leader election by lease: which worker of a service does which task of which run.

Theory of operation. A service runs in any number of worker processes. A `LeaderTask` is something that one worker at
a time does: the order book of a market, the ledger of a run. Every worker knows every open run (it receives events about
runs, and reads the log every POLL_INTERVAL_S for those it missed), and every worker tries for the lease of every task. The
worker that gets the lease is the task's leader: it runs the task and renews the lease every RENEW_S. The others stand
by and try again every RETRY_S. A request that names an unknown run waits for a new worker's first look at the log
(`ServiceContext.require_run`).

A crash of the leader leaves the lease to expire (five seconds, `adapters.jetstream.leases`); then a stand-by takes
over. A task rebuilds its state from the log or the store each time it starts, so a takeover loses nothing. A leader
that pauses past its lease may still write: a lease is no fence. Fencing is the task's own: it publishes with an
expected sequence or revision, and the late writer's attempt raises Conflict or LeadershipLost. A renewal without an
answer changes nothing; a renewal that is refused cancels the task.

A failure of a task, whatever its kind, gives the lease back and the task is tried again after RETRY_S, by any
worker. A task that returns is done and is not tried again by this worker.

Life cycles::

    collection          holds                          added by                    removed by         bound
    context.runs        open runs, by name             add_run                     drop_run, stop     open runs
    _run_tasks          asyncio tasks of a run         add_run                     drop_run, stop     tasks of open runs
    _service_tasks      asyncio tasks of the service   start                       stop               definition
    _ending             cancellations under way        drop_run                    their own end      runs just dropped
    _unreadable         runs warned of once            _find: opening not readable never              runs of the log
    _unanswered         leases warned of once          _try_to_lead: no answer     the next answer    tasks
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from contextvars import Context
from dataclasses import dataclass
from typing import Final, Protocol

import nats.errors
from nats.js import JetStreamContext

from econsim import subjects
from econsim.adapters.cancellation import cancel_until_done
from econsim.adapters.jetstream.audit_log import last_event
from econsim.adapters.nats.figures import figures_of
from econsim.adapters.poll import Poll
from econsim.domain.agent.active_run import ActiveRun, active_run
from econsim.domain.audit.decoding import event_of
from econsim.errors import EconsimError, ScenarioError, Unavailable
from econsim.schemas.base import Event
from econsim.schemas.clock import (
    RunClosedEvent,
    RunOpened,
    RunOpenedEvent,
    RunResumedEvent,
    RunStoppedEvent,
)
from econsim.schemas.metrics import CounterName
from econsim.schemas.subject import fields
from econsim.services.context import ServiceContext
from econsim.services.log_fields import note_task
from econsim.services.routes import Route, event_route

RENEW_S: Final = 1.0
"""Pause between renewals: a lease of five seconds survives four that fail."""

RETRY_S: Final = 0.5
"""Pause before a worker tries for a lease again, or runs a task again after a failure."""

CANCEL_TASK_AGAIN_S: Final = 1.0
"""Pause before a task is cancelled again; its cleaning up takes milliseconds."""

CANCEL_LEADER_AGAIN_S: Final = 5.0
"""Pause before a leader is cancelled again: longer than ending its task and giving its lease back may take."""

POLL_INTERVAL_S: Final = 2.0
"""Pause between looks for runs: events about a run may be missed."""

_FORESEEN: Final = (EconsimError, TimeoutError, nats.errors.Error)
"""Failures that a sentence explains: the server, the network, another worker, the run's own data."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LeaderTask:
    """Something of a run, or of the service as a whole, that one worker at a time does."""

    lease: str
    """Name of the lease."""
    run: Callable[[], Awaitable[None]]
    """Function that does the task until nothing is left to do; safe to start again at any time."""


class Component(Protocol):
    """Something that every worker of a service runs in the background."""

    async def start(self) -> None:
        """Begin; the service's broker is connected."""

    async def stop(self) -> None:
        """End, and finish what is under way."""


class LeadershipLost(EconsimError):
    """Another worker leads the task; this one steps back."""

    code = "post_was_lost"


class Leadership:
    """The leader tasks and components of one service in this process."""

    def __init__(
        self,
        context: ServiceContext,
        run_tasks: Callable[[ActiveRun], Sequence[LeaderTask]],
        service_tasks: Sequence[LeaderTask] = (),
        components: Sequence[Component] = (),
    ) -> None:
        """Lead `run_tasks` of each open run and `service_tasks`; `start` once the broker is connected."""
        self._context = context
        self._runs = context.runs
        self._tasks_of = run_tasks
        self._definitions = service_tasks
        self._components = components
        self._run_tasks: dict[str, list[asyncio.Task[None]]] = {}
        self._service_tasks: list[asyncio.Task[None]] = []
        self._ending: set[asyncio.Task[None]] = set()
        self._looking: asyncio.Task[None] | None = None
        self._look_now = asyncio.Event()
        self._stopping = False
        self._unreadable: set[str] = set()
        self._unanswered: set[str] = set()

    @property
    def routes(self) -> tuple[Route, ...]:
        """Routes of the events about runs, the same for every service."""
        return (
            event_route(subjects.RUN_OPENED, self._on_run_opened),
            event_route(subjects.RUN_CLOSED, self._on_run_ended),
            event_route(subjects.RUN_STOPPED, self._on_run_ended),
            event_route(subjects.RUN_RESUMED, self._on_run_resumed),
        )

    async def start(self) -> None:
        """Start the components, try for the service's tasks, and look for open runs from now on."""
        for component in self._components:
            await component.start()
        self._looking = asyncio.create_task(self._look())
        self._service_tasks = [asyncio.create_task(self._lead(task)) for task in self._definitions]

    async def stop(self) -> None:
        """Stop all components and tasks and give all leases back; a run that opens from now on is another worker's."""
        self._stopping = True
        for component in self._components if self._looking else ():
            try:
                await component.stop()
            except Exception as failure:  # noqa: BLE001 - whatever it is, the leases must be given back
                _log_failure(f"{type(component).__name__} did not stop cleanly", failure)
        for run in list(self._run_tasks):
            self.drop_run(run)
        background = [*self._service_tasks, *filter(None, [self._looking])]
        await cancel_until_done(background, CANCEL_LEADER_AGAIN_S)
        await asyncio.gather(*self._ending)

    def add_run(self, opened: Event[RunOpened]) -> None:
        """Try for the tasks of a run, if it is new."""
        # A look for runs may end while the service stops: tasks of a run it found would run on a closed connection.
        if opened.correlation_id not in self._runs and not self._stopping:
            run = self._runs[opened.correlation_id] = active_run(opened)
            # In a context of their own: they outlive the message that told of the run, and its span.
            self._run_tasks[run.name] = [
                asyncio.create_task(self._lead(task, run.name), context=Context())
                for task in self._tasks_of(run)
            ]

    def drop_run(self, run: str) -> None:
        """Forget a run and cancel its tasks; `stop` waits for their end."""
        self._runs.drop(run)
        tasks = self._run_tasks.pop(run, [])
        ending = asyncio.create_task(cancel_until_done(tasks, CANCEL_LEADER_AGAIN_S))
        self._ending.add(ending)
        ending.add_done_callback(self._ending.discard)

    async def _on_run_opened(self, event: RunOpenedEvent) -> None:
        self.add_run(event)

    async def _on_run_ended(self, event: RunClosedEvent | RunStoppedEvent) -> None:
        self.drop_run(event.correlation_id)

    async def _on_run_resumed(self, _: RunResumedEvent) -> None:
        self._look_now.set()

    async def _look(self) -> None:
        """Find runs that opened or closed while nobody listened: before the start, a lost message, an outage."""
        async for _ in Poll(POLL_INTERVAL_S, wake=self._look_now):
            with suppress(TimeoutError, nats.errors.Error, EconsimError):
                await self._find()
                self._context.runs_are_known.set()

    async def _find(self) -> None:
        """Make the known runs those that are open by the log."""
        found, over = await runs_of_log(self._context.jetstream)
        for run in over & self._runs.keys():
            self.drop_run(run)
        for run in sorted(found - self._runs.keys()):
            stored = await last_event(self._context.client, subjects.RUN_OPENED(run=run))
            if stored is None and run not in self._unreadable:
                self._unreadable.add(run)
                _log.warning("run %s is open and not served: its opening cannot be read", run)
            event = event_of(RunOpened, stored.subject, stored.payload) if stored else None
            # A stored opening that is no event, or has impossible agents, must not hide the other runs.
            with suppress(ScenarioError):
                if event:
                    self.add_run(event)

    async def _lead(self, task: LeaderTask, run: str = "") -> None:
        """Run a task whenever its lease is free, until the task is done."""
        note_task(self._context.service, task.lease, run)
        async for _ in Poll(RETRY_S):
            if await self._try_to_lead(task):
                return

    async def _try_to_lead(self, task: LeaderTask) -> bool:
        """Run a task if its lease is free; return whether the task is done."""
        is_held = False
        try:
            is_held = await self._context.leases.acquire(task.lease, self._context.holder)
            self._unanswered.discard(task.lease)
            if not is_held:
                return False
            self._count(CounterName.LEASES_TAKEN, task)
            self._count(CounterName.TASKS_FAILED, task, 0)
            await self._run_under_lease(task)
        except Exception as failure:  # noqa: BLE001 - whatever it is, the task must be started again
            self._count(CounterName.TASKS_FAILED, task)
            # A server that is away is asked for every lease every second.
            if is_held or task.lease not in self._unanswered:
                _log_failure(f"task {task.lease} is tried again", failure)
            if not is_held:
                self._unanswered.add(task.lease)
        else:
            return True
        return False

    def _count(self, name: CounterName, task: LeaderTask, by: int = 1) -> None:
        """Count among the service's figures, by the first word of the lease: a run has a lease for each market."""
        figures_of(self._context.client).count(name, by, task=task.lease.partition(".")[0])

    async def _run_under_lease(self, task: LeaderTask) -> None:
        """Run a task while renewing its lease, then give the lease back."""
        running = asyncio.ensure_future(task.run())
        try:
            while not (await asyncio.wait({running}, timeout=RENEW_S))[0]:
                await self._renew(task)
            await running
        finally:
            await cancel_until_done([running], CANCEL_TASK_AGAIN_S)
            with suppress(Unavailable, nats.errors.Error):
                await self._context.leases.release(task.lease, self._context.holder)

    async def _renew(self, task: LeaderTask) -> None:
        """Renew a lease; without an answer it is still ours until another worker has it."""
        with suppress(Unavailable):
            if not await self._context.leases.acquire(task.lease, self._context.holder):
                raise LeadershipLost


async def runs_of_log(jetstream: JetStreamContext) -> tuple[set[str], set[str]]:
    """Return the runs that are open by the log, and those that are closed or stopped."""
    info = await jetstream.stream_info(subjects.AUDIT, subjects_filter=subjects.OF_RUNS)
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for subject, count in (info.state.subjects or {}).items():
        where = fields(subject)
        counts[f"{where.domain}.{where.action}"][where.run] = count
    stops, resumptions = counts[subjects.RUN_STOPPED.type], counts[subjects.RUN_RESUMED.type]
    over = {run for run, times in stops.items() if times > resumptions[run]}
    over |= counts[subjects.RUN_CLOSED.type].keys()
    return counts[subjects.RUN_OPENED.type].keys() - over, over


def _log_failure(what: str, failure: Exception) -> None:
    """Log what failed: with one line if its causes are foreseen, else with its traceback."""
    causes = _causes(failure)
    if all(isinstance(cause, _FORESEEN) for cause in causes):
        _log.warning("%s: %s", what, "; ".join(str(cause) or type(cause).__name__ for cause in causes))
    else:
        _log.error("%s", what, exc_info=failure)


def _causes(failure: Exception) -> list[Exception]:
    """Return the failures that a task group collected, or the one failure itself."""
    if isinstance(failure, ExceptionGroup):
        return [cause for each in failure.exceptions for cause in _causes(each)]
    return [failure]
