"""The panes that are lists: agents, thoughts and calls, verdicts, events."""

from __future__ import annotations

from collections import deque
from operator import attrgetter
from typing import Final

from textual.app import ComposeResult
from textual.widgets import Input

from econsim.domain.expectation.verdict import Verdict
from econsim.report.agent_view import AgentRow
from econsim.report.format import count, money
from econsim.report.run_view import SeenEvent
from econsim.report.thought_rows import ThoughtRow
from econsim.terminal import texts
from econsim.terminal.pane import Pane, ShownRun
from econsim.terminal.rows import Cells, Column, Rows

AGENTS_EVERY: Final = 5
"""Drawings between two of the agents' table: 10,000 agents take some 40 ms to sort."""

AGENTS: Final = (
    Column("agent", 0),
    Column("group", 12, from_width=100),
    Column("wealth", 9, right=True),
    Column("profit", 9, right=True),
    Column("trades", 7, right=True),
    Column("thinking", 9, right=True, from_width=56),
    Column("tools", 8, right=True, from_width=66),
    Column("tick", 6, right=True, from_width=86),
    Column("state", 13, from_width=46),
)
"""Columns of the agents, each named as the field it shows."""

THOUGHTS: Final = (
    Column("tick", 6, right=True),
    Column("agent", 14),
    Column("kind", 9, from_width=60),
    Column("text", 0),
    Column("credits", 8, right=True, from_width=70),
)
"""Columns of thoughts and calls."""

VERDICTS: Final = (Column("verdict", 17), Column("expectation", 0), Column("reason", 0, from_width=76))
"""Columns of the verdicts."""

EVENTS: Final = (
    Column("place", 8, right=True, from_width=76),
    Column("tick", 5, right=True),
    Column("time", 12, from_width=100),
    Column("type", 18),
    Column("what happened", 0),
)
"""Columns of the events."""


class ListPane(Pane):
    """A pane that is one table."""

    columns: tuple[Column, ...] = ()
    """Columns of the table."""
    follows = False
    """True if new rows are seen as they come."""
    empty = ""
    """Reason why there are no rows."""

    def compose(self) -> ComposeResult:
        """Make the table."""
        yield Rows(self.columns, follows=self.follows, empty=self.empty)


class AgentsPane(ListPane):
    """All agents, sorted by one of the columns."""

    columns, empty = AGENTS, "reading the log …"

    def __init__(self) -> None:
        """Sort by wealth, the largest first."""
        super().__init__()
        self._sort, self._is_reversed = "wealth", True
        self._agents: list[AgentRow] = []
        self._moment: ShownRun | None = None
        self._drawings = 0

    def draw(self, moment: ShownRun) -> None:
        """Draw the agents: of a run that goes on, every so often."""
        self._drawings += 1
        if moment is self._moment or moment.player.paused or self._drawings % AGENTS_EVERY == 1:
            self._moment = moment
            self._show()

    def turn(self) -> None:
        """Sort by the next column."""
        titles = [column.title for column in AGENTS]
        self.sort_by(titles[(titles.index(self._sort) + 1) % len(titles)])

    def reverse(self) -> None:
        """Turn the order."""
        self._is_reversed = not self._is_reversed
        self._show()

    def sort_by(self, title: str) -> None:
        """Sort by a column: of numbers the largest come first, of names those at the beginning of the alphabet."""
        self._sort, self._is_reversed = title, title not in ("agent", "group", "state")
        self._show()

    def on_rows_head_clicked(self, event: Rows.HeadClicked) -> None:
        """Sort by the column; turn the order if it is sorted by it."""
        title = event.title.rstrip("↓↑")
        if title == self._sort:
            self.reverse()
        else:
            self.sort_by(title)

    def agent_at(self, index: int) -> str:
        """Return the agent in a row."""
        return self._agents[index].agent

    def _show(self) -> None:
        if self._moment is None:
            return
        rows = self._moment.view.agents.rows()
        self._agents = sorted(rows, key=attrgetter(self._sort), reverse=self._is_reversed)
        arrow = "↓" if self._is_reversed else "↑"
        columns = [
            each if each.title != self._sort else each.with_title(f"{each.title}{arrow}") for each in AGENTS
        ]
        self.rows.show(len(self._agents), self._cells, columns)

    def _cells(self, index: int) -> Cells:
        row = self._agents[index]
        counts = (count(row.trades), money(row.thinking), money(row.tools), str(row.tick))
        cells = (row.agent, row.group, money(row.wealth), money(row.profit), *counts, row.state)
        return cells, "bad" if row.state.startswith(("set aside", "suspended", "disconnected")) else ""


