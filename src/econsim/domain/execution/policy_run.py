"""Driver of a run in memory in which policies of one's own decide: by the quick driver as long as they only quote, as coded agents do. Pure.

Most policies quote one unit at a time: `market.quote(price)`. They have seats in a run of coded agents (`coded_run`), which costs a fraction of
the driver for all runs (`in_memory_run`). A policy may decide anything, though. At the first decision that a seat cannot carry out, and when
an agent is set aside, the driver for all runs takes over: it makes the run again up to that tick from the decisions that were kept, asking no
policy a second time, and goes on with the same objects. Both drivers make the same events (a property test holds it), so nobody sees the seam.

    collection              holds                                     added by    removed by   bound
    DecidedRun.by_tick      decisions of every tick so far            a tick      never        `DECISIONS_KEPT_MAX`, then the other driver takes over
    PolicySeats._wanted     orders of the policies of this tick       decide      want         policies of the market
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Final

from econsim.domain.agent.conditions import Conditions
from econsim.domain.agent.policy import MarketObservation, Observation
from econsim.domain.agent.population import Agent
from econsim.domain.agent.random_draws import Draws, rank
from econsim.domain.agent.traders import Quoter
from econsim.domain.audit.envelope import AddressedEvent, Envelope
from econsim.domain.audit.late_event import LateEvent
from econsim.domain.cognition.observation import ObservedOrder
from econsim.domain.execution.coded_agents import MakeQuoter, Seat, Seats, Wish
from econsim.domain.execution.coded_book import CodedBatch
from econsim.domain.execution.coded_facts import tape_rows
from econsim.domain.execution.coded_journal import LateJournal, PostedRows
from econsim.domain.execution.coded_market import CodedMarket
from econsim.domain.execution.coded_run import CodedRun, can_be_coded
from econsim.domain.execution.in_memory_run import InMemoryRun
from econsim.domain.ledger.accounts import Accounts
from econsim.domain.market.book import BatchEnd
from econsim.domain.market.order_checks import terms_refusal
from econsim.domain.runtime.deciding import Decided, Deciders, MakePolicy
from econsim.domain.runtime.policy_agents import DecidedRun
from econsim.domain.runtime.policy_decisions import MarketObserver, credits_of
from econsim.schemas.ledger import CREDITS
from econsim.schemas.market import Shout
from econsim.schemas.orders import Action, OrderKind, Verb
from econsim.schemas.scenario import Market, MechanismName, PolicyPath, Scenario

if TYPE_CHECKING:
    from econsim.domain.ledger.journal import Journal
    from econsim.domain.ledger.ledger import Ledger

DECISIONS_KEPT_MAX: Final = 200_000
"""Decisions of a run that are kept, some 60 MB, in case that the driver for all runs has to take over."""


def quotes_alone(scenario: Scenario) -> bool:
    """Tell whether a scenario's own policies may have seats: one role a market at most, single units, and no call auction."""
    if not can_be_coded(scenario, own=True):
        return False
    for first, _ in scenario.stretches:
        held = scenario.in_period(first)
        if any(m.lot_size != 1 or m.mechanism is MechanismName.CALL_AUCTION for m in held.markets):
            return False
        roles = [[role.resource for role in group.roles] for group in held.agents]
        if any(len(set(each)) < len(each) for each in roles):
            return False
    return True


class PolicyRun:
    """A run of policies of one's own beside coded agents."""

    def __init__(self, scenario: Scenario, envelope: Envelope, policies: Mapping[str, MakePolicy]) -> None:
        """Start before the run opens; raises ScenarioError for a scenario that cannot be populated."""
        self._general = partial(InMemoryRun, scenario, envelope, policies=policies)
        decided = self._decided = DecidedRun(Deciders(policies, scenario.seed))
        self._driver: SeatedRun | InMemoryRun = SeatedRun(scenario, envelope, decided)

    @property
    def ledger(self) -> Accounts | Ledger:
        """Return the accounts of the run, to read."""
        return self._driver.ledger

    @property
    def journal(self) -> LateJournal | Journal:
        """Return the head of the run's journal, to read."""
        return self._driver.journal

    def events(self) -> Iterator[AddressedEvent]:
        """Yield the events of the run from its opening to its closing."""
        count = 0
        try:
            for addressed in self._driver.events():
                count += 1
                yield addressed
        except NotByQuotes:
            self._driver = self._general(decided=self._decided)
            yield from islice(self._driver.events(), count, None)


class NotByQuotes(Exception):
    """The policies decided at a tick what seats cannot carry out, or were set aside."""


class Silent(Quoter):
    """The trader of a seat whose agent's policy chooses the orders."""

    def price(self, value: int, draws: Draws) -> int | None:
        """Return no price."""
        del value, draws
        return None


