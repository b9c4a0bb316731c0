"""The keys of the view, and its help about them."""

from __future__ import annotations

from typing import Final

from rich.table import Table
from rich.text import Text
from textual.binding import Binding, BindingType

PANES: Final = ("market", "agents", "thoughts", "verdicts", "spans", "events")
"""Panes, in the order of their keys from 1."""

RUN_BINDINGS: Final[list[BindingType]] = [
    Binding("question_mark", "help", "help", key_display="?"),
    Binding("space", "pause", "pause/go on"),
    Binding("n,right", "step(1)", "next", key_display="n"),
    Binding("p,left", "step(-1)", "back", key_display="p"),
    Binding("g", "go", "go to"),
    Binding("e", "to_end", "newest"),
    Binding("w", "why", "why"),
    Binding("slash", "filter", "filter", key_display="/"),
    Binding("m", "market(1)", "market", show=False),
    Binding("M", "market(-1)", "market before", show=False),
    Binding("o", "sort", "sort", show=False),
    Binding("r", "reverse", "turn the order", show=False),
    Binding("s", "seek_row", "go to the row", show=False),
    Binding("plus", "pace(1)", "faster", show=False),
    Binding("minus", "pace(-1)", "slower", show=False),
    Binding("left_square_bracket", "tick(-1)", "tick before", show=False),
    Binding("right_square_bracket", "tick(1)", "next tick", show=False),
    *(Binding(str(number), f"show_pane('{name}')", name, show=False) for number, name in enumerate(PANES, 1)),
    Binding("escape", "back", "back", show=False),
    Binding("q", "leave", "quit"),
]
"""Keys of a run, and what they do."""

KEYS: Final = (
    (
        "Panes",
        (
            ("1 … 6", "market, agents, thoughts and tools, verdicts, spans, events"),
            ("Tab", "next part of the pane"),
            (
                "↑ ↓ PgUp PgDn",
                "choose a row; Home and End the first and last: at the last one new rows are followed",
            ),
            ("Enter", "open the row: an event whole, a verdict with its witness, an agent's events"),
        ),
    ),
    (
        "Along the log",
        (
            ("Space", "pause, or go on from where the view stands"),
            ("n or →, p or ←", "next event, event before"),
            ("g", "go to a tick, a place of the log, or an event, trade, order or call by its id"),
            ("s", "go to the moment of the chosen row"),
            ("e", "go to the newest event and follow"),
            ("+ -", "play faster or slower: 1, 4, 16, 64 ticks a second, or as fast as can be read"),
        ),
    ),
    (
        "Looking",
        (
            ("w", "why: causes and effects of the chosen event, trade, thought or verdict"),
            (
                "/",
                "filter the events: type:trade agent:buyer_003 and words, all of which must fit; empty for all",
            ),
            ("m M", "next market, market before"),
            ("o r", "agents: sort by the next column, turn the order; or click a heading"),
            ("[ ]", "spans: tick before, next tick"),
            ("d", "dark or light"),
            ("q or Esc", "leave"),
        ),
    ),
)
"""Heading → keys and what they do."""


def help_text() -> Table:
    """Return the help."""
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True, style="bold")
    table.add_column(ratio=1)
    for heading, rows in KEYS:
        table.add_row(Text(heading, style="underline"), "")
        for keys, meaning in rows:
            table.add_row(Text(f" {keys}"), Text(meaning))
        table.add_row("", "")
    table.add_row(
        "", Text("Times are UTC. The view reads the log and sends nothing: the run never waits for it.")
    )
    table.add_row("", Text("`~` marks a verdict that may still change, `✓` and `✗` one that may not."))
    return table
