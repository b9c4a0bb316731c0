"""Plays a run's log into its view: follows, pauses, steps, and goes to any event. Knows no widgets.

Older moments are folded again from the log, from the nearest copy of the view; copies are made on the way, and thinned out as
a run grows, so that memory stays bounded.
"""

from __future__ import annotations

import asyncio
import pickle
import time
from collections import deque
from contextlib import aclosing, suppress
from typing import Final

from econsim import subjects
from econsim.adapters.cancellation import CANCEL_AGAIN_S, cancel_until_done
from econsim.domain.expectation.integrity import WRONG_CONTENT
from econsim.errors import EconsimError
from econsim.report.event_filter import EventList
from econsim.report.run_view import EVENTS_MAX, RunView, SeenEvent
from econsim.terminal.source import RunSource

COPY_EVERY: Final = 2 * EVENTS_MAX
"""Events between two copies of the view at first: more than the newest events that a view keeps."""

COPIES_MAX: Final = 16
"""Copies of the view that are kept: of 10,000 agents some MB each."""

SLICE_S: Final = 0.015
"""Seconds of folding without a pause: keys and redraws wait no longer."""

PACES: Final = (1, 4, 16, 64, 0)
"""Ticks a second at which the past is played; 0 for as fast as it can be read."""


class Copies:
    """Copies of a view at some places of the log."""

    def __init__(self) -> None:
        """Start without copies."""
        self._kept: list[tuple[int, bytes]] = []
        self._every = COPY_EVERY

    def offer(self, view: RunView) -> None:
        """Keep a copy of a view if it is due."""
        if view.count % self._every or (self._kept and view.place <= self._kept[-1][0]):
            return
        self._kept.append((view.place, pickle.dumps(view, pickle.HIGHEST_PROTOCOL)))
        if len(self._kept) > COPIES_MAX:
            self._every *= 2
            self._kept = self._kept[1::2]

    def before(self, place: int) -> RunView:
        """Return a view from which the one at a place can be made with all its newest events."""
        earlier = [kept for at, kept in self._kept if at <= place]
        # Not the nearest, which lacks the newest events before it: the one before that.
        found: RunView = pickle.loads(earlier[-2]) if len(earlier) > 1 else RunView()  # noqa: S301 - made above
        return found


