"""Driver of a run of coded agents in memory: facts first, events for who reads them. Pure.

For scenarios of traders in code, which decide nothing but the price of their next unit. It yields the events that `in_memory.InMemoryRun`
yields, one by one, about eight times as fast as objects of all: facts are plain rows, amounts are moved where they lie, and an event, its id,
its objects and the hash of a journal entry are made when somebody looks at them (`audit/late_event`).

    collection              holds                              added by    removed by      bound
    Accounts                holder → asset → amounts           first use   never           holders by assets
    CodedOrders             open orders                        accepted    filled, …       `book_orders_max`
    LateJournal             entries without a hash             append      seal            `UNSEALED_MAX` chains
    CodedBatch              facts of the batch under way       match       its events      actions of one batch
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Final

from econsim import subjects
from econsim.domain.agent.conditions import Conditions
from econsim.domain.agent.population import Agent
from econsim.domain.agent.prospects import external_limits
from econsim.domain.audit.canonical_facts import Prices
from econsim.domain.audit.envelope import AddressedEvent, Envelope
from econsim.domain.audit.late_event import Address, LateEvent, Moment
from econsim.domain.clock.period import deal, endow, redeem
from econsim.domain.clock.schedule import LogicalTime, ends_period, exhausted
from econsim.domain.execution.coded_agents import NO_OTHERS, MakeQuoter, Seat, Seats
from econsim.domain.execution.coded_book import CodedBatch, CodedBook
from econsim.domain.execution.coded_chains import ChainRow, given_row
from econsim.domain.execution.coded_facts import Cleared, MadeData, PriceChange, TickOpened
from econsim.domain.execution.coded_items import (
    AcceptedAsks,
    AcceptedBids,
    CancelledRows,
    ItemRow,
    ItemRows,
    RejectedRows,
    TradeRows,
)
from econsim.domain.execution.coded_journal import LateJournal, PostedRows, RefusedRows
from econsim.domain.ledger.accounts import Accounts
from econsim.domain.market.book import BatchEnd
from econsim.domain.market.events import ACTOR
from econsim.schemas.agent import Limits
from econsim.schemas.base import Message
from econsim.schemas.clock import PeriodClosed, PeriodOpened, RunClosed, RunOpened
from econsim.schemas.ledger import Chain, clearing_holder
from econsim.schemas.market import ITEMS_PER_EVENT_MAX, Shout
from econsim.schemas.scenario import Clock, Group, Market, PolicyName, Scenario, Until
from econsim.schemas.subject import Subject
from econsim.schemas.types import AMOUNT_MAX

POLICIES: Final = frozenset(
    {PolicyName.ZI_U, PolicyName.ZI_C, PolicyName.TRUTHFUL, PolicyName.ZIP, PolicyName.EXTERNAL}
)
"""Policies of a run of coded agents. External agents never act in memory."""

_ASKS, _TRADES = 1, 3
"""Places of the asks and the trades among the kinds of a batch's items."""

_CLOCK: Final = "clock"
_LEDGER: Final = "ledger"


def is_of_coded_agents(scenario: Scenario) -> bool:
    """Tell whether this driver can run a scenario: traders in code alone, and no account that could come near its limit."""
    if scenario.cognition is not None or any(group.policy not in POLICIES for group in scenario.agents):
        return False
    most = sum(group.count * group.credits for group in scenario.agents)
    for first, last in scenario.stretches:
        held = scenario.in_period(first)
        taxes = {market.resource: abs(market.tax) for market in held.markets}
        most += (last - first + 1) * sum(group.count * _worth(group, taxes) for group in held.agents)
    return most <= AMOUNT_MAX


def _worth(group: Group, taxes: Mapping[str, int]) -> int:
    """Return at least what an agent of a group redeems, owes and is taxed in a period, micro-credits."""
    dearest = units = 0
    for role in group.roles:
        drawn = role.draw.high if role.draw else 0
        lists = role.values or ((max(role.first or 0, role.last or 0, drawn),) * role.units,)
        dearest = max(dearest, max(map(max, lists)) + taxes[role.resource])
        units += max(map(len, lists))
    return units * dearest


