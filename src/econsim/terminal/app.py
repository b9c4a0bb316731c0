"""The program in the terminal: its first screen, and what all screens share."""

from __future__ import annotations

from typing import ClassVar

from textual.app import App
from textual.binding import Binding, BindingType
from textual.screen import Screen

from econsim.terminal.batch_screen import BatchScreen
from econsim.terminal.batch_source import BatchSource
from econsim.terminal.run_screen import RunScreen
from econsim.terminal.source import RunSource

DARK, LIGHT = "textual-dark", "textual-light"
"""Names of the two themes."""


class WatchApp(App[None]):
    """Shows one screen; leaves the log and the run alone."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("d", "turn_light", "dark or light", show=False),
        Binding("ctrl+c", "quit", "quit", show=False, priority=True),
    ]
    ENABLE_COMMAND_PALETTE = False
    TITLE = "econsim"

    def __init__(self, first: Screen[None]) -> None:
        """Show this screen first."""
        super().__init__()
        self._first = first

    def on_mount(self) -> None:
        """Show the first screen."""
        self.push_screen(self._first)

    def action_turn_light(self) -> None:
        """Turn from dark to light, or back."""
        self.theme = LIGHT if self.theme == DARK else DARK


async def show(source: RunSource) -> None:
    """Show a run until somebody leaves it."""
    await WatchApp(RunScreen(source)).run_async()


async def show_batch(source: BatchSource) -> None:
    """Show a batch, and the run of any of its cells, until somebody leaves it."""
    await WatchApp(BatchScreen(source)).run_async()
