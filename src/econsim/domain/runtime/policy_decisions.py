"""The view of a market that a policy of one's own gets, in credits, and its decisions as actions, in micro-credits. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable
from decimal import Decimal
from functools import lru_cache
from typing import Final

from econsim.domain.agent.policy import (
    Ask,
    Bid,
    Cancel,
    CreditsLike,
    Decision,
    MarketObservation,
    OpenOrder,
    Replace,
    TapeEntry,
)
from econsim.domain.agent.population import Agent
from econsim.domain.audit.canonical_facts import Prices
from econsim.domain.cognition.observation import ObservedOrder
from econsim.schemas.market import Shout
from econsim.schemas.money import parse_credits, printed_value
from econsim.schemas.orders import Action, OrderKind, Side, Verb
from econsim.schemas.scenario import Market
from econsim.schemas.types import (
    MICROS_PER_CREDIT,
    NAME_LENGTH_MAX,
    ORDER_ID_LENGTH_MAX,
    PRICE_MAX,
    QUANTITY_MAX,
)

AMOUNTS_REMEMBERED_MAX: Final = 4_096
"""Amounts whose decimals are remembered: the agents of a run see the same prices."""

_ORDER_ID: Final = re.compile(r"([a-z0-9][a-z0-9_-]{0,47}\.)?[a-z0-9][a-z0-9_-]*")


class MarketObserver:
    """The views of one market for some agents."""

    def __init__(self, market: Market, agents: Iterable[Agent]) -> None:
        """Start without a tape."""
        self.change(market, agents)
        self._shouts: Callable[[], Iterable[Shout]] = tuple
        self._tape: tuple[TapeEntry, ...] | None = ()

    def change(self, market: Market, agents: Iterable[Agent]) -> None:
        """Have the market and the agents as they are in another period; the tape stays."""
        self._terms = (
            market.resource,
            credits_of(market.tick_size),
            credits_of(market.price_min),
            credits_of(market.price_max),
            market.lot_size,
            credits_of(market.tax_of(Side.BID)),
            credits_of(market.tax_of(Side.ASK)),
        )
        self._roles: dict[str, tuple[Side, tuple[Decimal, ...]]] = {
            agent.id: (role.side, tuple(map(credits_of, role.net_values)))
            for agent in agents
            for role in agent.roles
            if role.resource == market.resource
        }

    def clear(self, shouts: Callable[[], Iterable[Shout]]) -> None:
        """Take over the tape of a batch; it is read when somebody looks at the market."""
        self._shouts, self._tape = shouts, None

    def view(
        self, agent: str, prices: Prices, traded: int, units: int, orders: Iterable[ObservedOrder]
    ) -> MarketObservation:
        """Return what an agent sees at these best and last prices; `units` are those that it has and does not offer."""
        if self._tape is None:
            self._tape = tuple(
                TapeEntry(each.side, credits_of(each.price), each.traded) for each in self._shouts()
            )
        bid, ask, last = prices
        side, values = self._roles.get(agent, (None, ()))
        return MarketObservation(
            *self._terms,
            _credits_or_none(bid),
            _credits_or_none(ask),
            _credits_or_none(last),
            self._tape,
            side,
            values,
            traded,
            units,
            tuple(OpenOrder(o.order_id, o.side, credits_of(o.price), o.quantity) for o in orders),
        )


@lru_cache(maxsize=AMOUNTS_REMEMBERED_MAX)
def credits_of(micros: int) -> Decimal:
    """Return micro-credits as credits, exactly."""
    return Decimal(micros) / MICROS_PER_CREDIT


def _credits_or_none(micros: int | None) -> Decimal | None:
    return None if micros is None else credits_of(micros)


def action_of(decision: object, agent: str, order_id: str, markets: Collection[str]) -> tuple[str, Action]:
    """Return resource and action of a policy's decision, whose new order gets `order_id`.

    The market checks grid, limits, funds and owner, as those of a bot's order. Raises TypeError for what is no decision, ValueError for
    one that no bot could send: an unknown market, no amount of credits, a quantity or an id that no message may have.
    """
    if not isinstance(decision, Decision):
        message = f"{printed_value(decision)} is no decision; return Bid, Ask, Cancel, Replace or None"
        raise TypeError(message)
    if decision.resource not in markets:
        message = f"there is no market {printed_value(decision.resource)}; there are {', '.join(markets)}"
        raise ValueError(message)
    match decision:
        case Cancel():
            action = Action(Verb.CANCEL, agent, _known_id(decision.order_id))
        case Replace():
            action = Action(
                Verb.REPLACE,
                agent,
                _known_id(decision.order_id),
                _price(decision.price),
                _quantity(decision.quantity),
                new_order_id=order_id,
            )
        case Bid() | Ask():
            verb = Verb.BID if isinstance(decision, Bid) else Verb.ASK
            price, quantity = _price(decision.price), _quantity(decision.quantity)
            action = Action(verb, agent, order_id, price, quantity, _kind(decision.kind))
    return decision.resource, action


def _price(price: CreditsLike) -> int:
    micros = parse_credits(f"{price:f}" if isinstance(price, Decimal) else price)
    if not 0 <= micros <= PRICE_MAX:
        message = f"price {printed_value(price)} is outside 0 to {credits_of(PRICE_MAX):f} credits"
        raise ValueError(message)
    return micros


def _quantity(quantity: object) -> int:
    if isinstance(quantity, bool) or not isinstance(quantity, int) or not 1 <= quantity <= QUANTITY_MAX:
        message = f"quantity {printed_value(quantity)} is no whole number from 1 to {QUANTITY_MAX}"
        raise ValueError(message)
    return quantity


def _kind(kind: object) -> OrderKind:
    if not isinstance(kind, str) or kind not in [*OrderKind]:
        message = f"{printed_value(kind)} is no kind of order; write one of {', '.join(OrderKind)}"
        raise ValueError(message)
    return OrderKind(kind)


def _known_id(order_id: object) -> str:
    longest = NAME_LENGTH_MAX + 1 + ORDER_ID_LENGTH_MAX
    if not isinstance(order_id, str) or len(order_id) > longest or not _ORDER_ID.fullmatch(order_id):
        message = f"{printed_value(order_id)} is no id of an order"
        raise ValueError(message)
    return order_id