class CodedRun:
    """State of one run of coded agents; between two ticks its accounts and journal are those of all events yielded so far."""

    def __init__(
        self, scenario: Scenario, envelope: Envelope, others: Mapping[str, MakeQuoter] = NO_OTHERS
    ) -> None:
        """Start before the run opens; raises ScenarioError for a scenario that cannot be populated.

        `others` make the traders of some agents in the place of their policies'; the journal then is that of this object alone.
        """
        self._scenario = scenario
        self._conditions = Conditions(scenario)
        self._agents, self._held = self._conditions.agents(1), self._conditions.in_period(1)
        self._resources = tuple(market.resource for market in scenario.markets)
        self._has_externals = any(agent.policy is PolicyName.EXTERNAL for agent in self._agents)
        self.ledger = Accounts()
        """Accounts of the run, to read."""
        self.journal = LateJournal(partial(_entries, scenario, envelope))
        """Head of the run's journal, to read."""
        self._markets = [
            _CodedMarket(market, scenario.seed, self._agents, self.ledger, envelope.run, others)
            for market in sorted(self._held.markets, key=lambda market: market.resource)
        ]
        self._now = LogicalTime()
        self._wall = envelope.now
        self._asked: list[Mapping[str, Limits]] = []
        self._exhausted = False
        self._moment = Moment(envelope.run, envelope.salt, 0, envelope.now)
        self._ticked = Address(subjects.TICKED, _CLOCK, envelope.run)
        self._posted = Address(subjects.TRANSFER_POSTED, _LEDGER, envelope.run)
        self._refused = Address(subjects.TRANSFER_REFUSED, _LEDGER, envelope.run)

    def events(self) -> Iterator[AddressedEvent]:
        """Yield the events of the run from its opening to its closing."""
        opened = RunOpened(scenario=self._scenario, salt=self._moment.salt)
        yield self._event(subjects.RUN_OPENED, opened)
        yield from self._move(endow(self._agents))
        while True:
            yield from self._period()
            if self._now.period == self._scenario.clock.periods:
                break
            self._now = self._now.next_period()
        closed = RunClosed(
            ticks=self._now.tick, periods=self._now.period, journal_sequence=self.journal.sequence
        )
        yield self._event(subjects.RUN_CLOSED, closed)

    @property
    def agents(self) -> Sequence[Agent]:
        """Return the agents of the run, in the scenario's order."""
        return self._agents

    def seat(self, agent: str, resource: str) -> Seat:
        """Return the seat of an agent on a market that it has a role on."""
        market = next(each for each in self._markets if each.resource == resource)
        return next(seat for seat in market.seats.seats if seat.agent == agent)

    def quote(self, resource: str) -> Prices:
        """Return best bid, best ask and last price of a market after its newest batch."""
        return next(each.quote for each in self._markets if each.resource == resource)

    @property
    def clock(self) -> Clock:
        """Return the clock as it is in the period under way."""
        return self._held.clock

    def set_now(self, now: str) -> None:
        """Set the wall-clock time of the events from the next tick on, RFC 3339."""
        self._wall = now

    def _period(self) -> Iterator[LateEvent]:
        period, ended = self._now.period, False
        if self._conditions.change:
            self._change(period)
        yield from self._move(deal(self._agents, period))
        for market in self._markets:
            market.seats.open_period()
        yield self._event(subjects.PERIOD_OPENED, PeriodOpened(period=period))
        while not ended:
            self._now = self._now.next_tick()
            ended = self._ends()
            yield from self._tick(ended=ended)
        yield from self._move(redeem(self._agents, self._resources, period, self._posted_balance))
        yield self._event(subjects.PERIOD_CLOSED, PeriodClosed(period=period))

    def _change(self, period: int) -> None:
        """Have the conditions of a period hold."""
        self._agents, self._held = self._conditions.agents(period), self._conditions.in_period(period)
        markets, agents = self._conditions.markets(period), {agent.id: agent for agent in self._agents}
        for market in self._markets:
            market.book.use(markets[market.resource])
            market.seats.change(markets[market.resource], agents)

    def _tick(self, *, ended: bool) -> Iterator[LateEvent]:
        now, at = self._now, self._moment
        self._moment = moment = Moment(at.run, at.salt, now.tick, self._wall)
        ticked = LateEvent(self._ticked, moment, TickOpened(now.period, now.tick_of_period))
        yield ticked
        moment.cause = ticked
        yield from self._batches(BatchEnd(now.tick, now.period, now.tick_of_period, ends_period=ended))

    def _batches(self, end: BatchEnd) -> list[LateEvent]:
        """Do the batches of a tick and return their events, at once: a generator for each step took a tenth of a small tick."""
        events: list[LateEvent] = []
        for market in self._markets:
            events += self._post(market.clearing, market.book.reserve(end.tick), market.book.refused)
        for market in self._markets:
            batch = market.book.clear(end)
            events += self._post(market.clearing, batch.chains, ())
            market.add_events(events, self._moment, batch, end)
        return events

    def _move(self, chains: Sequence[Chain]) -> list[LateEvent]:
        """Post transfers of the clock, which never exceed what their holders have."""
        account = self.ledger.account
        rows = [given_row(chain) for chain in chains]
        for _, _, _, *moves in rows:
            for _, debit, credit, asset, amount in moves:
                account(debit, asset).posted -= amount
                account(credit, asset).posted += amount
        return self._post("", rows, ())

    def _post(
        self, clearing: str, applied: Sequence[ChainRow], refused: Sequence[ChainRow]
    ) -> list[LateEvent]:
        """Return the entries of chains that moved something, and of those that were refused."""
        moment, append = self._moment, self.journal.append
        events = [
            LateEvent(self._posted, moment, entry, entry.sequence)
            for entry in append(PostedRows, clearing, applied)
        ]
        if refused:
            events += [
                LateEvent(self._refused, moment, entry, entry.sequence)
                for entry in append(RefusedRows, clearing, refused)
            ]
        return events

    def _event(self, subject: Subject, data: Message) -> LateEvent:
        return LateEvent(Address(subject, _CLOCK, self._moment.run), self._moment, MadeData(data))

    def _ends(self) -> bool:
        """Return whether this tick is its period's last; the limits change only by trades, so most ticks need not ask again."""
        clock, now = self._held.clock, self._now
        if clock.until is not Until.EXHAUSTED:
            return ends_period(clock, now, None)
        limits: list[Mapping[str, Limits]] = [
            {market.resource: market.seats.limits() for market in self._markets}
        ]
        if self._has_externals:
            limits.append(external_limits(self._agents, self._held.markets, self._posted_balance))
        if limits != self._asked:
            self._asked, self._exhausted = limits, exhausted(limits)
        return self._exhausted or now.tick_of_period >= clock.ticks_per_period

    def _posted_balance(self, agent: str, asset: str) -> int:
        account = self.ledger.find(agent, asset)
        return account.posted if account else 0


