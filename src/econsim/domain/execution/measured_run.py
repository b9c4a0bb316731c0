"""Driver of a run of coded agents of which only the measures are wanted: the same run, without its journal and most of its events. Pure.

It yields the opening, the ticks, the first asks of each period, the trades and the closing as `CodedRun` does; who needs an agent's money reads the
accounts at the end.
"""

from __future__ import annotations

from collections.abc import Sequence

from econsim.domain.audit.late_event import LateEvent, Moment
from econsim.domain.execution.coded_book import CodedBatch
from econsim.domain.execution.coded_chains import ChainRow
from econsim.domain.execution.coded_items import AcceptedAsks, TradeRows
from econsim.domain.execution.coded_journal import PostedRows
from econsim.domain.execution.coded_market import CodedMarket
from econsim.domain.execution.coded_run import CodedRun
from econsim.domain.market.book import BatchEnd


class MeasuredMarket(CodedMarket):
    """One market of which only the first asks of each period and the trades are told."""

    _asked_in = 0
    """Period whose first asks were told."""

    def add_events(self, events: list[LateEvent], moment: Moment, batch: CodedBatch, end: BatchEnd) -> None:
        """Add the events of a period's first asks and of a batch's trades, and let the traders learn from it."""
        if batch.asks and self._asked_in != end.period:
            self._asked_in = end.period
            events += self.item_events(moment, AcceptedAsks, batch.asks)
        if batch.trades:
            events += self.item_events(moment, TradeRows, batch.trades)
        self.teach(batch, end)


class MeasuredRun(CodedRun):
    """A run of coded agents whose accounts, books and traders are those of `CodedRun`, and whose events are those that measures need."""

    market_class = MeasuredMarket

    def _post(self, kind: type[PostedRows], clearing: str, chains: Sequence[ChainRow]) -> Sequence[LateEvent]:
        """Write nothing down."""
        del kind, clearing, chains
        return ()
