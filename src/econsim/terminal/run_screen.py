"""One run on the screen: its panes, and the keys that move along the log."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import aclosing, suppress
from typing import Final, TypeVar

from rich.text import Text
from textual import events, work
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.screen import Screen
from textual.widgets import Footer, Input, Static, TabbedContent, TabPane

from econsim.errors import EconsimError
from econsim.report.cause_tree import cause_tree
from econsim.report.event_filter import AGENT, EventSearch
from econsim.report.run_view import RunView
from econsim.terminal import texts
from econsim.terminal.keys import PANES, RUN_BINDINGS, help_text
from econsim.terminal.list_panes import AgentsPane, EventsPane, ThoughtsPane, VerdictsPane
from econsim.terminal.market_pane import MarketPane
from econsim.terminal.pane import Pane, ShownRun
from econsim.terminal.player import PACES, Player
from econsim.terminal.rows import Rows, one_line
from econsim.terminal.source import Judgement, RunSource
from econsim.terminal.spans_pane import SpansPane
from econsim.terminal.text_screen import PromptScreen, TextScreen

Found = TypeVar("Found")

REDRAW_S: Final = 0.1
"""Seconds between two redraws, whatever the rate of events."""

JUDGEMENTS_MAX: Final = 2_000
"""Changes of verdicts that are kept, for moments that somebody goes back to."""

FIRST: Final = "Rows, VerticalScroll"
"""Part of a pane that the keys go to at first."""

WIDE, SMALL, LOW = 150, 70, 16
"""Columns from which on thoughts, verdicts and events stand beside every pane, and below which the book is left out; rows
below which the line of keys is."""


class RunScreen(Screen[None]):
    """A run that is watched."""

    CSS = """
    RunScreen #head { height: auto; padding: 0 1; background: $panel; }
    RunScreen #body, RunScreen TabbedContent, RunScreen ContentSwitcher { height: 1fr; width: 1fr; }
    RunScreen TabPane { padding: 0; height: 1fr; }
    RunScreen #side { display: none; width: 40%; border-left: solid $panel; }
    RunScreen.-wide #side { display: block; }
    RunScreen.-small #book { display: none; }
    RunScreen.-low Footer, RunScreen.-low #markets { display: none; }
    RunScreen .title { background: $panel; padding: 0 1; height: 1; }
    """
    BINDINGS = RUN_BINDINGS

    def __init__(self, source: RunSource) -> None:
        """Watch the run of a log."""
        super().__init__()
        self.player = Player(source)
        """Player of the log."""
        self._source = source
        self._judged = [Judgement(0, ())]
        self._drawn: tuple[object, ...] = ()
        self._drawn_head = Text()
        self._wanted = FIRST

    def compose(self) -> ComposeResult:
        """Make the panes."""
        yield Static(id="head", markup=False)
        with Horizontal(id="body"):
            with TabbedContent():
                yield from self._tabs()
            with Vertical(id="side"):
                for title, pane in self._side():
                    yield Static(title, classes="title", markup=False)
                    yield pane
        yield Footer()

    def _tabs(self) -> ComposeResult:
        made = (MarketPane(), AgentsPane(), ThoughtsPane(), VerdictsPane(), SpansPane(), EventsPane())
        for number, (name, pane) in enumerate(zip(PANES, made, strict=True), 1):
            with TabPane(f"{number} {name.title()}", id=name):
                yield pane

    def _side(self) -> Iterator[tuple[str, Pane]]:
        yield "Thoughts and tools", ThoughtsPane()
        yield "Verdicts", VerdictsPane()
        yield "Events", EventsPane(has_filter=False)

    def on_mount(self) -> None:
        """Begin to read and to draw."""
        self.player.start()
        self.set_interval(REDRAW_S, self.redraw)
        self._follow_verdicts()

    async def on_unmount(self) -> None:
        """End reading."""
        await self.player.stop()

    @property
    def view(self) -> RunView:
        """Return the state that is shown."""
        return self.player.view

    @property
    def pane(self) -> Pane:
        """Return the pane that is shown."""
        return self._pane(self.query_one(TabbedContent).active or PANES[0])

    @property
    def moment(self) -> ShownRun:
        """Return what is shown; of the verdicts those that rest on nothing after it."""
        judged = self._judged[-1]
        if self.player.paused:
            place = self.view.place
            judged = next((each for each in reversed(self._judged) if each.place <= place), self._judged[0])
        return ShownRun(self.player, judged.verdicts)

    def redraw(self, *, always: bool = False) -> None:
        """Draw the head and the pane that is shown, each if it has changed."""
        if not self.is_mounted or not self.is_current:
            return
        head = texts.head(self.player, self._source.now(), self.size.width - 2)
        if head != self._drawn_head or always:
            # Each update lays the whole screen out anew.
            self._drawn_head = head
            self.query_one("#head", Static).update(head)
        drawn = (self.view, self.view.count, self.size, self.pane, len(self._judged))
        if drawn == self._drawn and not always:
            return
        self._drawn = drawn
        # Not by breakpoints, which a screen does not look at before the terminal's first change of size.
        self.set_class(self.size.width >= WIDE, "-wide")
        self.set_class(self.size.width < SMALL, "-small")
        self.set_class(self.size.height < LOW, "-low")
        moment = self.moment
        self.pane.draw(moment)
        if self.has_class("-wide"):
            for pane in self.query("#side Pane").results(Pane):
                pane.draw(moment)

    def on_resize(self, _: events.Resize) -> None:
        """Draw for the new size."""
        self.call_after_refresh(self.redraw, always=True)

    def on_screen_resume(self) -> None:
        """Draw again when nothing stands over the screen any more."""
        self.call_after_refresh(self.redraw, always=True)

    def on_tabbed_content_tab_activated(self, _: TabbedContent.TabActivated) -> None:
        """Let the keys go to the pane that is shown now."""
        self.call_after_refresh(self._focus_pane)

    def _focus_pane(self) -> None:
        wanted, self._wanted = self._wanted, FIRST
        for widget in self.pane.query(wanted):
            widget.focus()
            break
        self.redraw(always=True)

    def _pane(self, name: str) -> Pane:
        return self.query_one(f"#{name} Pane", Pane)

    # Keys

    def action_help(self) -> None:
        """Show the keys."""
        self.app.push_screen(TextScreen("Help", help_text()))

    def action_show_pane(self, name: str) -> None:
        """Show a pane."""
        pane = self._pane(name)
        if isinstance(pane, SpansPane):
            pane.forget()
        if self.query_one(TabbedContent).active == name:
            self._focus_pane()
        self.query_one(TabbedContent).active = name

    def action_market(self, by: int) -> None:
        """Choose another market."""
        pane = self.query_one(MarketPane)
        pane.turn(self.view, by)
        self.redraw(always=True)

    def action_sort(self) -> None:
        """Sort the agents by the next column."""
        self.query_one(AgentsPane).turn()

    def action_reverse(self) -> None:
        """Turn the order of the agents."""
        self.query_one(AgentsPane).reverse()

    def action_tick(self, by: int) -> None:
        """Show the spans of another tick."""
        if isinstance(self.pane, SpansPane):
            self.pane.turn(self.moment, by)

    def action_pause(self) -> None:
        """Hold the view, or go on from where it stands."""
        if self.player.paused:
            self.player.go_on()
        else:
            self.player.pause()
        self.redraw(always=True)

    @work(exclusive=True, group="move")
    async def action_step(self, by: int) -> None:
        """Show the next event, or the one before."""
        if by > 0:
            self.player.step()
        else:
            await self.player.step_back()
            self._search_back()
        self.redraw(always=True)

    def action_to_end(self) -> None:
        """Go to the newest event, and follow."""
        self.player.pace = 0
        self.player.go_on()

    def action_pace(self, by: int) -> None:
        """Play faster or slower."""
        at = PACES.index(self.player.pace)
        self.player.pace = PACES[max(0, min(at + by, len(PACES) - 1))]

    def action_go(self) -> None:
        """Ask for a tick, a place or an event, and go there."""
        hint = "42 is tick 42; #1234 is place 1234 of the log; else an event, trade, order or call by its id"
        self.app.push_screen(PromptScreen("Go to", hint), self._go_to)

    def _go_to(self, wanted: str | None) -> None:
        if wanted and wanted.strip():
            self._go(wanted.strip())

    @work(exclusive=True, group="move")
    async def _go(self, text: str) -> None:
        try:
            await self.player.seek(await self._place(text))
        except EconsimError as error:
            self._say(error)
        self._search_back()

    async def _place(self, text: str) -> int:
        number = text.removeprefix("#")
        if not (number.isascii() and number.isdigit()):
            return await self._source.place_of(text)
        return int(number) if text.startswith("#") else await self._source.place_of_tick(int(number))

    @work(exclusive=True, group="move")
    async def action_seek_row(self) -> None:
        """Go to the moment of the chosen row."""
        if place := self._of_row(lambda pane, index: pane.place_at(index)):
            await self.player.seek(place)
            self._search_back()

    def action_filter(self) -> None:
        """Type a filter of events."""
        # A part that is not on the screen yet cannot have the keys: it gets them with its pane.
        self._wanted = "Input"
        self.action_show_pane("events")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Show the events that fit the filter."""
        self._filter(event.value)

    def _filter(self, text: str) -> None:
        self.player.listed.reset(self.view.events, EventSearch.parse(text))
        self._search_back()
        pane = self._pane("events")
        pane.query_one(Input).value = text
        self.action_show_pane("events")

    @work(exclusive=True, group="search")
    async def _search_back(self) -> None:
        with suppress(EconsimError):
            await self.player.search_back()
        self.redraw(always=True)

    def on_rows_chosen(self, event: Rows.Chosen) -> None:
        """Open a row: an agent's events, a verdict with its witness, a trade's causes, another record whole."""
        match next(each for each in event.rows.ancestors if isinstance(each, Pane)):
            case AgentsPane() as pane:
                self._filter(f"{AGENT}{pane.agent_at(event.index)}")
            case VerdictsPane() as pane:
                text = texts.verdict_text(pane.verdict_at(event.index))
                self.app.push_screen(TextScreen("Verdict", text))
            case MarketPane():
                self.action_why()
            case Pane() as pane:
                self._open(pane.place_at(event.index))

    @work(exclusive=True, group="read")
    async def _open(self, place: int) -> None:
        try:
            entry = await self._source.record_at(place)
        except EconsimError as error:
            self._say(error)
        else:
            self.app.push_screen(TextScreen(entry.type, texts.record_text(entry, place)))

    @work(exclusive=True, group="read")
    async def action_why(self) -> None:
        """Show the causes and effects of the chosen event, trade, thought or verdict."""
        if not (event := self._of_row(lambda pane, index: pane.event_at(index))):
            self.notify("choose an event, a trade, a thought or a verdict first", markup=False)
            return
        try:
            causes = await self._source.causes(event)
            self.app.push_screen(TextScreen(f"Why {event}", cause_tree(causes, event)))
        except EconsimError as error:
            self._say(error)

    def action_back(self) -> None:
        """Leave a field that is typed in; else the run."""
        if isinstance(self.focused, Input):
            self.pane.rows.focus()
        else:
            self.action_leave()

    def action_leave(self) -> None:
        """Leave the run."""
        if len(self.app.screen_stack) > 2:
            self.dismiss()
        else:
            self.app.exit()

    def _of_row(self, what: Callable[[Pane, int], Found]) -> Found | None:
        """Return place or event of the chosen row of the part that has the keys; none without such a row."""
        rows = self.focused
        if not isinstance(rows, Rows) or not rows.count:
            return None
        pane = next(each for each in rows.ancestors if isinstance(each, Pane))
        return what(pane, rows.cursor)

    def _say(self, error: EconsimError) -> None:
        self.notify(one_line(str(error)), severity="error", markup=False)

    @work(exclusive=True, group="verdicts")
    async def _follow_verdicts(self) -> None:
        with suppress(EconsimError):
            async with aclosing(self._source.judgements()) as found:
                async for judgement in found:
                    self._judged.append(judgement)
                    del self._judged[1:-JUDGEMENTS_MAX]
