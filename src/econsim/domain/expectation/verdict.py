"""Verdicts on expectations, with the few events that decide them. Pure.

While a run is open a verdict is true or false for good, or so far; when it has ended, `vacuous` tells that nothing put the
expectation to the test, which is no pass, and `undecidable` that the log cannot answer, which is an error.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from econsim.domain.audit.facts import Json
from econsim.schemas.expectation import Expectation

LINES_MAX: Final = 12
"""Lines of a verdict in a terminal: it is read at a glance, between others."""

WIDTH_MAX: Final = 118
"""Characters of a line of a verdict."""

WITNESSES_MAX: Final = 5
"""Events of a witness: what decides an expectation of any form are at most its ends and a few steps between."""


class Ruling(StrEnum):
    """Content of a verdict, in one word."""

    TRUE = "true"
    """While running: it holds, and no further event can change that."""
    FALSE = "false"
    """While running: it fails, and no further event can change that."""
    SO_FAR_TRUE = "so_far_true"
    """While running: it would hold if the run ended now."""
    SO_FAR_FALSE = "so_far_false"
    """While running: it would fail if the run ended now."""
    HOLDS = "holds"
    """At the end: it holds."""
    FAILS = "fails"
    """At the end: it fails."""
    VACUOUS = "vacuous"
    """At the end: its trigger never happened, so that it was not put to the test."""
    UNDECIDABLE = "undecidable"
    """At the end: the log lacks what would decide it, or has records that cannot be trusted."""

    @property
    def is_pass(self) -> bool:
        """Return whether the expectation is met."""
        return self in (Ruling.HOLDS, Ruling.TRUE)

    @property
    def is_final(self) -> bool:
        """Return whether the outcome is one of an ended run."""
        return self in (Ruling.HOLDS, Ruling.FAILS, Ruling.VACUOUS, Ruling.UNDECIDABLE)


@dataclass(frozen=True, slots=True)
class Witness:
    """One event that decides a verdict."""

    sequence: int
    """Place of the event's record in the log."""
    tick: int
    """Logical time of the event."""
    event_id: str
    """Id of the event; of an item, with its index: `econsim why` takes it."""
    type: str
    """Type of the event."""
    actor: str
    """Actor of the event."""
    description: str
    """One line about the event."""
    cause: str = ""
    """Id of the event's nearest cause, as the event names it; empty for none."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Verdict of a run's events on one expectation."""

    expectation: Expectation
    """Expectation that was judged."""
    name: str
    """Name of the expectation: its own, or its content in words."""
    outcome: Ruling
    """Content of the verdict."""
    message: str
    """Reason in one sentence."""
    missed_by: str = ""
    """Distance from holding: `3 ticks`, `0.25 credits`; empty if there is none to tell."""
    witness: tuple[Witness, ...] = ()
    """Events that decide it, in log order; for a failure the fewest that show it."""
    nearest: Witness | None = None
    """Event that came nearest to what was expected; none if nothing did."""
    run: str = ""
    """Run of the events; empty if they are in no log."""

    @property
    def form(self) -> str:
        """Return the word of the expectation's form."""
        return self.expectation.form

    @property
    def command(self) -> str:
        """Return the command that shows the run at the place that decides; empty without such a place, or without a log."""
        shown = self.witness[-1] if self.witness else self.nearest
        return f"econsim why {shown.event_id} --run {self.run}" if shown and self.run else ""

    def cause_of(self, event: Witness) -> Witness | None:
        """Return the witness that caused an event, as the event names it; none if that is no witness.

        A witness may be one item of the record that is named, or the record of the item that is named; another item is no cause.
        """
        for each in self.witness:
            names = (each.event_id, each.event_id.partition(".")[0])
            is_named = event.cause in names or event.cause.partition(".")[0] == each.event_id
            if is_named and each.sequence != event.sequence:
                return each
        return None

    def lines(self) -> tuple[str, ...]:
        """Return the verdict for a terminal, at most LINES_MAX lines; a pass has one line."""
        head = f"{self.outcome.value.upper().replace('_', ' ')}  {self.name}"
        if self.outcome in (Ruling.HOLDS, Ruling.TRUE, Ruling.SO_FAR_TRUE):
            return (_cut(head),)
        return tuple(map(_cut, (head, *self._details())))[:LINES_MAX]

    def as_json(self) -> Json:
        """Return the verdict as a JSON object; the expectation as a scenario file has it."""
        return {
            "name": self.name,
            "form": self.form,
            "outcome": self.outcome.value,
            "message": self.message,
            "missed_by": self.missed_by,
            "run": self.run,
            "witness": [_witness_json(each) for each in self.witness],
            "nearest": _witness_json(self.nearest) if self.nearest else None,
            "command": self.command,
            "expectation": {
                "form": self.form,
                **self.expectation.model_dump(mode="json", exclude_defaults=True, fallback=repr),
            },
        }

    def _details(self) -> Iterator[str]:
        yield f"  {self.message}"
        if self.missed_by:
            yield f"  missed by {self.missed_by}"
        for each in self.witness:
            cause = self.cause_of(each)
            named = f"#{cause.sequence}" if cause else each.cause
            yield f"  {_line(each)}{f' ← {named}' if named else ''}"
        if self.nearest:
            yield f"  nearest: {_line(self.nearest)}"
        if self.command:
            yield f"  {self.command}"


def _witness_json(each: Witness) -> Json:
    return {name: getattr(each, name) for name in Witness.__slots__}


def _line(each: Witness) -> str:
    return f"#{each.sequence} tick {each.tick} {each.type}: {each.description}"


def _cut(line: str) -> str:
    """Return a line that fits, without characters that move a terminal's cursor."""
    shown = line
    if not line.isprintable():
        shown = "".join(sign if sign.isprintable() else " " for sign in line)
    return shown if len(shown) <= WIDTH_MAX else f"{shown[: WIDTH_MAX - 1]}…"
