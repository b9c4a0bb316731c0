"""The pane of one tick's spans, as a waterfall: the same lines as `econsim trace RUN --tick N` prints."""

from __future__ import annotations

from contextlib import aclosing
from typing import Final

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import Static

from econsim.domain.tracing.derivation import TICKS_OPEN, SpanMaker
from econsim.domain.tracing.span import Span, trace_id
from econsim.errors import EconsimError
from econsim.report.format import visible
from econsim.report.run_view import CLOSED
from econsim.report.waterfall import waterfall
from econsim.terminal.pane import Pane, ShownRun
from econsim.terminal.source import RunSource

RECORDS_MAX: Final = 20_000
"""Records that are read for the spans of a tick: those of three ticks, of which 10,000 agents make some hundred each."""

WIDTH_MIN: Final = 72
"""Columns of a waterfall at least: names and lengths alone take 58."""


class SpansPane(Pane):
    """The spans of one tick."""

    DEFAULT_CSS = "SpansPane Static { padding: 0 1; width: auto; }"

    def __init__(self) -> None:
        """Show the newest whole tick: of a closed run the last."""
        super().__init__()
        self._tick = 0

    def compose(self) -> ComposeResult:
        """Make the text."""
        with VerticalScroll():
            yield Static("[ and ] choose a tick", markup=False)

    def draw(self, moment: ShownRun) -> None:
        """Draw the newest whole tick, if none is shown yet."""
        if not self._tick and moment.view.tick:
            self.turn(moment, 0)

    def turn(self, moment: ShownRun, by: int) -> None:
        """Show the tick so many further on."""
        newest = moment.view.tick
        whole = newest if moment.view.state == CLOSED else newest - TICKS_OPEN
        self._tick = max(1, min((self._tick or max(1, whole)) + by, newest))
        self._show(moment.player.source, self._tick)

    def forget(self) -> None:
        """Show the newest whole tick next time."""
        self._tick = 0

    @work(exclusive=True)
    async def _show(self, source: RunSource, tick: int) -> None:
        shown = self.query_one(Static)
        width = max(WIDTH_MIN, self.size.width - 4)
        shown.update(f"tick {tick} …")
        try:
            shown.update(await tick_waterfall(source, tick, width))
        except EconsimError as error:
            shown.update(visible(str(error)))


async def tick_waterfall(source: RunSource, tick: int, width: int) -> Text:
    """Return the waterfall of a tick; raises NotFound if the run has no such tick."""
    place, newest = await source.place_of_tick(tick), await source.newest_place()
    maker, read, found = SpanMaker(), 0, list[Span]()
    wanted = trace_id(source.run, tick)
    async with aclosing(source.onwards(place - 1, tick - 1)) as events:
        async for each in events:
            read += 1
            found += [span for span in maker.add(each.entry) if span.trace_id == wanted]
            if found or each.place >= newest or read >= RECORDS_MAX:
                break
    found = found or [span for span in maker.close() if span.trace_id == wanted]
    head = Text(f"tick {tick}: {len(found)} spans, trace {wanted}\n", style="bold")
    lines = (Text(visible(line.plain), spans=line.spans) for line in waterfall(found, width))
    return Text("\n", no_wrap=True).join([head, *lines])
