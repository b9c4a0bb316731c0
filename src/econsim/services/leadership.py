"""Which worker serves what of a run: posts, each held by one worker at a time through a lease.

A service's workers all learn of open runs and all try for every post; who gets the lease serves, the
others stand by and take over within seconds when it is lost (architecture C5).
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Protocol

import nats.errors

from econsim import subjects
from econsim.adapters.jetstream.audit_log import last
from econsim.adapters.jetstream.leases import KeyLeases
from econsim.domain.agent.population import Agent, population
from econsim.domain.audit.decoding import event_of
from econsim.errors import EconsimError, NotFound, ScenarioError, Unavailable
from econsim.ports import Leases
from econsim.schemas.base import Event
from econsim.schemas.clock import RunOpened
from econsim.schemas.subject import fields
from econsim.services.context import ServiceContext

RENEW_S: Final = 1.0
"""Pause between renewals: a lease of five seconds survives four that fail."""

RETRY_S: Final = 0.5
"""Pause before trying for a lease again, or serving again after a failure."""

SERVE_AGAIN_S: Final = 1.0
"""Pause before what serves a post is cancelled again; cleaning up takes milliseconds."""

STOP_AGAIN_S: Final = 5.0
"""Pause before a post is cancelled again: longer than what serves it and its lease's return may take."""