class ThoughtsPane(ListPane):
    """Thoughts, calls of tools, questions, messages and tasks, as they happen."""

    columns, follows, empty = THOUGHTS, True, "nobody has thought, called a tool or asked anything so far"
    _STYLES: Final = {"thought": "", "tool": "accent", "set aside": "bad"}

    def __init__(self) -> None:
        """Start without thoughts."""
        super().__init__()
        self._thoughts: deque[ThoughtRow] = deque()

    def draw(self, moment: ShownRun) -> None:
        """Draw the newest thoughts and calls."""
        self._thoughts = moment.view.thoughts
        self.rows.show(len(self._thoughts), self._cells)

    def place_at(self, index: int) -> int:
        """Return the place of a thought's record."""
        return self._thoughts[index].place

    def event_at(self, index: int) -> str:
        """Return the id of a thought."""
        return self._thoughts[index].event_id

    def _cells(self, index: int) -> Cells:
        each = self._thoughts[index]
        cells = (str(each.tick), each.agent, each.kind, each.text, money(each.price))
        return cells, self._STYLES.get(each.kind, "good")


class VerdictsPane(ListPane):
    """Verdicts on the scenario's expectations so far."""

    columns, empty = VERDICTS, "no expectation was judged so far"

    def __init__(self) -> None:
        """Start without verdicts."""
        super().__init__()
        self._verdicts: tuple[Verdict, ...] = ()

    def draw(self, moment: ShownRun) -> None:
        """Draw the verdicts."""
        self._verdicts = moment.verdicts
        self.rows.show(len(self._verdicts), lambda index: texts.verdict_cells(self._verdicts[index]))

    def verdict_at(self, index: int) -> Verdict:
        """Return the verdict in a row."""
        return self._verdicts[index]

    def place_at(self, index: int) -> int:
        """Return the place of the event that decides a verdict."""
        witness = self._verdicts[index].witness
        return witness[-1].sequence if witness else 0

    def event_at(self, index: int) -> str:
        """Return the id of the event that decides a verdict."""
        witness = self._verdicts[index].witness
        return witness[-1].event_id if witness else ""


class EventsPane(ListPane):
    """The newest events that fit the filter, in which somebody may type."""

    DEFAULT_CSS = """
    EventsPane Input { height: 1; border: none; padding: 0 1; background: $panel; }
    """
    columns, follows, empty = EVENTS, True, "no event fits so far"

    def __init__(self, *, has_filter: bool = True) -> None:
        """Start without events."""
        super().__init__()
        self._has_filter = has_filter
        self._events: deque[SeenEvent] = deque()

    def compose(self) -> ComposeResult:
        """Make the filter and the table."""
        if self._has_filter:
            yield Input(placeholder="/ filter: type:trade agent:NAME words", compact=True)
        yield from super().compose()

    def draw(self, moment: ShownRun) -> None:
        """Draw the newest events."""
        self._events = moment.player.listed.events
        self.rows.show(len(self._events), lambda index: texts.event_cells(self._events[index]))

    def place_at(self, index: int) -> int:
        """Return the place of an event."""
        return self._events[index].place

    def event_at(self, index: int) -> str:
        """Return the id of an event."""
        return self._events[index].entry.event_id
