"""A policy as an external agent: `play` joins a run and has the same object decide that hosts run."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from decimal import Decimal
from pathlib import Path
from typing import TypedDict, Unpack

from nats.aio.msg import Msg
from pydantic import ValidationError

from econsim import subjects
from econsim.adapters.nats.connection import synchronize
from econsim.agents.outcomes import Outcome, OutcomeKind
from econsim.agents.session import AgentSession, Tick, join
from econsim.agents.views import MarketRole, PriceQuote, credits_of
from econsim.domain.agent.conditions import Conditions
from econsim.domain.agent.policy import (
    Ask,
    Bid,
    Cancel,
    Decision,
    MarketObservation,
    Observation,
    OpenOrder,
    Policy,
    Replace,
    TapeEntry,
)
from econsim.domain.agent.random_draws import Draws
from econsim.errors import Refused
from econsim.identity.agent_account import short_pattern
from econsim.schemas.base import Event
from econsim.schemas.market import TickCleared
from econsim.schemas.orders import Side
from econsim.schemas.scenario import Market, Scenario
from econsim.schemas.subject import entity_of


class Place(TypedDict, total=False):
    """Place of the run, as `join` takes it."""

    state: Path | str | None
    """State directory whose server it is."""
    nats: str | None
    """URL of the server."""
    creds: Path | str | None
    """Credentials of the agent."""
    wait_s: float
    """Seconds to wait for credentials and run."""


async def play(policy: Policy, run: str, agent: str, scenario: Scenario, **place: Unpack[Place]) -> Decimal:
    """Have a policy decide for an external agent until the run closes; return what the agent earned, credits.

    `scenario` is that of the run: nobody tells external agents a market's grid and limits. `ticks_per_period` is its, too. An order
    that is refused is left out, as a market leaves it out; whatever else `join` and its session raise is raised, and what the policy
    raises. Draws are random by run, agent and tick, because the run's seed is not told.
    """
    async with join(run, agent, **place) as me:
        player = _PolicyPlayer(policy, me, scenario)
        async with player.listening():
            async for tick in me.ticks():
                await player.answer(tick)
        return await me.earnings()


class _PolicyPlayer:
    """One agent's policy, and what it knows of its orders and of the tape."""

    def __init__(self, policy: Policy, me: AgentSession, scenario: Scenario) -> None:
        self._policy = policy
        self._me = me
        self._conditions = Conditions(scenario)
        self._markets = tuple(market.resource for market in scenario.markets)
        self._period = 0
        self._present = True
        self._sides: dict[str, Side] = {}
        self._replaced: dict[str, str] = {}
        self._open: dict[str, dict[str, OpenOrder]] = {resource: {} for resource in self._markets}
        self._traded = dict.fromkeys(self._markets, 0)
        self._tapes: dict[str, tuple[TapeEntry, ...]] = {}

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Receive the tapes of all markets for the time of the context."""
        client = self._me.connection
        subscription = await client.subscribe(
            short_pattern(subjects.PUBLIC_SUMMARY, self._me.agent), cb=self._receive
        )
        await synchronize(client)
        try:
            yield
        finally:
            if not client.is_closed:
                await subscription.unsubscribe()

    async def answer(self, tick: Tick) -> None:
        """Send what the policy decides at a tick."""
        for outcome in self._me.economy.take_outcomes():
            self._note(outcome)
        if tick.period != self._period:
            self._open_period(tick.period)
        if not self._present:
            return
        see = await self._observe(tick)
        for decision in self._policy.act(see, Draws(self._me.run, "policy", self._me.agent, tick.number)):
            if decision is not None:
                with suppress(Refused):
                    await self._send(decision)

    async def _observe(self, tick: Tick) -> Observation:
        wallet, prices = await self._me.economy.get_balance(), await self._me.economy.get_prices()
        markets: Mapping[str, MarketObservation] = {
            resource: self._market(market, wallet.units(resource).available, prices[resource])
            for resource, market in self._conditions.markets(tick.period).items()
        }
        return Observation(
            self._me.agent,
            tick.number,
            tick.period,
            tick.tick_of_period,
            wallet.credits.available,
            markets,
            self._conditions.clock(tick.period).ticks_per_period,
        )

    def _market(self, market: Market, units: int, prices: PriceQuote) -> MarketObservation:
        role = self._me.values.get(market.resource)
        return MarketObservation(
            market.resource,
            credits_of(market.tick_size),
            credits_of(market.price_min),
            credits_of(market.price_max),
            market.lot_size,
            credits_of(market.tax_of(Side.BID)),
            credits_of(market.tax_of(Side.ASK)),
            prices.bid,
            prices.ask,
            prices.last,
            self._tapes.get(market.resource, ()),
            role.side if role else None,
            _net_values(role) if role else (),
            self._traded[market.resource],
            units,
            tuple(self._open[market.resource].values()),
        )

    async def _send(self, decision: Decision) -> None:
        economy, resource = self._me.economy, decision.resource
        match decision:
            case Bid():
                sent = await economy.place_bid(
                    resource, decision.price, decision.quantity, kind=decision.kind
                )
                self._sides[sent.order_id] = Side.BID
            case Ask():
                sent = await economy.place_ask(
                    resource, decision.price, decision.quantity, kind=decision.kind
                )
                self._sides[sent.order_id] = Side.ASK
            case Cancel():
                await economy.cancel_order(resource, decision.order_id)
            case Replace():
                sent = await economy.replace_order(
                    resource, decision.order_id, decision.price, decision.quantity
                )
                if decision.order_id in self._sides:
                    self._sides[sent.order_id] = self._sides[decision.order_id]
                    self._replaced[sent.order_id] = decision.order_id

    def _note(self, outcome: Outcome) -> None:
        """Take over an outcome of an order."""
        orders, order_id = self._open[outcome.resource], outcome.order_id
        match outcome.kind:
            case OutcomeKind.ACCEPTED if outcome.price is not None and order_id in self._sides:
                side = self._sides[order_id]
                orders.pop(self._replaced.pop(order_id, ""), None)
                orders[order_id] = OpenOrder(order_id, side, outcome.price, outcome.quantity)
            case OutcomeKind.FILLED:
                self._traded[outcome.resource] += outcome.quantity
                found = orders.pop(order_id, None)
                if found and found.quantity > outcome.quantity:
                    left = found.quantity - outcome.quantity
                    orders[order_id] = OpenOrder(order_id, found.side, found.price, left)
            case OutcomeKind.CANCELLED:
                orders.pop(order_id, None)
            case _:
                pass

    def _open_period(self, period: int) -> None:
        """Forget the period before, whose books were emptied, and look whether the agent is there in this one."""
        self._period = period
        self._present = next(
            (each.present for each in self._conditions.agents(period) if each.id == self._me.agent), True
        )
        self._traded = dict.fromkeys(self._markets, 0)
        self._sides.clear()
        self._replaced.clear()
        for orders in self._open.values():
            orders.clear()

    async def _receive(self, message: Msg) -> None:
        with suppress(ValidationError):
            cleared = Event[TickCleared].model_validate_json(message.data).data
            self._tapes[entity_of(message.subject)] = tuple(
                TapeEntry(each.side, credits_of(each.price), each.traded) for each in cleared.tape
            )


def _net_values(role: MarketRole) -> tuple[Decimal, ...]:
    """Return the price at which each unit is worth nothing more: its value less the tax, or its cost with the tax."""
    tax = -role.tax if role.side is Side.BID else role.tax
    return tuple(value + tax for value in role.values) if tax else role.values
