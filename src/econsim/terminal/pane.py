"""Base of the panes of a run: they draw a moment, and tell what stands in their rows."""

from __future__ import annotations

from dataclasses import dataclass

from textual.containers import Vertical

from econsim.domain.expectation.verdict import Verdict
from econsim.report.run_view import RunView
from econsim.terminal.player import Player
from econsim.terminal.rows import Rows


@dataclass(frozen=True, slots=True)
class ShownRun:
    """A moment of a run that is shown."""

    player: Player
    """Player of the log."""
    verdicts: tuple[Verdict, ...]
    """Verdicts on the events up to this moment."""

    @property
    def view(self) -> RunView:
        """Return the state of the run."""
        return self.player.view


class Pane(Vertical):
    """A part of the screen about a run."""

    DEFAULT_CSS = "Pane { height: 1fr; }"

    def draw(self, moment: ShownRun) -> None:
        """Draw a moment."""
        raise NotImplementedError

    def place_at(self, index: int) -> int:  # noqa: ARG002 - panes that have places override it
        """Return the place in the log of what stands in a row; 0 if it has none."""
        return 0

    def event_at(self, index: int) -> str:  # noqa: ARG002 - panes that have events override it
        """Return the id of the fact in a row; empty if there is none."""
        return ""

    @property
    def rows(self) -> Rows:
        """Return the rows of the pane."""
        return self.query_one(Rows)
