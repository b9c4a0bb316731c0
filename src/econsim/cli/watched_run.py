"""The log of a run as the terminal reads it, over NATS: by places, from any of them on, as an observer who sends nothing."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING, Final

from econsim import subjects
from econsim.adapters.clock import SystemClock
from econsim.adapters.jetstream import direct_get, run_reader
from econsim.adapters.jetstream.text_store import BucketTextStore
from econsim.cli.run_log import RunLog, verified_record
from econsim.cli.why import ID_WITH_TICK, causes_and_effects
from econsim.domain.audit.causality import CausalGraph
from econsim.domain.audit.facts import Record
from econsim.errors import NotFound
from econsim.evaluation.bench.live_verdicts import live_verdicts
from econsim.report.run_view import SeenEvent
from econsim.schemas.subject import token
from econsim.services.call_texts import record_with_texts
from econsim.subjects import AUDIT
from econsim.terminal.source import Judgement

if TYPE_CHECKING:
    from nats.aio.client import Client


RECORDS_MAX: Final = 2_000
"""Records that may contain a text that is looked for: an id stands in a few, the name of an agent in thousands."""

_ITEM: Final = re.compile(r"[0-9a-f]{32}\.\d+")
"""Id of an item: its record has that of the event alone."""


class WatchedRun:
    """The source of a run's view."""

    def __init__(self, client: Client, run: str, creds: Path | None) -> None:
        """Read with a client; the judge, which has a connection of its own, takes its credentials."""
        self.run = run
        """Name of the run."""
        self.damage: Sequence[str] = ()
        """Sentences about records that could not be read."""
        self._client = client
        self._creds = creds
        self._pattern = f"*.*.*.{token(run, 'run')}"

    async def onwards(self, place: int, tick: int) -> AsyncGenerator[SeenEvent, None]:
        """Yield the events after a place and new ones as they come; raises Unavailable and CorruptLog."""
        log = RunLog(self._client, self.run)
        log.begin_after(place, tick)
        self.damage = log.damage
        async with aclosing(log.onwards()) as entries:
            async for entry in entries:
                yield SeenEvent(log.place, entry)

    async def newest_place(self) -> int:
        """Return the place of the run's newest event."""
        found = await run_reader.newest(self._client, self._pattern)
        return found.sequence if found else 0

    async def place_of_tick(self, tick: int) -> int:
        """Return the place at which a tick opened; raises NotFound."""
        ticked = subjects.TICKED(run=self.run)
        start = await run_reader.place_of_tick(self._client, self.run, tick)
        page = await direct_get.batch_get(self._client, AUDIT, start, ticked, 1)
        for found in page.messages:
            if verified_record(found).tick == tick:
                return found.sequence
        message = f"run {self.run} has no tick {tick} so far"
        raise NotFound(message)

    async def place_of(self, event: str) -> int:
        """Return the place of the record of the fact that an id or its beginning stands for; raises NotFound."""
        tick = ID_WITH_TICK.search(event)
        start = await run_reader.place_of_tick(self._client, self.run, int(tick[1])) if tick else 1
        wanted = event.partition(".")[0].encode() if _ITEM.fullmatch(event) else event.encode()
        graph, places = CausalGraph(), dict[str, int]()
        async with aclosing(run_reader.events(self._client, self.run, start)) as stored:
            async for each in stored:
                if wanted in each.payload:
                    entry = verified_record(each)
                    graph.add(entry)
                    places[entry.event_id] = each.sequence
                if len(places) > RECORDS_MAX:
                    message = f"{event!r} stands in more than {RECORDS_MAX:,} records; give more of the id"
                    raise NotFound(message)
        return places[graph.find(event).event_id.partition(".")[0]]

    async def causes(self, event: str) -> CausalGraph:
        """Return a graph with the causes and effects of a fact; raises NotFound."""
        _, graph = await causes_and_effects(self._client, self.run, event)
        graph.find(event)
        return graph

    async def record_at(self, place: int) -> Record:
        """Return the record at a place, with the long texts of calls; raises NotFound."""
        page = await direct_get.batch_get(self._client, AUDIT, place, self._pattern, 1)
        for found in page.messages:
            if found.sequence == place:
                return await record_with_texts(BucketTextStore(self._client), verified_record(found), [])
        message = f"run {self.run} has no record at place {place} of the log"
        raise NotFound(message)

    async def judgements(self) -> AsyncGenerator[Judgement, None]:
        """Yield the verdicts on the run whenever they rest on more events."""
        assert self._client.connected_url is not None, "a run is watched over a connection"
        url = self._client.connected_url.geturl()
        async with aclosing(live_verdicts(url, self._creds, self.run)) as found:
            async for place, verdicts in found:
                yield Judgement(place, verdicts)

    def now(self) -> str:
        """Return the time."""
        return SystemClock().now()
