"""Tables that lose nothing: a table that is too wide for the terminal is set closer, and if that does not help printed as a list of its rows."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from rich.cells import cell_len
from rich.console import Console, RenderableType
from rich.table import Column, Table
from rich.text import Text

GAP: Final = 2
"""Columns between a heading and its cell."""

_CLOSE: Final = (0, 1, 0, 0)
"""Padding of a table that is too wide with its own."""

_BREAKS: Final = re.compile(r"(?<!±)\s+(?!±)")
"""Places at which a cell may break: never between a number and its interval."""


def print_table(console: Console, table: Table) -> None:
    """Print a table, or the list of its rows if the console is too narrow for what its columns cannot break."""
    if not table.show_header:
        console.print(table)
        return
    needed = [_narrowest(console, column) for column in table.columns]
    for padding in (table.padding, _CLOSE):
        table.padding = padding
        spare = console.width - sum(needed) - _around(table)
        if spare >= 0:
            _share(console, table, needed, spare)
            console.print(table)
            return
    if table.title:
        console.print(_text(console, table.title), style="italic")
    headings = [_text(console, column.header) for column in table.columns]
    indent = max(heading.cell_len for heading in headings) + GAP
    for number, row in enumerate(zip(*(column.cells for column in table.columns), strict=True)):
        if number:
            console.print()
        for heading, cell in zip(headings, row, strict=True):
            shown = Table.grid()
            shown.add_column(style="dim", width=indent)
            shown.add_column(overflow="fold")
            shown.add_row(heading, cell)
            console.print(shown)


def _around(table: Table) -> int:
    """Return the columns that a table takes beside its cells."""
    _, right, _, left = table.padding
    return len(table.columns) * (right + left) + (len(table.columns) + 1 if table.box else 0)


def _share(console: Console, table: Table, needed: Sequence[int], spare: int) -> None:
    """Give each column what it needs, and first those the rest that want least: Rich alone cuts words while others have room."""
    liked = [_widest(console, column) for column in table.columns]
    if sum(liked) <= sum(needed) + spare:
        return
    shares = zip(table.columns, needed, liked, strict=True)
    for left, (column, least, most) in enumerate(sorted(shares, key=lambda each: each[2] - each[1])):
        more = min(most - least, spare // (len(liked) - left))
        column.width, spare = least + more, spare - more


def _narrowest(console: Console, column: Column) -> int:
    lines = _lines(console, column)
    parts = lines if column.no_wrap else [part for line in lines for part in _BREAKS.split(line)]
    return max([column.min_width or 0, *map(cell_len, parts)])


def _widest(console: Console, column: Column) -> int:
    return max([column.min_width or 0, *map(cell_len, _lines(console, column))])


def _lines(console: Console, column: Column) -> list[str]:
    texts = [_text(console, each).plain for each in (column.header, *column.cells)]
    return [line for text in texts for line in text.split("\n")]


def _text(console: Console, cell: RenderableType) -> Text:
    return cell if isinstance(cell, Text) else console.render_str(str(cell))
