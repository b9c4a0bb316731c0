"""Tables that lose nothing: a table that is too wide for the terminal is printed as a list of its rows."""

from __future__ import annotations

from typing import Final

from rich.cells import cell_len
from rich.console import Console, RenderableType
from rich.table import Column, Table
from rich.text import Text

GAP: Final = 2
"""Columns between a heading and its cell."""


def print_table(console: Console, table: Table) -> None:
    """Print a table, or the list of its rows if the console is too narrow for what its columns cannot break."""
    if not table.show_header or _width_needed(console, table) <= console.width:
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


def _width_needed(console: Console, table: Table) -> int:
    """Return the columns below which Rich would cut something."""
    _, right, _, left = table.padding
    between = 1 if table.box else 0
    widths = [_narrowest(console, column) for column in table.columns]
    return sum(widths) + len(widths) * (right + left + between)


def _narrowest(console: Console, column: Column) -> int:
    texts = [_text(console, each) for each in (column.header, *column.cells)]
    parts = [
        part for text in texts for part in (text.plain.split("\n") if column.no_wrap else text.plain.split())
    ]
    return max([column.min_width or 0, *map(cell_len, parts)])


def _text(console: Console, cell: RenderableType) -> Text:
    return cell if isinstance(cell, Text) else console.render_str(str(cell))
