"""All agents of one host: a projection of the run's events that returns the agents' actions.

Pure. The NATS host and the in-process driver both run it. Its state changes only by `evolve`, so a host
that crashed replays the run's log and goes on (event sourcing); `act` changes nothing.

Life cycles::

    collection                holds                             added by        removed by            bound
    HostAgents._markets       one MarketAgents a market         the scenario    never                 markets
    MarketAgents._traders     traders, in the scenario's order  the scenario    never                 roles of the host
    MarketAgents._positions   agent -> its position             the scenario    never                 agents of the host
    MarketAgents._strategists agent -> its strategy's trader    the scenario    never                 agents of the host
    position.open             open orders: id -> price          OrderAccepted   cancel, fill, period  units of the role
    MarketAgents._batch       items of the batch under way      evolve          TickCleared           items of one batch
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from operator import attrgetter

from econsim.domain.agent.conditions import Conditions
from econsim.domain.agent.population import Agent
from econsim.domain.agent.prospects import widest
from econsim.domain.agent.random_draws import Draws, beginning
from econsim.domain.agent.strategies import Strategies
from econsim.domain.agent.traders import QUOTERS, Quoter, Scripted, Trader, TraderPosition, View
from econsim.domain.audit.envelope import AddressedEvent
from econsim.domain.cognition.strategy import Strategy
from econsim.schemas.agent import Limits
from econsim.schemas.clock import PeriodOpened, Ticked
from econsim.schemas.cognition import LlmInvoked
from econsim.schemas.market import (
    Accepted,
    Cancelled,
    Item,
    OrderAccepted,
    OrderCancelled,
    Quote,
    TickCleared,
    Traded,
    TradeExecuted,
)
from econsim.schemas.orders import Action, Side
from econsim.schemas.scenario import Market, PolicyName, PolicyPath, Scenario
from econsim.schemas.subject import entity_of


@dataclass(frozen=True, slots=True)
class MarketState:
    """State of a host's traders on one market between batches."""

    quote: Quote
    """Best prices."""
    applied: int
    """Number of the newest item about these agents."""
    positions: dict[str, tuple[int, dict[str, int]]]
    """Agent → units traded in the period, and open orders: id → price; of agents that have any."""
    lessons: tuple[tuple[float, ...], ...]
    """Lessons of each trader, in the traders' order."""


@dataclass(frozen=True, slots=True)
class HostState:
    """State of the coded agents of a host between batches."""

    period: int
    """Period of the newest tick."""
    tick_of_period: int
    """Number of the newest tick in its period."""
    tick: int
    """Newest tick."""
    markets: dict[str, MarketState]
    """Resource → state of the traders there."""


