"""Terms of orders, read from an action and from the item that answers it. Pure.

An order id belongs to one set of terms: the same id with the same terms is a repeat (deduplication), with other terms a
conflict. A refusal keeps the terms of its action.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from econsim.schemas.immutable import immutable
from econsim.schemas.market import OrderAccepted, OrderRejected
from econsim.schemas.orders import Action, OrderKind, Side, Verb

SIDES: Final = {Verb.BID: Side.BID, Verb.ASK: Side.ASK}
"""Placing verb → side."""

VERBS: Final = {side: verb for verb, side in SIDES.items()}
"""Side → placing verb."""


@immutable
class InvalidAction(Action):
    """A wrong action of a host's batch: its market refuses it alone, and takes the other actions."""

    code: str = ""
    """The refusal as a sentence in snake case."""


class OrderTerms(NamedTuple):
    """The terms of one order id."""

    verb: Verb | None
    """Verb of the action; none if the command could not be read."""
    agent: str
    """Agent that placed the order."""
    price: int | None
    """Limit, micro-credits a unit."""
    quantity: int | None
    """Units of the order."""
    kind: OrderKind | None
    """Order type; none for a replace, which keeps that of its order."""
    replaces: str | None
    """Order that a replace names; none for any other verb."""


def order_id_of(action: Action) -> str:
    """Return the id of the order an action places; for a cancel, of the order it names."""
    return action.new_order_id or action.order_id


def action_terms(action: Action) -> OrderTerms:
    """Return the terms of an action that places an order."""
    replaces = action.verb is Verb.REPLACE
    kind, old = (None, action.order_id) if replaces else (action.kind, None)
    return OrderTerms(action.verb, action.agent, action.price, action.quantity, kind, old)


def item_terms(item: OrderAccepted | OrderRejected) -> OrderTerms:
    """Return the terms of the action that an item answers."""
    if isinstance(item, OrderRejected):
        return OrderTerms(item.verb, item.agent, item.price, item.quantity, item.kind, item.replaces)
    verb, kind = (Verb.REPLACE, None) if item.replaces else (VERBS[item.side], item.kind)
    return OrderTerms(verb, item.agent, item.price, item.quantity, kind, item.replaces)


def rejection(n: int, action: Action, code: str) -> OrderRejected:
    """Return the refusal of an action, with its terms as far as they can be read."""
    if isinstance(action, InvalidAction):
        return OrderRejected(n, action.order_id, action.agent, code)
    if action.verb is Verb.CANCEL:
        return OrderRejected(n, action.order_id, action.agent, code, Verb.CANCEL)
    _, _, price, quantity, kind, replaces = action_terms(action)
    return OrderRejected(
        n, order_id_of(action), action.agent, code, action.verb, price, quantity, kind, replaces
    )


def required_amount(side: Side, price: int, units: int, tax: int) -> int:
    """Return the amount to reserve for open units: micro-credits for a bid, with its tax a unit; units for an ask."""
    return (price + tax) * units if side is Side.BID else units
