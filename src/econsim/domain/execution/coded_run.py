"""Driver of a run of coded agents in memory: facts first, events for who reads them. Pure.

For scenarios of traders in code, which decide nothing but the price of their next unit. It yields the events that `in_memory_run.InMemoryRun`
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
from typing import ClassVar, Final

from econsim import subjects
from econsim.domain.agent.conditions import Conditions
from econsim.domain.agent.population import Agent
from econsim.domain.agent.prospects import external_limits
from econsim.domain.audit.canonical_facts import Prices
from econsim.domain.audit.envelope import Envelope
from econsim.domain.audit.late_event import Address, LateEvent, Moment
from econsim.domain.clock.period import deal, endow, redeem
from econsim.domain.clock.schedule import LogicalTime, ends_period, exhausted
from econsim.domain.execution.coded_agents import NO_OTHERS, MakeQuoter, Seat
from econsim.domain.execution.coded_chains import ChainRow, given_row
from econsim.domain.execution.coded_facts import MadeData, TickOpened
from econsim.domain.execution.coded_journal import (
    KeptRows,
    LateJournal,
    PostedRows,
    RefusedRows,
    ReservedRows,
)
from econsim.domain.execution.coded_market import CodedMarket
from econsim.domain.ledger.accounts import Accounts
from econsim.domain.market.book import BatchEnd
from econsim.schemas.agent import Limits
from econsim.schemas.base import Message
from econsim.schemas.clock import PeriodClosed, PeriodOpened, RunClosed, RunOpened
from econsim.schemas.ledger import Chain
from econsim.schemas.scenario import Clock, Group, PolicyName, PolicyPath, Scenario, Until
from econsim.schemas.subject import Subject
from econsim.schemas.types import AMOUNT_MAX

POLICIES: Final = frozenset(
    {PolicyName.ZI_U, PolicyName.ZI_C, PolicyName.TRUTHFUL, PolicyName.ZIP, PolicyName.EXTERNAL}
)
"""Policies of a run of coded agents. External agents never act in memory."""

_CLOCK: Final = "clock"
_OF_CLOCK: Final = (
    subjects.RUN_OPENED,
    subjects.PERIOD_OPENED,
    subjects.TICKED,
    subjects.PERIOD_CLOSED,
    subjects.RUN_CLOSED,
)
_LEDGER: Final = "ledger"
_OF_LEDGER: Final[Mapping[type[PostedRows], Subject]] = {
    PostedRows: subjects.TRANSFER_POSTED,
    KeptRows: subjects.TRANSFER_POSTED,
    ReservedRows: subjects.TRANSFER_POSTED,
    RefusedRows: subjects.TRANSFER_REFUSED,
}


def is_of_coded_agents(scenario: Scenario) -> bool:
    """Tell whether this driver can run a scenario: traders in code alone, and no account that could come near its limit."""
    return can_be_coded(scenario)


def can_be_coded(scenario: Scenario, *, own: bool = False) -> bool:
    """Tell the same; if `own`, of a scenario that may have policies of its own beside the traders in code."""
    known = (
        group.policy in POLICIES or (own and isinstance(group.policy, PolicyPath))
        for group in scenario.agents
    )
    if scenario.cognition is not None or not all(known):
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

    market_class: ClassVar[type[CodedMarket]] = CodedMarket
    """Class of the markets."""

    def __init__(
        self,
        scenario: Scenario,
        envelope: Envelope,
        others: Mapping[str, MakeQuoter] = NO_OTHERS,
        conditions: Conditions | None = None,
    ) -> None:
        """Start before the run opens; raises ScenarioError for a scenario that cannot be populated.

        `others` make the traders of some agents in the place of their policies'; the journal then is that of this object alone.
        `conditions` are the scenario's, if somebody has them already.
        """
        self._scenario = scenario
        self._conditions = conditions or Conditions(scenario)
        self._agents, self._held = self._conditions.agents(1), self._conditions.in_period(1)
        self._resources = tuple(market.resource for market in scenario.markets)
        self._has_externals = any(agent.policy is PolicyName.EXTERNAL for agent in self._agents)
        self.ledger = Accounts()
        """Accounts of the run, to read."""
        self.journal = LateJournal(partial(_entries, scenario, envelope))
        """Head of the run's journal, to read."""
        self._markets = [
            self.market_class(market, scenario.seed, self._agents, self.ledger, envelope.run, others)
            for market in sorted(self._held.markets, key=lambda market: market.resource)
        ]
        self._now = LogicalTime()
        self._wall = envelope.now
        self._exhausted = False
        self._moment = Moment(envelope.run, envelope.salt, 0, envelope.now)
        self._clock = {row: Address(row, _CLOCK, envelope.run) for row in _OF_CLOCK}
        self._ticked = self._clock[subjects.TICKED]
        self._entries = {
            kind: Address(subject, _LEDGER, envelope.run) for kind, subject in _OF_LEDGER.items()
        }

    def close(self) -> None:
        """Let go of what knows each other, once nobody asks the run any more.

        Its objects are freed at once then. As cyclic garbage they took the collector a third of the time of a batch of small runs.
        """
        self._moment.cause = None
        for market in self._markets:
            market.seats.close()
        self.journal.close()

    def events(self) -> Iterator[LateEvent]:
        """Yield the events of the run from its opening to its closing."""
        # A scenario is checked when it is made; to check it again here took a hundredth of a run of one period.
        opened = RunOpened.model_construct(scenario=self._scenario, salt=self._moment.salt)
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

    def balance(self, holder: str, asset: str) -> int:
        """Return what a holder owns of an asset, or owes."""
        account = self.ledger.find(holder, asset)
        return account.posted if account else 0

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
        yield from self._move(redeem(self._agents, self._resources, period, self.balance))
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
        # Its events know it themselves; it and what it caused would not be freed at once.
        at.cause = None
        moment.cause = ticked
        yield from self._batches(BatchEnd(now.tick, now.period, now.tick_of_period, ends_period=ended))

    def _batches(self, end: BatchEnd) -> list[LateEvent]:
        """Do the batches of a tick and return their events, at once: a generator for each step took a tenth of a small tick."""
        events: list[LateEvent] = []
        for market in self._markets:
            market.book.reserve(end.tick)
        batches = []
        for market in self._markets:
            book = market.book
            batches.append((market, book.clear(end)))
            events += self._post(ReservedRows, market.clearing, book.reserved)
            events += self._post(RefusedRows, market.clearing, book.refused)
        for market, batch in batches:
            events += self._post(PostedRows if batch.trades else KeptRows, market.clearing, batch.chains)
            market.add_events(events, self._moment, batch, end)
        return events

    def _move(self, chains: Sequence[Chain]) -> Sequence[LateEvent]:
        """Post transfers of the clock, which never exceed what their holders have."""
        account = self.ledger.account
        rows = [given_row(chain) for chain in chains]
        for _, _, _, *moves in rows:
            for _, debit, credit, asset, amount in moves:
                account(debit, asset).posted -= amount
                account(credit, asset).posted += amount
        return self._post(PostedRows, "", rows)

    def _post(self, kind: type[PostedRows], clearing: str, chains: Sequence[ChainRow]) -> Sequence[LateEvent]:
        """Return the journal entries of chains."""
        if not chains:
            return ()
        address, moment = self._entries[kind], self._moment
        return [
            LateEvent(address, moment, entry, entry.sequence)
            for entry in self.journal.append(kind, clearing, chains)
        ]

    def _event(self, subject: Subject, data: Message) -> LateEvent:
        return LateEvent(self._clock[subject], self._moment, MadeData(data))

    def _ends(self) -> bool:
        """Return whether this tick is its period's last; the limits change only by trades, so most ticks need not ask again."""
        clock, now = self._held.clock, self._now
        if clock.until is not Until.EXHAUSTED:
            return ends_period(clock, now, None)
        if self._has_externals or any(market.seats.have_new_limits for market in self._markets):
            limits: list[Mapping[str, Limits]] = [
                {market.resource: market.seats.limits() for market in self._markets}
            ]
            if self._has_externals:
                limits.append(external_limits(self._agents, self._held.markets, self.balance))
            self._exhausted = exhausted(limits)
        return self._exhausted or now.tick_of_period >= clock.ticks_per_period


def _entries(scenario: Scenario, envelope: Envelope) -> Iterator[PostedRows]:
    """Yield the journal entries of a run."""
    for addressed in CodedRun(scenario, envelope).events():
        if isinstance(addressed.content, PostedRows):
            yield addressed.content
