"""The port through which the terminal reads a run's log; commands give it over NATS, tests from events they made."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Protocol

from econsim.domain.audit.causality import CausalGraph
from econsim.domain.audit.facts import Record
from econsim.domain.expectation.verdict import Verdict
from econsim.report.run_view import SeenEvent


@dataclass(frozen=True, slots=True)
class Judgement:
    """Verdicts on the events up to a place in the log."""

    place: int
    """Place of the newest event that was judged."""
    verdicts: tuple[Verdict, ...]
    """Verdicts, in the order of the expectations."""


class RunSource(Protocol):
    """The log of one run. Methods raise EconsimError if the log cannot be read."""

    @property
    def run(self) -> str:
        """Return the name of the run."""

    @property
    def damage(self) -> Sequence[str]:
        """Return sentences about records that could not be read; the others were read all the same."""

    def onwards(self, place: int, tick: int) -> AsyncGenerator[SeenEvent, None]:
        """Yield the events after a place, whose tick is given, and new ones as they come, until the run has ended."""

    async def newest_place(self) -> int:
        """Return the place of the run's newest event; 0 without events."""

    async def place_of_tick(self, tick: int) -> int:
        """Return the place at which a tick opened; raises NotFound."""

    async def place_of(self, event: str) -> int:
        """Return the place of the record of an event, trade, order or call; raises NotFound."""

    async def causes(self, event: str) -> CausalGraph:
        """Return a graph with the causes and effects of a fact; raises NotFound."""

    async def record_at(self, place: int) -> Record:
        """Return the record at a place, with the long texts of calls; raises NotFound."""

    def judgements(self) -> AsyncGenerator[Judgement, None]:
        """Yield the verdicts on the run so far whenever they were looked at anew, until the run has ended."""

    def now(self) -> str:
        """Return the time as RFC 3339, UTC."""
