"""A text over the view: help, an event whole, the causes of an event. Any of its keys closes it."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from rich.console import RenderableType
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from econsim.terminal.rows import one_line


class TextScreen(ModalScreen[None]):
    """A text that can be scrolled."""

    BINDINGS: ClassVar[list[BindingType]] = [
        ("escape,q,enter,question_mark", "dismiss", "close"),
        ("j", "scroll(1)", "down"),
        ("k", "scroll(-1)", "up"),
    ]
    DEFAULT_CSS = """
    TextScreen { align: center middle; }
    TextScreen > Vertical { width: 94%; max-width: 130; height: auto; max-height: 94%; border: round $primary; background: $surface; }
    TextScreen VerticalScroll { height: auto; max-height: 100%; padding: 0 1; }
    TextScreen Static { width: 1fr; }
    """

    def __init__(self, title: str, body: RenderableType) -> None:
        """Show a body under a title; both have no markup of others."""
        super().__init__()
        self._title, self._body = one_line(title), body

    def compose(self) -> ComposeResult:
        """Make the frame and the text."""
        with Vertical() as frame, VerticalScroll():
            yield Static(self._body, markup=False)
        frame.border_title = Text(self._title)
        frame.border_subtitle = "Esc closes"

    def action_scroll(self, by: int) -> None:
        """Scroll by so many lines."""
        self.query_one(VerticalScroll).scroll_relative(y=by, animate=False)


class PromptScreen(ModalScreen[str]):
    """One line to type; gives it back, empty if it was given up."""

    BINDINGS: ClassVar[list[BindingType]] = [("escape", "dismiss('')", "give up")]
    DEFAULT_CSS = """
    PromptScreen { align: center middle; }
    PromptScreen > Vertical { width: 90%; max-width: 76; height: auto; border: round $primary; background: $surface; }
    """

    def __init__(
        self, title: str, hint: str, value: str = "", check: Callable[[str], str] | None = None
    ) -> None:
        """Ask for a line; `check` returns what is wrong with one, empty if nothing is."""
        super().__init__()
        self._title, self._hint, self._value, self._check = title, hint, value, check

    def compose(self) -> ComposeResult:
        """Make the line and what it means."""
        with Vertical() as frame:
            yield Input(self._value)
            yield Static(self._hint, markup=False)
        frame.border_title = Text(self._title)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Give the line back, or say what is wrong with it."""
        wrong = self._check(event.value) if self._check else ""
        if wrong:
            self.query_one(Static).update(wrong)
        else:
            self.dismiss(event.value)
