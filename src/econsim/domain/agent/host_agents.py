"""The desk: all agents of one host, folded from the run's events and asked for their actions.

Pure. The NATS host and the in-process driver both run it. Its state changes only by `evolve`, so a host
that crashed replays the run's log and goes on; `act` changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from operator import attrgetter

from econsim.domain.agent.population import Agent, population
from econsim.domain.agent.prospects import widest
from econsim.domain.agent.random_draws import Draws
from econsim.domain.agent.traders import QUOTERS, Hand, Scripted, Trader, View
from econsim.domain.audit.envelope import AddressedEvent
from econsim.schemas.agent import Limits
from econsim.schemas.clock import PeriodOpened, Ticked
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
from econsim.schemas.scenario import Market, PolicyName, Scenario
from econsim.schemas.subject import entity_of


class Desk:
    """The agents of one host, or of all, on every market of a run."""

    def __init__(self, scenario: Scenario, host: int | None = None) -> None:
        """Seat the agents of the host with this index; none for those of all hosts."""
        self._clock = Ticked(period=1, tick_of_period=1)
        self._tick = 0
        self._pits = {market.resource: _Pit(market, scenario.seed) for market in scenario.markets}
        seated = [agent for agent in population(scenario) if _sits(agent, host)]
        for agent in seated:
            for pit in self._pits.values():
                pit.seat(agent)
        self.agents = len(seated)

    def evolve(self, addressed: AddressedEvent) -> None:
        """Fold one event of the run; events it has no use for change nothing."""
        match addressed.event.data:
            case Ticked() as ticked:
                self._clock, self._tick = ticked, addressed.event.tick
            case PeriodOpened():
                for pit in self._pits.values():
                    pit.open_period()
            case Accepted(items=items) | Traded(items=items) | Cancelled(items=items):
                self._pits[entity_of(addressed.subject)].hear(items)
            case TickCleared() as cleared:
                self._pits[entity_of(addressed.subject)].clear(cleared, addressed.event.tick)

    def act(self, tick: int) -> dict[str, list[Action]]:
        """Return resource → actions of this tick, for every market; the same each time it is asked."""
        clock = self._clock
        return {
            resource: pit.act(View(tick, clock.period, clock.tick_of_period, pit.quote))
            for resource, pit in self._pits.items()
        }

    def limits(self) -> dict[str, Limits]:
        """Return resource → what the best buyer and the best seller here could still gain."""
        return {resource: pit.limits(self._tick) for resource, pit in self._pits.items()}


def _sits(agent: Agent, host: int | None) -> bool:
    if agent.policy is PolicyName.EXTERNAL:
        return False
    return host is None or agent.host == host


class _Pit:
    """One market's traders at this desk."""

    def __init__(self, market: Market, seed: int) -> None:
        self.quote = Quote()
        self._market = market
        self._seed = seed
        self._traders: list[tuple[str, Trader]] = []
        self._hands: dict[str, Hand] = {}
        self._heard: list[Item] = []
        self._applied = 0

    def seat(self, agent: Agent) -> None:
        """Add an agent's trader, if it trades here."""
        for trader in self._made(agent):
            self._traders.append((agent.id, trader))

    def open_period(self) -> None:
        """Start every hand anew: the book was emptied."""
        for hand in self._hands.values():
            hand.traded = 0
            hand.open.clear()

    def hear(self, items: Iterable[Item]) -> None:
        """Keep what concerns this desk until the batch is complete; the rest costs one look-up."""
        hands = self._hands
        for item in items:
            if isinstance(item, TradeExecuted):
                if item.buyer in hands or item.seller in hands:
                    self._heard.append(item)
            elif item.agent in hands:
                self._heard.append(item)

    def clear(self, cleared: TickCleared, tick: int) -> None:
        """Apply a complete batch in book order, then let those learn that do."""
        self.quote = cleared.quote
        for item in sorted(self._heard, key=attrgetter("n")):
            if item.n > self._applied:  # a batch done again after a crash may tell an item twice
                self._apply(item)
                self._applied = item.n
        self._heard.clear()
        for agent, trader in self._traders:
            if trader.learns:
                trader.learn(cleared.tape, Draws(self._seed, "learn", agent, self._market.resource, tick))

    def act(self, view: View) -> list[Action]:
        """Return all actions of one tick."""
        seed, resource, tick = self._seed, self._market.resource, view.tick
        actions: list[Action] = []
        for agent, trader in self._traders:
            actions.extend(trader.act(view, Draws(seed, "act", agent, resource, tick)))
        return actions

    def limits(self, tick: int) -> Limits:
        """Return the widest limits of all traders."""
        return widest(trader.limits(tick) for _, trader in self._traders)

    def _made(self, agent: Agent) -> Iterator[Trader]:
        resource = self._market.resource
        if agent.policy is PolicyName.SCRIPTED:
            if any(step.resource == resource for step in agent.script):
                yield Scripted(agent.id, self._market, agent.script)
            return
        for index, role in enumerate(agent.roles):
            if role.resource == resource:
                hand = Hand(agent.id, index, role.side, role.values, self._market, agent.activity_percent)
                self._hands[agent.id] = hand
                yield QUOTERS[agent.policy](hand, Draws(self._seed, "trader", agent.id, resource))

    def _apply(self, item: Item) -> None:
        match item:
            case OrderAccepted():
                self._hands[item.agent].open[item.order_id] = item.price
            case OrderCancelled():
                self._close(item.agent, item.order_id)
            case TradeExecuted():
                self._fill(item.buyer, item.bid_id, Side.BID, item.quantity)
                self._fill(item.seller, item.ask_id, Side.ASK, item.quantity)

    def _close(self, agent: str, order_id: str) -> None:
        hand = self._hands.get(agent)
        if hand:
            hand.open.pop(order_id, None)

    def _fill(self, agent: str, order_id: str, side: Side, quantity: int) -> None:
        hand = self._hands.get(agent)
        if hand and hand.side is side:
            hand.traded += quantity
            self._close(agent, order_id)
