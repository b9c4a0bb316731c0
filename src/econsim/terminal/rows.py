"""A table of any number of rows of which only those on the screen are made.

Cells are plain text: what agents wrote has no markup here, and characters that nobody sees are shown as such.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Final

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from econsim.report.format import visible

MARK: Final = "▸"
"""Sign of the chosen row, which is also reversed."""

Cells = tuple[tuple[str, ...], str]
"""Texts of a row, one a column, and the name of its style."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table."""

    title: str
    """Heading of the column."""
    width: int
    """Columns of the terminal; 0 takes those that are left."""
    right: bool = False
    """True if its texts stand at the right."""
    from_width: int = 0
    """Width of the table from which on the column is shown."""

    def with_title(self, title: str) -> Column:
        """Return the column with another heading."""
        return replace(self, title=title)


def one_line(text: str) -> str:
    """Return a text on one line, with a sign for each character that nobody sees."""
    return visible(text.replace("\n", " ").replace("\t", " "))


class Rows(ScrollView, can_focus=True, inherit_bindings=False):
    """Table of rows that are asked for when they come to be seen; stays at its end until somebody moves up."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "move(-1)", "up", show=False),
        Binding("down", "move(1)", "down", show=False),
        Binding("pageup", "page(-1)", "page up", show=False),
        Binding("pagedown", "page(1)", "page down", show=False),
        Binding("home", "to(0)", "first", show=False),
        Binding("end", "to(-1)", "last", show=False),
        Binding("enter", "choose", "open", show=False),
    ]
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "rows--head",
        "rows--cursor",
        "rows--good",
        "rows--bad",
        "rows--dim",
        "rows--accent",
    }
    DEFAULT_CSS = """
    Rows { height: 1fr; overflow-x: hidden; overflow-y: scroll; scrollbar-size-vertical: 1; }
    Rows .rows--head { text-style: bold underline; }
    Rows .rows--cursor { text-style: reverse; }
    Rows .rows--good { color: $text-success; }
    Rows .rows--bad { color: $text-error; }
    Rows .rows--dim { color: $text-muted; }
    Rows .rows--accent { color: $text-accent; }
    """

    class Chosen(Message):
        """A row was chosen with Enter or a click."""

        def __init__(self, rows: Rows, index: int) -> None:
            """Name the table and the row."""
            super().__init__()
            self.rows = rows
            """Table of the row."""
            self.index = index
            """Number of the row, from 0."""

        @property
        def control(self) -> Rows:
            """Return the table."""
            return self.rows

    class HeadClicked(Message):
        """The heading of a column was clicked."""

        def __init__(self, rows: Rows, title: str) -> None:
            """Name the table and the column."""
            super().__init__()
            self.rows = rows
            """Table of the column."""
            self.title = title
            """Heading of the column."""

    def __init__(
        self,
        columns: Sequence[Column],
        *,
        id: str | None = None,  # noqa: A002 - Textual's name
        follows: bool = False,
        empty: str = "",
    ) -> None:
        """Start without rows; `follows` if new rows at the end are to be seen as they come, `empty` says why there are none."""
        super().__init__(id=id)
        self.cursor = 0
        """Number of the chosen row, from 0."""
        self._columns = tuple(columns)
        self._empty = empty
        self._follows = self._at_end = follows
        self._count = 0
        self._cells: Callable[[int], Cells] = lambda _: ((), "")

    @property
    def count(self) -> int:
        """Return the number of rows."""
        return self._count

    def show(self, count: int, cells: Callable[[int], Cells], columns: Sequence[Column] = ()) -> None:
        """Show so many rows; `cells` gives the texts of the row with a number."""
        self._columns = tuple(columns) or self._columns
        self._count, self._cells = count, cells
        self.virtual_size = Size(self.size.width, count + 1)
        if self._at_end:
            self.cursor = max(0, count - 1)
            self.scroll_end(animate=False, immediate=True)
        self.cursor = min(self.cursor, max(0, count - 1))
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """Return a line: the headings, or a row."""
        width = self.scrollable_content_region.width
        index = round(self.scroll_offset.y) + y - 1
        if y == 0:
            return self._line(
                [column.title for column in self._visible_columns(width)], width, self._style("head"), ""
            )
        if y == 1 and not self._count:
            return Strip([Segment(set_cell_size(f" {self._empty}", width), self._style("dim"))], width)
        if not 0 <= index < self._count:
            return Strip.blank(width, self.rich_style)
        try:
            cells, style = self._cells(index)
        except IndexError:
            # Rows went, as when an older moment was chosen: the next drawing counts them anew.
            return Strip.blank(width, self.rich_style)
        at = [place for place, column in enumerate(self._columns) if width >= column.from_width]
        texts = [cells[place] for place in at if place < len(cells)]
        is_chosen = index == self.cursor and (self.has_focus or not self._follows)
        shown = self._style("cursor") if is_chosen and self.has_focus else self._style(style)
        return self._line(texts, width, shown, MARK if is_chosen else "")

    def action_move(self, by: int) -> None:
        """Choose the row so many further down."""
        self._choose(self.cursor + by)

    def action_page(self, by: int) -> None:
        """Choose the row so many screens further down."""
        self._choose(self.cursor + by * max(1, self.size.height - 2))

    def action_to(self, index: int) -> None:
        """Choose a row; -1 is the last."""
        self._choose(self._count - 1 if index < 0 else index)

    def action_choose(self) -> None:
        """Open the chosen row."""
        if self._count:
            self.post_message(self.Chosen(self, self.cursor))

    def on_resize(self, _: events.Resize) -> None:
        """Stay at the end, or keep the chosen row in sight."""
        self.virtual_size = Size(self.size.width, self._count + 1)
        if self._at_end:
            self.call_after_refresh(self.scroll_end, animate=False, immediate=True)
        elif self._count:
            self.call_after_refresh(self._choose, self.cursor)

    def on_click(self, event: events.Click) -> None:
        """Choose the row under the pointer, or tell that a heading was clicked."""
        if event.y == 0:
            self._click_head(event.x)
            return
        index = round(self.scroll_offset.y) + event.y - 1
        if index == self.cursor:
            self.action_choose()
        elif index < self._count:
            self._choose(index)

    def _choose(self, index: int) -> None:
        self.cursor = max(0, min(index, self._count - 1))
        self._at_end = self._follows and self.cursor >= self._count - 1
        top, height = round(self.scroll_offset.y), max(1, self.size.height - 1)
        if self.cursor < top:
            self.scroll_to(y=self.cursor, animate=False, immediate=True)
        elif self.cursor >= top + height:
            self.scroll_to(y=self.cursor - height + 1, animate=False, immediate=True)
        self.refresh()

    def _visible_columns(self, width: int) -> list[Column]:
        return [column for column in self._columns if width >= column.from_width]

    def _widths(self, columns: Sequence[Column], width: int) -> list[int]:
        """Return the width of each column; those of no width of their own share what is left."""
        fixed = sum(column.width for column in columns) + len(columns)
        free = sum(not column.width for column in columns)
        rest = max(4, (width - fixed) // free) if free else 0
        return [column.width or rest for column in columns]

    def _click_head(self, x: int) -> None:
        columns = self._visible_columns(self.size.width)
        end = 1
        for column, width in zip(columns, self._widths(columns, self.size.width), strict=True):
            end += width + 1
            if x < end:
                self.post_message(self.HeadClicked(self, column.title))
                return

    def _line(self, texts: Sequence[str], width: int, style: Style, mark: str) -> Strip:
        columns = self._visible_columns(width)
        parts = [mark or " "]
        for text, column, size in zip(texts, columns, self._widths(columns, width), strict=False):
            parts.append(f"{_fit_cell(one_line(text), size, right=column.right)} ")
        line = set_cell_size("".join(parts), width)
        return Strip([Segment(line, style)], width)

    def _style(self, name: str) -> Style:
        return self.get_component_rich_style(f"rows--{name}") if name else self.rich_style


def _fit_cell(text: str, width: int, *, right: bool) -> str:
    """Return a text in so many columns; `…` ends one that is cut."""
    size = cell_len(text)
    if size > width:
        return set_cell_size(text, max(0, width - 1)) + "…"
    return " " * (width - size) + text if right else text + " " * (width - size)