class PolicySeats(Seats):
    """The seats of one market, of which some have their orders from policies."""

    def __init__(
        self, market: Market, agents: Iterable[Agent], seed: int, others: Mapping[str, MakeQuoter]
    ) -> None:
        """Seat the agents; those of `others` have policies."""
        super().__init__(market, agents, seed, others)
        self.chosen: dict[str, Seat] = {seat.agent: seat for seat in self.seats if seat.agent in others}
        self._wanted: list[tuple[Seat, bytes, str, int]] = []

    def decide(self, action: Action, tick: int) -> None:
        """Have a policy's decision at this tick; raises NotByQuotes for one that is not a quote of one unit by the agent's role."""
        seat = self.chosen.get(action.agent)
        if seat is None or seat.value is None or any(seat is wanting for wanting, *_ in self._wanted):
            raise NotByQuotes
        replaces, resting = action.verb is Verb.REPLACE, seat.order
        if replaces:
            order_id, fits = action.new_order_id, resting is not None and resting.order_id == action.order_id
        else:
            order_id, fits = (
                action.order_id,
                not seat.open and action.verb is (Verb.BID if seat.buys else Verb.ASK),
            )
        market = self._market
        asks_too_little = not seat.buys and action.price < market.ask_min
        if (
            not fits
            or order_id is None
            or action.quantity != 1
            or action.kind is not OrderKind.LIMIT
            or asks_too_little
            or terms_refusal(market, action.price, 1) is not None
        ):
            raise NotByQuotes
        turn = rank(self._seed, "turn", tick, seat.agent)
        self._wanted.append((seat, turn, order_id, action.price))

    def want(self, tick: int, wish: Wish) -> None:
        """Wish for the orders that seats want at a tick, those of the policies last."""
        super().want(tick, wish)
        wanted, self._wanted = self._wanted, []
        for seat, turn, order_id, price in wanted:
            wish(*seat.next_order(), turn, order_id, price)

    def _find_willing(self) -> None:
        super()._find_willing()
        self._always = [seat for seat in self._always if seat.agent not in self.chosen]


class PolicyMarket(CodedMarket):
    """One market of the run, and how the agents with policies see it."""

    seats_class = PolicySeats
    seats: PolicySeats
    observer: MarketObserver

    def watch(self, market: Market, agents: Sequence[Agent]) -> None:
        """Show the market to agents from the first period on."""
        self.observer = MarketObserver(market, agents)

    def view(self, agent: str, units: int) -> MarketObservation:
        """Return what an agent sees that has so many units which it does not offer."""
        seat = self.seats.chosen.get(agent)
        if seat is None:
            return self.observer.view(agent, self.quote, 0, units, ())
        order = seat.order
        orders = () if order is None else (ObservedOrder(order.order_id, seat.side, order.price, 1),)
        return self.observer.view(agent, self.quote, seat.trader.position.traded, units, orders)

    def teach(self, batch: CodedBatch, end: BatchEnd) -> None:
        """Let the traders learn from the tape of a batch, and the policies see it."""
        super().teach(batch, end)
        self.observer.clear(partial(_shouts, batch))


def _shouts(batch: CodedBatch) -> list[Shout]:
    return [Shout(*row) for row in tape_rows(batch.bids, batch.asks, batch.trades)]


class SeatedRun(CodedRun):
    """A run of coded agents in which policies choose the orders of some seats; raises NotByQuotes where it cannot go on."""

    market_class = PolicyMarket
    _markets: list[PolicyMarket]  # type: ignore[assignment]  # as `market_class`

    def __init__(self, scenario: Scenario, envelope: Envelope, decided: DecidedRun) -> None:
        """Start before the run opens; at the ticks of `decided` the policies are not asked again."""
        agents = Conditions(scenario).agents(1)
        own = {agent.id: Silent for agent in agents if isinstance(agent.policy, PolicyPath)}
        super().__init__(scenario, envelope, own)
        self.decided = decided
        """Decisions of the policies so far."""
        self.journal = LateJournal(partial(_entries, scenario, envelope, decided))
        self._own = self._of_policies()
        self._kept = 0
        self._by_resource = {market.resource: market for market in self._markets}
        for market in self._markets:
            market.watch(self._conditions.market(market.resource, 1), self._own)

    def _of_policies(self) -> list[Agent]:
        return [agent for agent in self._agents if isinstance(agent.policy, PolicyPath)]

    def _change(self, period: int) -> None:
        super()._change(period)
        self._own = self._of_policies()
        for market in self._markets:
            market.observer.change(self._conditions.market(market.resource, period), self._own)

    def _batches(self, end: BatchEnd) -> list[LateEvent]:
        for resource, action in self._decisions(end.tick):
            self._by_resource[resource].seats.decide(action, end.tick)
        return super()._batches(end)

    def _decisions(self, tick: int) -> Decided:
        by_tick, deciders = self.decided.by_tick, self.decided.deciders
        if tick > len(by_tick):
            found = deciders.decide(tick, self._own, self._observe, self._by_resource)
            by_tick.append(found)
            self._kept += len(found)
            if deciders.failures or self._kept > DECISIONS_KEPT_MAX:
                raise NotByQuotes
        return by_tick[tick - 1]

    def _observe(self, agent: Agent) -> Observation:
        now, id_ = self._now, agent.id
        return Observation(
            id_,
            now.tick,
            now.period,
            now.tick_of_period,
            credits_of(self._free(id_, CREDITS)),
            {
                resource: self._by_resource[resource].view(id_, self._free(id_, resource))
                for resource in self._resources
            },
            self._held.clock.ticks_per_period,
        )

    def _free(self, agent: str, asset: str) -> int:
        account = self.ledger.find(agent, asset)
        return account.posted - account.pending if account else 0


def _entries(scenario: Scenario, envelope: Envelope, decided: DecidedRun) -> Iterator[PostedRows]:
    """Yield the journal entries of a run, made again from what was decided, as far as seats carried it out."""
    again = SeatedRun(scenario, envelope, decided)
    try:
        for addressed in again.events():
            if isinstance(addressed, LateEvent) and isinstance(addressed.content, PostedRows):
                yield addressed.content
    except NotByQuotes:
        return