class HostAgents:
    """The agents of one host, or of all hosts, on every market of a run."""

    def __init__(self, scenario: Scenario, host: int | None = None) -> None:
        """Create the agents of the host with this index; of all hosts for None."""
        self._clock = Ticked(period=1, tick_of_period=1)
        self._tick = 0
        self._conditions = Conditions(scenario)
        self._markets = {
            resource: MarketAgents(market, scenario.seed)
            for resource, market in self._conditions.markets(1).items()
        }
        hosted = [agent for agent in self._conditions.agents(1) if _is_hosted(agent, host)]
        for agent in hosted:
            for market in self._markets.values():
                market.add(agent)
        self._strategies = Strategies(hosted)
        self.agents = len(hosted)

    def evolve(self, addressed: AddressedEvent) -> None:
        """Fold one event of the run; events of other types change nothing."""
        match addressed.event.data:
            case Ticked() as ticked:
                self._turn(ticked)
                self._tick = addressed.event.tick
                for agent, resource, strategy in self._strategies.open_tick():
                    self._markets[resource].follow(agent, strategy)
            case LlmInvoked(items=outcomes):
                self._strategies.collect(outcomes)
            case PeriodOpened():
                for market in self._markets.values():
                    market.open_period()
            case Accepted(items=items) | Traded(items=items) | Cancelled(items=items):
                self._markets[entity_of(addressed.subject)].collect(items)
            case TickCleared() as cleared:
                self._markets[entity_of(addressed.subject)].apply_batch(cleared, addressed.event.tick)

    def act(self, tick: int) -> dict[str, list[Action]]:
        """Return resource → actions of this tick, for every market; idempotent."""
        clock = self._clock
        return {
            resource: market.act(View(tick, clock.period, clock.tick_of_period, market.quote))
            for resource, market in self._markets.items()
        }

    def state(self) -> HostState:
        """Return the state between batches, a copy. Agents with strategies have more state than this."""
        markets = {resource: market.state() for resource, market in self._markets.items()}
        return HostState(self._clock.period, self._clock.tick_of_period, self._tick, markets)

    def restore(self, state: HostState) -> None:
        """Go on with the state of a host of the same agents; this one is new."""
        self._turn(Ticked(period=state.period, tick_of_period=state.tick_of_period))
        self._tick = state.tick
        for resource, market in state.markets.items():
            self._markets[resource].restore(market)

    def limits(self) -> dict[str, Limits]:
        """Return resource → limits of the best buyer and the best seller of this host."""
        return {resource: market.limits(self._tick) for resource, market in self._markets.items()}

    def _turn(self, ticked: Ticked) -> None:
        """Come to a tick; with a new period its conditions hold. A tick that is folded again changes nothing."""
        before, self._clock = self._clock.period, ticked
        if ticked.period != before and self._conditions.change:
            agents = {agent.id: agent for agent in self._conditions.agents(ticked.period)}
            for resource, market in self._conditions.markets(ticked.period).items():
                self._markets[resource].change(market, agents)


def _is_hosted(agent: Agent, host: int | None) -> bool:
    if isinstance(agent.policy, PolicyPath):
        return False
    if agent.policy in (PolicyName.EXTERNAL, PolicyName.LLM, PolicyName.HUMAN):
        return False
    return host is None or agent.host == host


