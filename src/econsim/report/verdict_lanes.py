"""The rows behind the timeline of verdicts: a lane each, with the events that decide it at their ticks. Pure.

A lane is its outcome and name, in as many rows as they take, and a row for each event, earliest first: so events of one tick
stay apart, and the label of each has room at its right.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from textwrap import wrap
from typing import Final

from econsim.domain.expectation.verdict import Ruling, Verdict, Witness
from econsim.report.series import Rows

LANES_MAX: Final = 16
"""Lanes of a timeline: more do not fit a page; the table beside it has every verdict."""

LINE_CHARACTERS_MAX: Final = 54
"""Characters of a line of a lane's name: as many as fit a page of 480 pixels."""

NAME_LINES_MAX: Final = 3
"""Lines of a lane's name; its tooltip and the table have the whole."""

ROW_PX: Final = 20
"""Height of a row in pixels."""

AXIS_PX: Final = 48
"""Height of the axis of ticks in pixels."""

_GAP: Final = 0.75
"""Rows between two lanes; a sum of quarters is exact."""

_SIGNS: Final = {Ruling.FAILS: "✕", Ruling.UNDECIDABLE: "?", Ruling.VACUOUS: "○", Ruling.HOLDS: "✓"}
"""Outcome → its sign, in the order of the lanes: the outcome can be told without colours."""


@dataclass(slots=True)
class Lanes:
    """Lanes of a timeline; places are rows from the top."""

    heads: Rows = field(default_factory=list)
    """Lines of the lanes' outcomes and names."""
    events: Rows = field(default_factory=list)
    """Events; `decides` is false for one that only came near."""
    links: Rows = field(default_factory=list)
    """Corners of the lines from causes to effects."""
    borders: Rows = field(default_factory=list)
    """Places between lanes."""
    rows: float = 0
    """Height of all lanes."""

    @property
    def ticks(self) -> list[int]:
        """Return the first and the last tick to show: one before the first event, one after the last."""
        ticks = [event["tick"] for event in self.events]
        return [max(min(ticks) - 1, 0), max(ticks) + 1]

    @property
    def height_px(self) -> int:
        """Return the height of the picture in pixels."""
        return round(self.rows * ROW_PX) + AXIS_PX

    def add(self, verdict: Verdict) -> None:
        """Add the lane of a verdict below the others."""
        if self.rows:
            self.borders.append({"row": self.rows})
        self.rows += _GAP
        self._add_head(verdict)
        places: dict[Witness, float] = {}
        seen = dict.fromkeys((*verdict.witness, *((verdict.nearest,) if verdict.nearest else ())))
        for event in sorted(seen, key=lambda each: each.sequence):
            cause = verdict.cause_of(event)
            places[event] = self.rows
            self.events.append(_event(event, verdict, self.rows, cause))
            if cause in places:
                self._add_link(cause, places[cause], event)
            self.rows += 1

    def _add_head(self, verdict: Verdict) -> None:
        missed = f", missed by {verdict.missed_by}" if verdict.missed_by else ""
        shown = {"outcome": verdict.outcome.value, "name": verdict.name, "message": verdict.message}
        whole = f"{verdict.outcome.value}{missed}: {verdict.name}"
        for place, line in enumerate(
            wrap(whole, LINE_CHARACTERS_MAX, max_lines=NAME_LINES_MAX, placeholder=" …")
        ):
            sign = "" if place else _SIGNS[verdict.outcome]
            self.heads.append({"row": self.rows, "sign": sign, "text": line, **shown})
            self.rows += 1

    def _add_link(self, cause: Witness, row: float, effect: Witness) -> None:
        """Draw down first, then right, so that the line crosses no label; beside the events between, which are no part of it."""
        aside = int(self.rows - row > 1)
        corners = ((cause, row, 0), (cause, row, aside), (cause, self.rows, aside), (effect, self.rows, 0))
        link = len(self.links)
        self.links += [
            {"link": link, "order": order, "tick": event.tick, "row": place, "aside": at}
            for order, (event, place, at) in enumerate(corners)
        ]


def verdict_lanes(verdicts: Sequence[Verdict]) -> Lanes | None:
    """Return the lanes of final verdicts, those that are no pass first; none if no event decides any."""
    order = list(_SIGNS)
    lanes = Lanes()
    for verdict in sorted(verdicts, key=lambda each: order.index(each.outcome))[:LANES_MAX]:
        lanes.add(verdict)
    return lanes if lanes.events else None


def _event(event: Witness, verdict: Verdict, row: float, cause: Witness | None) -> dict[str, object]:
    return {
        "row": row,
        "tick": event.tick,
        "outcome": verdict.outcome.value,
        "decides": event in verdict.witness,
        "label": f"#{event.sequence} {event.type.rpartition('.')[2]}",
        "record": f"#{event.sequence}",
        "type": event.type,
        "actor": event.actor,
        "description": event.description,
        "cause": f"#{cause.sequence}" if cause else event.cause or "none",
    }
