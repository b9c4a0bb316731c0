"""A run's log for the terminal, made of events in memory; more may come while somebody watches."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from econsim import subjects
from econsim.domain.audit.causality import CausalGraph
from econsim.domain.audit.facts import as_record, facts
from econsim.errors import NotFound
from econsim.report.judging import judge
from econsim.report.run_view import SeenEvent
from econsim.schemas.scenario import Scenario
from econsim.terminal.source import Judgement


class RecordedSource:
    """The log of a run of which so many events have happened; `happen` lets more of them."""

    def __init__(self, events, run="run_1", happened=None, now="2026-01-01T00:00:00Z"):
        """Place 10 times the number of an event in its run: other runs are in the log, too."""
        self.run = run
        self.time = now
        self.stored = [SeenEvent(10 * number, as_record(each)) for number, each in enumerate(events, 1)]
        self.happened = len(self.stored) if happened is None else happened
        self.reads, self.damage, self.fault = 0, [], None
        self._more = asyncio.Event()

    def happen(self, count):
        self.happened = min(self.happened + count, len(self.stored))
        self._more.set()

    async def onwards(self, place, tick):  # noqa: ARG002 - of the protocol
        at = place // 10
        while at < len(self.stored):
            while at >= self.happened:
                self._more.clear()
                await self._more.wait()
            if self.fault:
                raise self.fault
            self.reads += 1
            # A log gives a new record each time: what somebody decoded in one is not in the next.
            yield SeenEvent(self.stored[at].place, replace(self.stored[at].entry))
            at += 1

    async def newest_place(self):
        return 10 * self.happened

    async def place_of_tick(self, tick):
        for each in self.stored[: self.happened]:
            if each.entry.type == subjects.TICKED.type and each.entry.tick == tick:
                return each.place
        message = f"run {self.run} has no tick {tick}"
        raise NotFound(message)

    async def place_of(self, event):
        for each in self.stored[: self.happened]:
            graph = CausalGraph([each.entry])
            if any(name.startswith(event) for fact in facts(each.entry) for name in graph.ids(fact)):
                return each.place
        message = f"no event {event!r} in run {self.run}"
        raise NotFound(message)

    async def causes(self, event):
        graph = CausalGraph(each.entry for each in self.stored[: self.happened])
        graph.find(event)
        return graph

    async def record_at(self, place):
        return self.stored[place // 10 - 1].entry

    async def judgements(self):
        opening = next(each.entry for each in self.stored if each.entry.type == subjects.RUN_OPENED.type)
        found = judge(Scenario.model_validate(opening.data["scenario"]))
        for each in self.stored:
            found.add(each.entry, each.place)
            if each.entry.type == subjects.TICKED.type:
                yield Judgement(each.place, found.verdicts())
        yield Judgement(self.stored[-1].place, found.close())

    def now(self):
        return self.time
