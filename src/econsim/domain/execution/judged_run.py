"""Driver of a run of coded agents that is judged: the same run, of whose events those that nobody takes are not made. Pure.

Who takes the events tells the driver when the first of a kind comes that is not wanted. One event then stands for each that is passed over, so
that all others keep their places in the run.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from econsim import subjects
from econsim.domain.agent.conditions import Conditions
from econsim.domain.audit.envelope import Envelope
from econsim.domain.audit.late_event import Address, LateEvent, Moment
from econsim.domain.execution.coded_book import CodedBatch
from econsim.domain.execution.coded_chains import ChainRow
from econsim.domain.execution.coded_facts import TickOpened
from econsim.domain.execution.coded_items import ItemRow, ItemRows
from econsim.domain.execution.coded_journal import KeptRows, PostedRows, ReservedRows
from econsim.domain.execution.coded_market import CodedMarket
from econsim.domain.execution.coded_run import CodedRun
from econsim.domain.market.book import BatchEnd
from econsim.schemas.ledger import CHAINS_PER_ENTRY_MAX
from econsim.schemas.market import ITEMS_PER_EVENT_MAX
from econsim.schemas.scenario import Scenario

PASSED: Final = LateEvent(Address(subjects.TICKED, "", "none"), Moment("none", "", 0, ""), TickOpened(1, 1))
"""Event in the place of each that is passed over; of no run."""

_MOVE_NOTHING: Final = frozenset({KeptRows, ReservedRows})
"""Journal entries that reserve and release alone."""


class JudgedMarket(CodedMarket):
    """One market, whose items of some kinds nobody takes."""

    passed: set[Address]
    """Addresses of events that nobody takes."""

    def item_events(self, moment: Moment, kind: type[ItemRows], rows: Sequence[ItemRow]) -> list[LateEvent]:
        """Return the events of the rows of one kind."""
        if self._items[kind] in self.passed:
            return [PASSED] * -(-len(rows) // ITEMS_PER_EVENT_MAX)
        return super().item_events(moment, kind, rows)

    def end_event(self, moment: Moment, batch: CodedBatch, end: BatchEnd) -> LateEvent:
        """Return the event of a batch's end."""
        return PASSED if self._cleared in self.passed else super().end_event(moment, batch, end)


class JudgedRun(CodedRun):
    """A run of coded agents whose accounts, books, traders and wanted events are those of `CodedRun`.

    In a small market almost half of all events are reservations and refusals, which few expectations look at. A judged cell
    takes a twentieth less without them.
    """

    market_class = JudgedMarket

    def __init__(self, scenario: Scenario, envelope: Envelope, conditions: Conditions) -> None:
        """Start before the run opens, with the scenario's conditions; raises ScenarioError for a scenario that cannot be populated."""
        super().__init__(scenario, envelope, conditions=conditions)
        self._passed: set[Address] = set()
        self.chains_passed = 0
        """Applied chains of the journal entries that were passed over."""
        for market in self._markets:
            assert isinstance(market, JudgedMarket)
            market.passed = self._passed

    def pass_over(self, address: Address) -> None:
        """Make no more events of an address, where that saves anything: of items, ends of batches, and entries that reserve and release."""
        self._passed.add(address)

    def _post(self, kind: type[PostedRows], clearing: str, chains: Sequence[ChainRow]) -> Sequence[LateEvent]:
        """Return the entries of chains, in the place of those that are not wanted what stands for them."""
        if not chains:
            return ()
        if kind not in _MOVE_NOTHING or self._entries[kind] not in self._passed:
            return super()._post(kind, clearing, chains)
        passed = -(-len(chains) // CHAINS_PER_ENTRY_MAX)
        self.chains_passed += len(chains)
        self.journal.pass_over(passed)
        return [PASSED] * passed