LOOK_S: Final = 2.0
"""Pause between looks for runs whose opening was not heard."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ActiveRun:
    """A run that is open, as its opening event tells."""

    name: str
    """Its id."""
    data: RunOpened
    """Its scenario and salt."""
    event_id: str
    """The opening event, root of all causes."""
    agents: Mapping[str, Agent]
    """Everybody in the run, by id."""
    externals: frozenset[str]
    """External agents, who are told the outcome of their orders."""


@dataclass(frozen=True, slots=True)
class Post:
    """Something of a run, or of the service as a whole, that one worker serves at a time."""

    lease: str
    """Name of the lease."""
    serve: Callable[[], Awaitable[None]]
    """Serves until there is nothing left to do; safe to start again at any time."""


class Attendant(Protocol):
    """Something every worker of a service does for as long as it runs."""

    async def start(self) -> None:
        """Begin, on a link that is connected."""

    async def stop(self) -> None:
        """End, finishing what is under way."""


class LeadershipLost(EconsimError):
    """Another worker holds the post; this one steps back."""

    code = "post_was_lost"


def open_run(opened: Event[RunOpened]) -> ActiveRun:
    """Return what an opening event says."""
    agents = {agent.id: agent for agent in population(opened.data.scenario)}
    externals = frozenset(name for name, agent in agents.items() if agent.host is None)
    return ActiveRun(opened.correlation_id, opened.data, opened.event_id, agents, externals)


class Leadership:
    """The posts of one service in this process."""

    def __init__(self, context: ServiceContext, posts: Callable[[ActiveRun], Sequence[Post]]) -> None:
        """Serve what `posts` returns for each open run; `start` once the link is connected."""
        self.runs: dict[str, ActiveRun] = {}
        self._context = context
        self._posts = posts
        self._tasks: dict[str, list[asyncio.Task[None]]] = {}
        self._ending: set[asyncio.Task[None]] = set()
        self._looking: asyncio.Task[None] | None = None
        self._look_now = asyncio.Event()
        self._attendants: list[Attendant] = []
        self._standing: list[Post] = []
        self._standing_tasks: list[asyncio.Task[None]] = []
        self._stopping = False
        self._unreadable: set[str] = set()

    def stand(self, post: Post) -> None:
        """Hold a post that belongs to no run, for as long as the service works; call before `start`."""
        self._standing.append(post)

    def attend(self, attendant: Attendant) -> None:
        """Have something done from `start` to `stop`; call before `start`."""
        self._attendants.append(attendant)

    async def start(self) -> None:
        """Look for open runs, now and from time to time."""
        for attendant in self._attendants:
            await attendant.start()
        self._leases: Leases = KeyLeases(self._context.client)
        self._looking = asyncio.create_task(self._look())
        self._standing_tasks = [asyncio.create_task(self._hold(post)) for post in self._standing]

    async def stop(self) -> None:
        """Stop serving and give all leases back; a run that is heard of from now on is another worker's."""
        self._stopping = True
        for attendant in self._attendants if self._looking else ():
            try:
                await attendant.stop()
            except Exception:  # noqa: BLE001 - whatever it is, the leases must be given back
                _log.exception("%s did not stop cleanly", type(attendant).__name__)
        for run in list(self._tasks):
            self.closed(run)
        await _ended([*self._standing_tasks, *filter(None, [self._looking])], STOP_AGAIN_S)
        await asyncio.gather(*self._ending)

    def opened(self, event: Event[RunOpened]) -> None:
        """Try for the posts of a run, if it is new."""
        # A look for runs may go on while all ends: what it found would be served on a connection that is closed.
        if event.correlation_id not in self.runs and not self._stopping:
            run = self.runs[event.correlation_id] = open_run(event)
            self._tasks[run.name] = [asyncio.create_task(self._hold(post)) for post in self._posts(run)]

    def known(self, run: str) -> ActiveRun:
        """Return an open run; raises NotFound for any other."""
        if run not in self.runs:
            message = f"run {run!r} is not open; `econsim runs` lists those there are"
            raise NotFound(message, code="run_is_not_open")
        return self.runs[run]

    def closed(self, run: str) -> None:
        """Stop serving a run; its posts end by and by."""
        self.runs.pop(run, None)
        tasks = self._tasks.pop(run, [])
        ending = asyncio.create_task(_ended(tasks, STOP_AGAIN_S))
        self._ending.add(ending)
        ending.add_done_callback(self._ending.discard)

    def look(self) -> None:
        """Look for open runs at once: one may go on that was stopped."""
        self._look_now.set()

    async def _look(self) -> None:
        """Find runs that opened or closed while nobody listened: a start, a lost message, an outage."""
        while True:
            self._look_now.clear()
            with suppress(TimeoutError, nats.errors.Error, EconsimError):
                await self._find()
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_S):
                    await self._look_now.wait()

    async def _find(self) -> None:
        told = await self._told()
        stops, resumptions = told[subjects.RUN_STOPPED.type], told[subjects.RUN_RESUMED.type]
        over = {run for run, stopped in stops.items() if stopped > resumptions[run]}
        over |= told[subjects.RUN_CLOSED.type].keys()
        for run in over & self.runs.keys():
            self.closed(run)
        for run in sorted(told[subjects.RUN_OPENED.type].keys() - over - self.runs.keys()):
            stored = await last(self._context.client, subjects.RUN_OPENED(run=run))
            if stored is None and run not in self._unreadable:
                self._unreadable.add(run)
                _log.warning("run %s is open and not served: its opening cannot be read", run)
            event = event_of(RunOpened, stored.subject, stored.payload) if stored else None
            # What opens no run, because it is no event or has no possible agents, hides none of the others.
            with suppress(ScenarioError):
                if event:
                    self.opened(event)

    async def _told(self) -> Mapping[str, Counter[str]]:
        """Return type of event about runs → run → how many the log has."""
        stream = self._context.client.jetstream()
        info = await stream.stream_info(subjects.AUDIT, subjects_filter=subjects.OF_RUNS)
        found: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for subject, count in (info.state.subjects or {}).items():
            where = fields(subject)
            found[f"{where.domain}.{where.action}"][where.run] = count
        return found

    async def _hold(self, post: Post) -> None:
        """Serve a post whenever its lease can be had, until it is done."""
        done = await self._try(post)
        while not done:
            await asyncio.sleep(RETRY_S)
            done = await self._try(post)

    async def _try(self, post: Post) -> bool:
        """Serve a post if its lease is free; return whether it is done."""
        try:
            if not await self._leases.acquire(post.lease, self._context.holder):
                return False
            await self._serve(post)
        except LeadershipLost:
            _log.warning("post %s was lost to another worker", post.lease)
        except (EconsimError, TimeoutError, nats.errors.Error) as error:
            _log.warning("post %s is served again: %s", post.lease, error or type(error).__name__)
        except Exception:  # noqa: BLE001 - whatever it is, the post must be served again
            _log.exception("post %s failed and is served again", post.lease)
        else:
            return True
        return False

    async def _serve(self, post: Post) -> None:
        """Serve while renewing the lease, then give it back."""
        serving = asyncio.ensure_future(post.serve())
        try:
            while not serving.done():
                await asyncio.wait({serving}, timeout=RENEW_S)
                await self._renew(post)
            await serving
        finally:
            await _ended([serving], SERVE_AGAIN_S)
            with suppress(Unavailable, nats.errors.Error):
                await self._leases.release(post.lease, self._context.holder)

    async def _renew(self, post: Post) -> None:
        """Renew a lease; without an answer it is still ours until another worker shows up."""
        with suppress(Unavailable):
            if not await self._leases.acquire(post.lease, self._context.holder):
                raise LeadershipLost


async def _ended(tasks: Sequence[asyncio.Future[None]], again_s: float) -> None:
    """Cancel tasks until they have ended; their errors are nobody's any more.

    Once is not enough: `asyncio.wait_for`, which the client library waits with, drops a cancellation that
    meets the answer it waits for, and the task goes on (seen when a service stopped right after its start).
    """
    pending = {task for task in tasks if not task.done()}
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=again_s)
    await asyncio.gather(*tasks, return_exceptions=True)