class MarketAgents:
    """The host's traders on one market."""

    def __init__(self, market: Market, seed: int) -> None:
        """Start without traders on a market of a run with this seed."""
        self.quote = Quote()
        self._market = market
        self._seed = seed
        self._traders: list[tuple[str, Trader]] = []
        self._beginnings: list[bytes] = []
        """Beginnings of the purposes that the traders draw for when they act, in the same order."""
        self._positions: dict[str, TraderPosition] = {}
        self._strategists: dict[str, Quoter] = {}
        self._batch: list[Item] = []
        self._applied = 0
        self._limits: Limits | None = None
        self._is_scripted = False
        """True if the limits of a trader follow its script, tick by tick."""
        self._absent: set[str] = set()
        """Agents that are not there in this period."""

    def add(self, agent: Agent) -> None:
        """Add an agent's traders, if it trades on this market."""
        if not agent.present:
            self._absent.add(agent.id)
        for trader in self._new_traders(agent):
            self._traders.append((agent.id, trader))
            self._is_scripted |= isinstance(trader, Scripted)
            self._beginnings.append(beginning(self._seed, "act", agent.id, self._market.resource))

    def change(self, market: Market, agents: Mapping[str, Agent]) -> None:
        """Trade by the rules of another period, with the agents as they are in it."""
        self._market, self._limits = market, None
        self._absent = {name for name, _ in self._traders if not agents[name].present}
        for name, trader in self._traders:
            agent = agents[name]
            values = next((r.net_values for r in agent.roles if r.resource == market.resource), ())
            trader.change(values, market, agent.activity_percent)

    def follow(self, agent: str, strategy: Strategy) -> None:
        """Have a strategist's trader keep a strategy."""
        self._limits = None
        self._strategists[agent].follow(strategy)

    def open_period(self) -> None:
        """Reset every position: the book was emptied."""
        self._limits = None
        for position in self._positions.values():
            position.traded = 0
            position.open.clear()

    def collect(self, items: Iterable[Item]) -> None:
        """Keep the items about this host's agents until the batch is complete; other items cost one look-up."""
        positions = self._positions
        for item in items:
            if isinstance(item, TradeExecuted):
                if item.buyer in positions or item.seller in positions:
                    self._batch.append(item)
            elif item.agent in positions:
                self._batch.append(item)

    def apply_batch(self, cleared: TickCleared, tick: int) -> None:
        """Apply a complete batch in book order, then let the learning traders learn."""
        self.quote = cleared.quote
        for item in sorted(self._batch, key=attrgetter("n")):
            if item.n > self._applied:  # a batch repeated after a crash may publish an item twice
                self._apply(item)
                self._applied = item.n
        self._batch.clear()
        for agent, trader in self._traders:
            if trader.learns:
                trader.learn(cleared.tape, Draws(self._seed, "learn", agent, self._market.resource, tick))

    def act(self, view: View) -> list[Action]:
        """Return all actions of one tick."""
        end, actions = b"%d" % view.tick, list[Action]()
        for (name, trader), begins in zip(self._traders, self._beginnings, strict=True):
            if name in self._absent:
                continue
            actions.extend(trader.act(view, Draws(of=begins + end)))
        return actions

    def state(self) -> MarketState:
        """Return the state of positions and lessons between batches, a copy."""
        used = {agent: each for agent, each in self._positions.items() if each.traded or each.open}
        return MarketState(
            self.quote,
            self._applied,
            {agent: (position.traded, dict(position.open)) for agent, position in used.items()},
            tuple(trader.lessons() for _, trader in self._traders),
        )

    def restore(self, state: MarketState) -> None:
        """Go on with the state of the same traders."""
        self.quote, self._applied = state.quote, state.applied
        for agent, (traded, open_orders) in state.positions.items():
            self._positions[agent].traded, self._positions[agent].open = traded, open_orders
        for (_, trader), lessons in zip(self._traders, state.lessons, strict=True):
            trader.recall(lessons)

    def limits(self, tick: int) -> Limits:
        """Return the widest limits of all traders.

        They are kept as long as no position trades: a clock that ends periods by them asks at every tick.
        """
        if self._limits is None or self._is_scripted:
            self._limits = widest(
                trader.limits(tick) for name, trader in self._traders if name not in self._absent
            )
        return self._limits

    def _new_traders(self, agent: Agent) -> Iterator[Trader]:
        resource = self._market.resource
        if agent.policy is PolicyName.SCRIPTED:
            if any(step.resource == resource for step in agent.script):
                yield Scripted(agent.id, self._market, agent.script)
            return
        for index, role in enumerate(agent.roles):
            if role.resource == resource:
                position = TraderPosition(
                    agent.id, index, role.side, role.net_values, self._market, agent.activity_percent
                )
                self._positions[agent.id] = position
                draws = Draws(self._seed, "trader", agent.id, resource)
                policy = agent.trader or agent.policy
                assert isinstance(policy, PolicyName)
                quoter = QUOTERS[policy](position, draws)
                if agent.trader is not None:
                    self._strategists[agent.id] = quoter
                yield quoter

    def _apply(self, item: Item) -> None:
        match item:
            case OrderAccepted():
                self._positions[item.agent].open[item.order_id] = item.price
            case OrderCancelled():
                self._close(item.agent, item.order_id)
            case TradeExecuted():
                self._fill(item.buyer, item.bid_id, Side.BID, item.quantity)
                self._fill(item.seller, item.ask_id, Side.ASK, item.quantity)

    def _close(self, agent: str, order_id: str) -> None:
        position = self._positions.get(agent)
        if position:
            position.open.pop(order_id, None)

    def _fill(self, agent: str, order_id: str, side: Side, quantity: int) -> None:
        position = self._positions.get(agent)
        if position and position.side is side:
            self._limits = None
            position.traded += quantity
            self._close(agent, order_id)
