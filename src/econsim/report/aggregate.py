"""Folds the events of a run into its summary, one by one, in log order.

Pure. Keeps a few numbers for each trade and agent and nothing of the other events, so that a run of
millions of orders can be summarised while it happens.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final

from econsim import subjects
from econsim.domain.agent.conditions import Conditions
from econsim.domain.agent.population import Agent
from econsim.domain.audit.envelope import AddressedEvent
from econsim.domain.audit.facts import Json, Record, as_record
from econsim.domain.audit.late_event import LateEvent, Move
from econsim.domain.audit.stored_data import (
    StoredChains,
    StoredData,
    StoredItems,
    StoredTick,
    StoredTransfer,
    TradedItem,
)
from econsim.domain.execution.coded_facts import Cleared, PriceChange, TickOpened
from econsim.domain.execution.coded_items import ItemRows, TradeRows
from econsim.domain.execution.coded_journal import PostedRows, RefusedRows
from econsim.errors import InvalidMessage
from econsim.report.gains import GainAggregator
from econsim.report.market_aggregate import MarketAggregator
from econsim.report.measured import expectation_result
from econsim.report.speed import Speed
from econsim.report.summary import AgentSummary, Summary
from econsim.report.thinking import ThinkingAggregator
from econsim.report.tools import PAID, ToolAggregator
from econsim.report.work import OF_WORK, TASK_MONEY, WorkAggregator
from econsim.schemas.clock import RunOpened
from econsim.schemas.expectation import MeasureExpectation
from econsim.schemas.ledger import MONEY, Kind, TransferPosted
from econsim.schemas.names import IN_MEMORY
from econsim.schemas.scenario import Scenario

if TYPE_CHECKING:
    from econsim.domain.expectation.judge import Judge

_MOVING: Final = frozenset({Kind.TRANSFER, Kind.POST})
"""Kinds of transfers that change what a holder owns."""

_OF_CALLS: Final = PAID | OF_WORK | {subjects.LLM_INVOKED.type, subjects.TRANSFER_REFUSED.type}
"""Types of the events about calls of models and tools, and about questions and tasks."""


_COUNTED_ALONE: Final = frozenset(
    row.type
    for row in (
        subjects.BID_ACCEPTED,
        subjects.ORDER_CANCELLED,
        subjects.PRICE_UPDATED,
        subjects.PERIOD_OPENED,
        subjects.PERIOD_CLOSED,
    )
)
"""Types of events of which only the number matters here."""


MEASURED: Final = frozenset(
    row.type
    for row in (
        subjects.RUN_OPENED,
        subjects.ASK_ACCEPTED,
        subjects.TRADE_EXECUTED,
        subjects.RUN_CLOSED,
    )
)
"""Types of events of a run of coded agents that measures need, beside where periods begin; what agents own they take of its accounts."""


class RunAggregator:
    """Summary of a run that grows with each event."""

    def __init__(self, *, judges: bool = True, conditions: Conditions | None = None) -> None:
        """Start before the run opened; its first event must be `system.run.opened`.

        `judges` if the scenario's expectations on events are judged, too; `conditions` are the run's, if somebody has them already.
        """
        self._judges = judges
        self._conditions = conditions
        self._judge: Judge | None = None
        self._opened: Record | None = None
        self._scenario: Scenario | None = None
        self._books: dict[str, MarketAggregator] = {}
        self._agents: tuple[Agent, ...] = ()
        self._owned: dict[str, Counter[str]] = {asset: Counter() for asset in MONEY}
        self._dealt: Counter[str] = Counter()
        self._messages: Counter[str] = Counter()
        self._starts: list[int] = []
        self._tick = self._count = 0
        self._period = 1
        self._closed = self._stopped = False
        self._failure = ""
        self._letters: set[int] = set()
        self._set_aside: dict[str, str] = {}
        self._thinking = ThinkingAggregator()
        self._tools = ToolAggregator()
        self._gains = GainAggregator()
        self._work = WorkAggregator()

    def add(self, source: Record | AddressedEvent) -> None:
        """Add the next event."""
        self._count += 1
        entry = source if isinstance(source, (Record, LateEvent)) else as_record(source)
        # First the judge, which checks the text of a journal entry: a record that was looked into has none any more.
        if self._judge is not None:
            self._judge.add(entry, self._count)
        if not isinstance(entry, LateEvent):
            self._add_record(entry)
        elif not self._add_late(entry):
            # Of the opening alone the data are used as objects: of the others they need not be made.
            is_opening = entry.type == subjects.RUN_OPENED.type
            self._add_record(as_record(entry) if is_opening else entry.record())

    def _add_record(self, entry: Record) -> None:
        self._messages[entry.type] += 1
        self._tick = max(self._tick, entry.tick)
        if entry.type in _COUNTED_ALONE:
            return
        if entry.stored is not None:
            self._add_stored(entry, entry.stored)
        elif isinstance(entry.content, TransferPosted):
            self._post_entry(entry.content)
        else:
            self._fold(entry)

    def _add_stored(self, entry: Record, data: StoredData) -> None:
        """Add a frequent event as its service wrote it: its JSON is not decoded once more."""
        match data:
            case StoredChains(chains=chains):
                for chain in chains:
                    self._move(chain.cause, _stored_moves(chain.transfers))
            case StoredTick(period=period, tick_of_period=tick_of_period):
                self._turn(entry.tick, period, tick_of_period)
            case _ if book := self._books.get(entry.entity):
                book.add_stored(data, entry.tick, self._period)
                if entry.type == subjects.TRADE_EXECUTED.type and isinstance(data, StoredItems):
                    self._exchange_stored(entry.entity, data.items)

    def _exchange_stored(self, resource: str, trades: Iterable[TradedItem]) -> None:
        for trade in trades:
            self._gains.exchange(
                resource, self._period, trade.price, trade.quantity, trade.buyer, trade.seller
            )

    def _fold(self, entry: Record) -> None:
        match entry.type:
            case subjects.TRANSFER_POSTED.type:
                self._post(entry.data)
            case kind if kind in _OF_CALLS:
                self._call(entry)
            case subjects.TICKED.type:
                self._turn(entry.tick, entry.data["period"], entry.data["tick_of_period"])
            case subjects.RUN_OPENED.type:
                self._open(entry)
            case subjects.RUN_STOPPED.type | subjects.RUN_RESUMED.type:
                self._stopped = entry.type == subjects.RUN_STOPPED.type
            case subjects.RUN_CLOSED.type:
                self._closed, self._failure = True, entry.data.get("failure", "")
            case subjects.COGNITIVE_CYCLES_COMPLETED.type:
                failed = (item for item in entry.data["items"] if item.get("failure"))
                self._set_aside.update((item["agent"], item["failure"]) for item in failed)
            case subjects.LETTER_BURIED.type:
                self._letters.add(entry.data["sequence"])
            case _ if entry.entity in self._books:
                self._clear(entry)

    def _add_late(self, source: LateEvent) -> bool:
        """Add an event that is not made yet, by its facts as they are; return false for one that is read like any other."""
        content, tick = source.content, source.tick
        match content:
            case TickOpened(period=period, tick_of_period=tick_of_period):
                self._turn(tick, period, tick_of_period)
            case RefusedRows():
                return False
            case PostedRows():
                for cause, moves in content.moves():
                    self._move(cause, moves)
            case ItemRows() | Cleared() | PriceChange():
                resource = source.entity
                self._books[resource].add_rows(content, tick, self._period)
                if isinstance(content, TradeRows):
                    for _, _, price, buyer, seller, *_ in content.rows:
                        self._gains.exchange(resource, self._period, price, 1, buyer, seller)
            case _:
                return False
        self._messages[source.type] += 1
        self._tick = max(self._tick, tick)
        return True

    def begin_period(self, tick: int, period: int) -> None:
        """Begin a period with its first tick, in place of all its ticks."""
        self._turn(tick, period, 1)

    def take_balances(self, balance: Callable[[str, str], int]) -> None:
        """Take from the run's accounts what agents own and owe, and of its first period what they were dealt, in place of journal entries."""
        for asset in MONEY:
            for agent in self._agents:
                self._owned[asset][agent.id] = balance(agent.id, asset)
        self._dealt = Counter({agent.id: agent.credits for agent in self._agents})

    def summary(self, canonical_hash: str = "", speed: Speed | None = None) -> Summary:
        """Return the summary of the events so far; raises InvalidMessage without the run's opening."""
        if self._opened is None or self._scenario is None:
            message = "the log has no opening of this run; read it from its start"
            raise InvalidMessage(message)
        markets = tuple(book.summary(self._period) for book in self._books.values())
        thinking, gains = self._thinking.summary(self._period), self._gains.summary(self._period)
        return Summary(
            run=self._opened.correlation_id,
            scenario=self._scenario,
            ticks=self._tick,
            periods=self._period,
            period_starts=tuple(self._starts),
            closed=self._closed,
            stopped=self._stopped and not self._closed,
            failure=self._failure,
            dead_letters=len(self._letters),
            set_aside=self._set_aside,
            markets=markets,
            holders=self._holders(),
            messages=dict(sorted(self._messages.items())),
            thinking=thinking,
            tools=self._tools.summary(),
            work=self._work.summary(),
            gains=gains,
            canonical_hash=canonical_hash,
            speed=speed,
            # An unfinished run is not judged by its expectations.
            verdicts=tuple(
                expectation_result(expected, markets, thinking, gains) for expected in self._scenario.measures
            )
            if self._closed
            else (),
            judged=self._judge.close() if self._closed and self._judge else (),
        )

    def _open(self, entry: Record) -> None:
        self._opened = entry
        opened = entry.content
        if isinstance(opened, RunOpened):
            scenario = opened.scenario
        else:
            scenario = Scenario.model_validate(entry.data["scenario"])
        self._scenario = scenario
        on_events = tuple(e for e in scenario.expectations if not isinstance(e, MeasureExpectation))
        if self._judges and on_events:
            # Few scenarios have any: the forms of all events, which a judge knows, take longer to load than the figures of a short run.
            from econsim.domain.expectation.judge import Judge  # noqa: PLC0415

            self._judge = Judge(on_events, scenario, is_logged=entry.correlation_id != IN_MEMORY)
            self._judge.add(entry, self._count)
        conditions = self._conditions or Conditions(scenario)
        self._agents = conditions.agents(1)
        self._thinking = ThinkingAggregator(self._agents)
        self._tools = ToolAggregator(self._agents)
        self._gains = GainAggregator(conditions)
        self._work = WorkAggregator(self._agents)
        self._books = {m.resource: MarketAggregator(m, conditions) for m in scenario.markets}

    def _call(self, entry: Record) -> None:
        """Add payments for calls of models and tools, refusals of the ledger, which may be of either, or tasks."""
        if entry.type in OF_WORK:
            self._work.add(entry)
            if entry.type in TASK_MONEY:
                self._gains.settle(entry, self._starts)
            return
        if entry.type not in PAID:
            self._thinking.add(entry, self._starts)
        if entry.type != subjects.LLM_INVOKED.type:
            self._tools.add(entry)
        if entry.type != subjects.TRANSFER_REFUSED.type:
            self._gains.pay(entry, self._starts)

    def _clear(self, entry: Record) -> None:
        """Add an event of a market."""
        self._books[entry.entity].add(entry, self._period)
        if entry.type == subjects.TRADE_EXECUTED.type:
            self._gains.trade(entry, self._period)

    def _turn(self, tick: int, period: int, tick_of_period: int) -> None:
        self._period = period
        if tick_of_period == 1:
            self._starts.append(tick)

    def _post(self, data: Json) -> None:
        for chain in data["chains"]:
            moves = [
                (leg["debit"], leg["credit"], leg["asset"], leg["amount"])
                for leg in chain["transfers"]
                if leg["kind"] in _MOVING
            ]
            self._move(chain["cause"], moves)

    def _move(self, cause: str, moves: Iterable[Move]) -> None:
        """Add the movements of a chain: debit, credit, asset and amount of each."""
        for debit, credit, asset, amount in moves:
            if asset in MONEY:
                self._owned[asset][debit] -= amount
                self._owned[asset][credit] += amount
                if cause == "endow":
                    self._dealt[credit] += amount

    def _post_entry(self, entry: TransferPosted) -> None:
        """Add an entry as it is in memory: to make its JSON first would take four times as long."""
        for chain in entry.chains:
            moves = [
                (leg.debit, leg.credit, leg.asset, leg.amount)
                for leg in chain.transfers
                if leg.kind in _MOVING
            ]
            self._move(chain.cause, moves)

    def _holders(self) -> tuple[AgentSummary, ...]:
        holders = [self._holder(agent) for agent in self._agents]
        return tuple(sorted(holders, key=lambda holder: (holder.wealth, holder.agent)))

    def _holder(self, agent: Agent) -> AgentSummary:
        credits_, debt = (self._owned[asset][agent.id] for asset in MONEY)
        return AgentSummary(agent.id, agent.group, credits_, debt, credits_ - debt - self._dealt[agent.id])


def _stored_moves(transfers: Iterable[StoredTransfer]) -> list[tuple[str, str, str, int]]:
    """Return debit, credit, asset and amount of the transfers of a chain that move anything."""
    return [(leg.debit, leg.credit, leg.asset, leg.amount) for leg in transfers if leg.kind in _MOVING]
