"""Driver of a run of coded agents of which only the measures are wanted: the same run, without its journal and most of its events. Pure.

It yields the opening, the ticks, the first asks of each period, the trades and the closing as `CodedRun` does; who needs an agent's money reads the
accounts at the end.
"""

from __future__ import annotations

from collections.abc import Sequence

from econsim.domain.audit.late_event import LateEvent
from econsim.domain.execution.coded_chains import ChainRow
from econsim.domain.execution.coded_run import CodedRun
from econsim.domain.market.book import BatchEnd


class MeasuredRun(CodedRun):
    """A run of coded agents whose accounts, books and traders are those of `CodedRun`, and whose events are those that measures need."""

    def _batches(self, end: BatchEnd) -> list[LateEvent]:
        """Do the batches of a tick; return the events of their asks and trades."""
        events: list[LateEvent] = []
        for market in self._markets:
            market.book.reserve(end.tick)
        for market in self._markets:
            market.add_measured(events, self._moment, market.book.clear(end), end)
        return events

    def balance(self, holder: str, asset: str) -> int:
        """Return what a holder owns of an asset, or owes."""
        return self.ledger.position(holder, asset).posted

    def _post(
        self, clearing: str, applied: Sequence[ChainRow], refused: Sequence[ChainRow]
    ) -> list[LateEvent]:
        """Write down what the clock moves alone: what was dealt, for profits."""
        return [] if clearing else super()._post(clearing, applied, refused)
