"""The perception of agents that think: each agent's own money, units and orders beside the public prices. Pure.

A projection of the run's log (event sourcing). An observation at a tick depends on events of earlier ticks alone, so a
host that repeats a tick after a crash shows its agents what they saw before, and their calls have the same prompts.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from functools import partial

from econsim.domain.agent.conditions import Conditions
from econsim.domain.agent.population import Agent
from econsim.domain.agent.prospects import limits_of, widest
from econsim.domain.audit.envelope import AddressedEvent
from econsim.domain.clock.holdings import Holdings
from econsim.domain.cognition.observation import (
    AgentObservation,
    ObservedMarket,
    TokenSupply,
)
from econsim.domain.market.order_terms import required_amount
from econsim.domain.runtime.own_orders import OwnOrders
from econsim.domain.runtime.social_perception import SocialPerception
from econsim.schemas.agent import CognitiveCyclesCompleted, Limits
from econsim.schemas.clock import PeriodClosed, PeriodOpened, Ticked
from econsim.schemas.cognition import LlmInvoked
from econsim.schemas.ledger import CREDITS
from econsim.schemas.market import Accepted, Cancelled, TickCleared, Traded, TradeExecuted
from econsim.schemas.orders import Side
from econsim.schemas.scenario import Market
from econsim.schemas.scenario_cognition import Cognition
from econsim.schemas.social_events import TaskDelegated, TaskOffered, TaskRefused, TaskSettled
from econsim.schemas.subject import entity_of
from econsim.schemas.tool_events import ToolCompleted, ToolFailed


class Perception:
    """All that the thinking agents of a host know of a run."""

    def __init__(
        self,
        agents: Sequence[Agent],
        conditions: Conditions,
        cognition: Cognition,
        social_agents: Collection[str] = (),
    ) -> None:
        """Start before the run's first event; `social_agents` perceive their tasks and questions."""
        self._agents = {agent.id: agent for agent in agents}
        self._conditions = conditions
        self._markets = conditions.markets(1)
        self._cognition = cognition
        self._holdings = Holdings(agents)
        self._holdings.open_period(agents, self._markets)
        self._orders = {
            resource: OwnOrders(self._agents, partial(self._trade, resource)) for resource in self._markets
        }
        self._social = SocialPerception(social_agents)
        self._clock = Ticked(period=1, tick_of_period=1)
        self._tick = 0
        self._limits: dict[str, Limits] | None = None
        self._last_cycles: dict[str, int] = {}
        self._unspent: list[tuple[str, int, str | None, int]] = []

    @property
    def clock(self) -> Ticked:
        """Newest tick and its place in its period."""
        return self._clock

    def evolve(self, addressed: AddressedEvent) -> None:
        """Fold one event of the run; events of other types change nothing."""
        match addressed.event.data:
            case Ticked() as ticked:
                self._open_tick(ticked, addressed.event.tick)
            case PeriodOpened():
                self._limits = None
                for orders in self._orders.values():
                    orders.open_period()
            case PeriodClosed(period=period):
                self._spend()
                self._holdings.close_period()
                self._open_period(period + 1)
            case Accepted(items=items) | Traded(items=items) | Cancelled(items=items):
                self._orders[entity_of(addressed.subject)].collect(items)
            case TickCleared() as cleared:
                self._orders[entity_of(addressed.subject)].clear(cleared)
            case LlmInvoked(items=items):
                token = self._cognition.resource
                own = (item for item in items if item.agent in self._agents)
                self._unspent.extend((item.agent, item.price, token, item.units) for item in own)
            case ToolCompleted(agent=agent) | ToolFailed(agent=agent) as paid if agent in self._agents:
                self._unspent.append((agent, paid.price, None, 0))
            case CognitiveCyclesCompleted(items=items):
                self._last_cycles |= {
                    item.agent: addressed.event.tick for item in items if item.agent in self._agents
                }
            case data:
                self._fold_social(data, addressed.event.tick)

    def agent(self, name: str) -> Agent:
        """Return an agent as it is in this period; raises KeyError for one of others."""
        return self._agents[name]

    def observe(self, agent: Agent) -> AgentObservation:
        """Return the observation of an agent; the units that its next thought needs depend on its prompt, and are 0 here."""
        bids = self._reserved_credits(agent.id)
        held = {resource: self.free_units(agent.id, resource) for resource in self._markets}
        token_resource = self._cognition.resource
        return AgentObservation(
            agent.id,
            self._tick,
            self._clock.period,
            self._clock.tick_of_period,
            self._holdings.balance(agent.id, CREDITS) - bids,
            bids,
            held,
            tuple(self._market(agent, market) for market in self._markets.values()),
            TokenSupply(token_resource, held[token_resource], 0) if token_resource else None,
            self._social.tasks(agent.id),
            self._social.questions(agent.id),
            self._last_cycles.get(agent.id, 0),
        )

    def free_credits(self, agent: str) -> int:
        """Return the credits of an agent that no bid reserves, micro-credits."""
        return self._holdings.balance(agent, CREDITS) - self._reserved_credits(agent)

    def free_units(self, agent: str, resource: str) -> int:
        """Return the units of an agent that none of its asks offers."""
        orders = self._orders[resource].open_orders(agent)
        asked = sum(order.quantity for order in orders if order.side is Side.ASK)
        return self._holdings.balance(agent, resource) - asked

    def own_orders(self, resource: str) -> OwnOrders:
        """Return the orders and trades of these agents on a market, to read."""
        return self._orders[resource]

    def limits(self) -> dict[str, Limits]:
        """Return resource → limits of the best buyer and the best seller among these agents.

        They are kept as long as none of them trades: a clock that ends periods by them asks at every tick.
        """
        if self._limits is None:
            self._limits = {
                resource: widest(self._agent_limits(market)) for resource, market in self._markets.items()
            }
        return self._limits

    def _reserved_credits(self, agent: str) -> int:
        return sum(
            required_amount(Side.BID, order.price, order.quantity, self._markets[resource].reserved_tax)
            for resource, own in self._orders.items()
            for order in own.open_orders(agent)
            if order.side is Side.BID
        )

    def _open_period(self, period: int) -> None:
        """Have the agents and markets of a period; the one before is settled."""
        self._limits = None
        if self._conditions.change:
            self._markets = self._conditions.markets(period)
            agents = self._conditions.agents(period)
            self._agents = {agent.id: agent for agent in agents if agent.id in self._agents}
            self._holdings.open_period(self._agents.values(), self._markets)

    def _agent_limits(self, market: Market) -> Iterable[Limits]:
        for agent in self._agents.values():
            side, worth = self._next_unit(agent, market.resource)
            yield limits_of(market, worth if side is Side.BID else None, worth if side is Side.ASK else None)

    def _next_unit(self, agent: Agent, resource: str) -> tuple[Side | None, int | None]:
        """Return the side of an agent's role on a market, and the value or cost of its next unit, net of tax."""
        roles = self._agents[agent.id].roles
        role = next((role for role in roles if role.resource == resource), None)
        if role is None:
            return None, None
        place, values = self._orders[resource].traded_units(agent.id), role.net_values
        return role.side, values[place] if place < len(values) else None

    def _market(self, agent: Agent, market: Market) -> ObservedMarket:
        own = self._orders[market.resource]
        side, value = self._next_unit(agent, market.resource)
        return ObservedMarket(
            market.resource,
            market.tick_size,
            market.price_min,
            market.price_max,
            market.lot_size,
            own.quote.bid,
            own.quote.ask,
            own.quote.last,
            side,
            value,
            own.traded_units(agent.id),
            own.open_orders(agent.id),
        )

    def _fold_social(self, data: object, tick: int) -> None:
        """Fold an event about questions and tasks, and the money of tasks."""
        if self._social.concerns(data):
            self._social.evolve(data, tick)
            if isinstance(data, TaskDelegated | TaskRefused | TaskOffered | TaskSettled):
                self._holdings.fold_task(data)

    def _open_tick(self, ticked: Ticked, tick: int) -> None:
        self._clock, self._tick = ticked, tick
        self._spend()

    def _spend(self) -> None:
        """Take the costs of earlier ticks' calls into account; those of this tick were not paid when it opened."""
        for agent, price, resource, units in self._unspent:
            self._holdings.spend(agent, price, resource, units)
        self._unspent.clear()

    def _trade(self, resource: str, trade: TradeExecuted) -> None:
        self._limits = None
        self._holdings.trade(resource, trade)