def _entries(scenario: Scenario, envelope: Envelope) -> Iterator[PostedRows]:
    """Yield the journal entries of a run."""
    for addressed in CodedRun(scenario, envelope).events():
        if isinstance(addressed, LateEvent) and isinstance(addressed.content, PostedRows):
            yield addressed.content


class _CodedMarket:
    """One market: its seats, its book, and the events of its batches."""

    def __init__(  # noqa: PLR0913, PLR0917 - a market has these parts
        self,
        market: Market,
        seed: int,
        agents: Sequence[Agent],
        accounts: Accounts,
        run: str,
        others: Mapping[str, MakeQuoter],
    ) -> None:
        self.resource = resource = market.resource
        self.clearing = clearing_holder(resource)
        self.seats = Seats(
            market, (agent for agent in agents if agent.policy is not PolicyName.EXTERNAL), seed, others
        )
        self.book = CodedBook(market, seed, self.seats, accounts)
        self._price = Address(subjects.PRICE_UPDATED, ACTOR, run, resource=resource)
        self._cleared = Address(subjects.TICK_CLEARED, ACTOR, run, resource=resource)
        self._items = [
            (Address(subject, ACTOR, run, resource=resource), kind)
            for subject, kind in (
                (subjects.BID_ACCEPTED, AcceptedBids),
                (subjects.ASK_ACCEPTED, AcceptedAsks),
                (subjects.ORDER_REJECTED, RejectedRows),
                (subjects.TRADE_EXECUTED, TradeRows),
                (subjects.ORDER_CANCELLED, CancelledRows),
            )
        ]
        self.quote: Prices = (None, None, None)
        """Best bid, best ask and last price."""
        self._asked_in = 0
        """Period whose first asks were told to who wants measures alone."""

    def add_events(self, events: list[LateEvent], moment: Moment, batch: CodedBatch, end: BatchEnd) -> None:
        """Add the events of a batch in publishing order, and let the traders learn from it."""
        quote, items = self.quote, batch.next_n - batch.first_n
        if items:
            found = self.book.orders.quote()
            before, quote = quote, (found.bid, found.ask, found.last)
            self.quote = quote
            if quote != before:
                change = PriceChange(self.resource, quote, len(batch.trades))
                events.append(LateEvent(self._price, moment, change, end.tick))
            every = batch.bids, batch.asks, batch.rejected, batch.trades, batch.cancelled
            for (address, kind), rows in zip(self._items, every, strict=True):
                if rows:
                    events += _item_events(address, moment, kind, rows)
        summary = Cleared(
            end.tick,
            end.period,
            items,
            self.book.orders_taken,
            (batch.bids, batch.asks),
            batch.trades,
            quote,
            end.ends_period,
        )
        self._teach(summary, end)
        events.append(LateEvent(self._cleared, moment, summary, end.tick))

    def add_measured(self, events: list[LateEvent], moment: Moment, batch: CodedBatch, end: BatchEnd) -> None:
        """Add the events of a period's first asks and of a batch's trades alone, and let the traders learn from it."""
        if batch.asks and self._asked_in != end.period:
            self._asked_in = end.period
            events += self._events_of(_ASKS, batch.asks, moment)
        if batch.trades:
            events += self._events_of(_TRADES, batch.trades, moment)
        if self.seats.learns:
            told = (batch.bids, batch.asks), batch.trades
            self._teach(Cleared(end.tick, end.period, 0, 0, *told, self.quote, end.ends_period), end)

    def _events_of(self, place: int, rows: Sequence[ItemRow], moment: Moment) -> list[LateEvent]:
        address, kind = self._items[place]
        return _item_events(address, moment, kind, rows)

    def _teach(self, summary: Cleared, end: BatchEnd) -> None:
        """Let the traders learn from the tape of a batch."""
        if self.seats.learns:
            self.seats.learn([Shout(*row) for row in summary.tape()], end.tick)


def _item_events(
    address: Address, moment: Moment, kind: type[ItemRows], rows: Sequence[ItemRow]
) -> list[LateEvent]:
    """Return the events of the rows of one kind, of which the first row's number and their count are the key."""
    if len(rows) <= ITEMS_PER_EVENT_MAX:
        return [LateEvent(address, moment, kind(rows), rows[0][0], len(rows))]
    parts = [rows[at : at + ITEMS_PER_EVENT_MAX] for at in range(0, len(rows), ITEMS_PER_EVENT_MAX)]
    return [LateEvent(address, moment, kind(part), part[0][0], len(part)) for part in parts]
