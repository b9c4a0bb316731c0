"""The page of `econsim --help`: first the commands to try, then all commands by purpose.

The page does without Rich, which takes 0.3 s to load, more than the rest of the program's start. Typer with Rich prints
the help of each single command.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from textwrap import wrap
from typing import Final

import typer

WIDTH_MAX: Final = 110
"""Columns of the page at most."""

TITLE: Final = "econsim: markets of agents over NATS, that you can trust and replay."
"""First sentence of the page."""

COLUMN: Final = 23
"""Columns of a command's name, its indent included."""

FIRST_STEPS: Final = (
    ("econsim run genesis", "run the default market and see its report"),
    ("econsim events last --type trade", "what happened"),
    ("econsim why ID", "what led to a trade, order or transfer, and what it led to"),
    ("econsim ledger verify last", "prove that the books add up"),
)
"""First commands to try, with their purpose."""

NOTES: Final = (
    "RUN is the name of a run, or `last` for the newest. Options of all commands go before or after the command, or "
    "into ECONSIM_STATE, ECONSIM_NATS and ECONSIM_CREDS. Every command explains itself with --help, with examples."
)
"""Notes about all commands."""

Row = tuple[str, str]
"""Name and description of a command or option."""


def page(panels: Iterable[tuple[str, list[Row]]], options: list[Row]) -> str:
    """Return the page; `panels` are headings with their commands."""
    width = min(shutil.get_terminal_size().columns, WIDTH_MAX)
    first, *rest = wrap(TITLE, width)
    lines = [
        first.replace("econsim", typer.style("econsim", bold=True), 1),
        *rest,
        "",
        *_rows(FIRST_STEPS, width, max(len(command) for command, _ in FIRST_STEPS) + 4),
    ]
    for heading, rows in panels:
        lines += ["", typer.style(heading, bold=True), *_rows(rows, width, COLUMN)]
    lines += ["", typer.style("Options of all commands", bold=True), *_rows(options, width, COLUMN)]
    return "\n".join([*lines, "", *wrap(NOTES, width)])


def _rows(rows: Iterable[Row], width: int, column: int) -> Iterator[str]:
    for name, text in rows:
        first, *rest = wrap(text, max(width - column, 20)) or [""]
        yield typer.style(f"  {name}".ljust(column), fg="cyan") + first
        yield from (" " * column + line for line in rest)