class Player:
    """A run's view, and how it moves along the log."""

    def __init__(self, source: RunSource) -> None:
        """Start before the first event; `start` begins to read."""
        self.source = source
        """Log of the run."""
        self.view = RunView()
        """State of the run at the event that is shown."""
        self.listed = EventList()
        """Events that fit the filter."""
        self.paused = False
        """True if events are held back until `step` or `go_on`."""
        self.pace = 0
        """Ticks a second, 0 for as fast as they can be read."""
        self.ended = False
        """True if the end of the run was read."""
        self.is_seeking = False
        """True while another moment is made."""
        self.problem = ""
        """Reason why the log cannot be read on, in a sentence; empty if it can."""
        self.misfit = ""
        """Sentence about the newest record with content that could not be read; empty without one."""
        self._shown_at = time.monotonic()
        self._copies = Copies()
        self._gate = asyncio.Event()
        self._steps = 0
        self._task: asyncio.Task[None] | None = None
        self._is_over = False
        self._back = 0
        self._seeking = asyncio.Lock()

    @property
    def idle_s(self) -> float:
        """Return the seconds since an event was shown."""
        return time.monotonic() - self._shown_at

    def start(self) -> None:
        """Begin to read where the view stands."""
        self._begin()

    async def stop(self) -> None:
        """End reading for good."""
        self._is_over = True
        await self._stop_reading()

    def pause(self) -> None:
        """Hold the view at the event that is shown."""
        self.paused, self._steps = True, 0

    def go_on(self) -> None:
        """Go on from the event that is shown."""
        self.paused, self._back = False, 0
        self._gate.set()
        # The log could not be read: it is tried again.
        if self.problem and self._task is not None and self._task.done():
            self._begin()

    def step(self) -> None:
        """Show the next event, and hold the view there."""
        self.paused, self._back = True, 0
        self._steps += 1
        self._gate.set()

    async def step_back(self) -> None:
        """Show the event before; steps that come faster than they can be made add up, each ends the one before."""
        self._back += 1
        kept = self.view.events
        earlier = kept[-1 - self._back].place if len(kept) > self._back else self.view.place - self._back
        await self._seek(earlier)
        self._back = 0

    async def seek(self, place: int) -> None:
        """Hold the view after the newest event up to a place of the log; if it is cancelled, wherever it is."""
        self._back = 0
        await self._seek(place)

    async def _seek(self, place: int) -> None:
        self.pause()
        async with self._seeking:
            await self._stop_reading()
            self.is_seeking = True
            try:
                base = self._copies.before(place)
                if base.place <= self.view.place <= place:
                    base = self.view
                await self._fold_up_to(base, min(place, await self.source.newest_place()))
            except EconsimError as error:
                self.problem = str(error)
            finally:
                self.is_seeking = False
                self._begin()

    async def search_back(self) -> int:
        """Add to the list the events that fit from before those the view keeps; return how many it found."""
        wanted, pauses = self.listed.filter, _Pauses()
        first = self.view.events[0].place if self.view.events else 0
        found: deque[SeenEvent] = deque(maxlen=EVENTS_MAX)
        async with aclosing(self.source.onwards(0, 0)) as events:
            while not wanted.is_empty and (event := await anext(events, None)) and event.place < first:
                with suppress(*WRONG_CONTENT):
                    found.extend([event] if wanted.fits(event.entry) else [])
                await pauses.pause_if_due()
        if self.listed.filter is wanted:
            self.listed.put_before(found)
        return len(found)

    def _begin(self) -> None:
        if not self._is_over:
            self.ended = False
            self._task = asyncio.create_task(self._play())

    async def _stop_reading(self) -> None:
        if self._task is not None:
            await cancel_until_done([self._task], CANCEL_AGAIN_S)

    async def _fold_up_to(self, view: RunView, place: int) -> None:
        pauses = _Pauses()
        async with aclosing(self.source.onwards(view.place, view.tick)) as events:
            while view.place < place and (event := await anext(events, None)) and event.place <= place:
                self._add(view, event)
                await pauses.pause_if_due()
        self.view = view
        with suppress(*WRONG_CONTENT):
            self.listed.reset(view.events)

    async def _play(self) -> None:
        pauses = _Pauses()
        try:
            async with aclosing(self.source.onwards(self.view.place, self.view.tick)) as events:
                async for event in events:
                    await self._wait_until_wanted()
                    await self._wait_by_pace(event)
                    self._show(event)
                    await pauses.pause_if_due()
            self.ended = True
        except EconsimError as error:
            self.problem = str(error)

    def _show(self, event: SeenEvent) -> None:
        self._shown_at, self.problem = time.monotonic(), ""
        self._add(self.view, event)
        with suppress(*WRONG_CONTENT):
            self.listed.add(event)

    def _add(self, view: RunView, event: SeenEvent) -> None:
        try:
            view.add(*event)
        except WRONG_CONTENT as error:
            # One record that does not follow its schema must not end the view of all others.
            self.misfit = f"the record at place {event.place} cannot be shown: {type(error).__name__} {error}"
        self._copies.offer(view)

    async def _wait_until_wanted(self) -> None:
        while self.paused and not self._steps:
            self._gate.clear()
            await self._gate.wait()
        self._steps = max(0, self._steps - 1)

    async def _wait_by_pace(self, event: SeenEvent) -> None:
        if self.pace and not self.paused and event.entry.type == subjects.TICKED.type:
            await asyncio.sleep(1 / self.pace)


class _Pauses:
    """Lets others work after each slice of time."""

    def __init__(self) -> None:
        self._since = time.perf_counter()

    async def pause_if_due(self) -> None:
        if time.perf_counter() - self._since > SLICE_S:
            await asyncio.sleep(0)
            self._since = time.perf_counter()
