"""Matching: what every market does with each action, and the four functions in which mechanisms differ.

Each action of a batch becomes items, in this order (`process`, `clear_window`, `close_period`):

| Action | Refused (`order_rejected`) if | Otherwise |
| --- | --- | --- |
| bid, ask | `refusal` | accepted; `match` |
| cancel | the order is not found, or another agent's | cancelled, `cancelled_by_agent` |
| replace | as a cancel; filled meanwhile; `refusal`; `meets_own` | accepted, old order cancelled `replaced_by_agent`; `match` |
| end of a window | never | `clear` |
| end of a period | never | every order cancelled, oldest first, `period_closed` |

`MECHANISMS` gives each mechanism its `refusal`, `match`, `meets_own` and `clear`. A new mechanism is a module of such
functions, a row in that table, and a word in `MechanismName`.

Self-trade prevention is one rule for all: when an incoming order would trade with an order of its own agent, the rest of
the incoming order is cancelled (`self_trade_prevented`). A replacement that would do so is refused instead, so
that its agent does not lose both orders.

A caller makes a `BatchItems` over the open orders of a market, passes it through the three functions, and takes the items
from it. Actions are valid, unique, and hold their reservations. Nothing else is kept: a crash loses no state that the
items of the past do not rebuild.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from econsim.domain.agent.random_draws import Draws
from econsim.domain.market import call_auction, continuous_double_auction, zi_double_auction
from econsim.domain.market.batch_items import BatchItems
from econsim.domain.market.book_side import ASK, BID, RestingOrder
from econsim.domain.market.open_orders import OpenOrders
from econsim.domain.market.order_terms import VERBS, order_id_of, required_amount
from econsim.schemas.orders import Action, Side, Verb
from econsim.schemas.scenario import Market, MechanismName

PLACE_BID: Final = Verb.BID
PLACE_ASK: Final = Verb.ASK
CANCEL: Final = Verb.CANCEL


@dataclass(frozen=True, slots=True)
class Mechanism:
    """The rules of one mechanism: plain functions over the open orders, without state of their own."""

    refusal: Callable[[OpenOrders, Action | RestingOrder, Side], str | None]
    """Reason why a new order may not enter now, as a sentence in snake case; none if it may."""
    match: Callable[[BatchItems, RestingOrder], None]
    """Trades or cancels an order that just entered; its remaining units rest."""
    meets_own: Callable[[OpenOrders, Action, Side], bool] = OpenOrders.crosses_own
    """Tells whether a new order would meet an order of its own agent when it matches."""
    may_refuse_limit_orders: bool = False
    """True if `refusal` may refuse a limit order of one unit."""
    clear: Callable[[BatchItems, Market, Draws], None] | None = None
    """Trades and cancels at the end of a window; none where orders match as they enter."""


MECHANISMS: Final[Mapping[MechanismName, Mechanism]] = {
    MechanismName.CONTINUOUS_DOUBLE_AUCTION: Mechanism(
        refusal=continuous_double_auction.post_only_refusal,
        match=continuous_double_auction.trade_best_first,
        meets_own=continuous_double_auction.reaches_own,
    ),
    MechanismName.ZI_DOUBLE_AUCTION: Mechanism(
        refusal=zi_double_auction.quote_refusal,
        match=zi_double_auction.trade_or_displace,
        may_refuse_limit_orders=True,
    ),
    MechanismName.CALL_AUCTION: Mechanism(
        refusal=call_auction.kind_refusal,
        match=call_auction.prevent_self_trade,
        clear=call_auction.trade_at_one_price,
    ),
}
"""Every mechanism that a scenario can name."""


def process(market: Market, batch: BatchItems, actions: Iterable[Action]) -> None:
    """Write the items of a batch's actions, in their order.

    The item of a refused replace names the new order, which never entered, and the old order stays; that of a refused
    cancel names the order to cancel.
    """
    mechanism = MECHANISMS[market.mechanism]
    tax = market.reserved_tax
    for action in actions:
        _process_action(mechanism, batch, action, tax)


def clear_window(market: Market, batch: BatchItems, draws: Draws) -> None:
    """Write the items at the end of a call auction's window; none under the other mechanisms."""
    if clear := MECHANISMS[market.mechanism].clear:
        clear(batch, market, draws)


def close_period(batch: BatchItems) -> None:
    """Cancel every open order at the end of a period, oldest first, reason `period_closed`."""
    for order in batch.orders.in_arrival_order():
        batch.cancel(order, "period_closed")


def _process_action(mechanism: Mechanism, batch: BatchItems, action: Action, tax: int) -> None:
    verb = action.verb
    if verb is PLACE_BID:
        return _place(mechanism, batch, action, BID)
    if verb is PLACE_ASK:
        return _place(mechanism, batch, action, ASK)
    if verb is CANCEL:
        return _cancel(batch, action)
    return _replace(mechanism, batch, action, tax)


def _place(mechanism: Mechanism, batch: BatchItems, action: Action, side: Side) -> None:
    code = mechanism.refusal(batch.orders, action, side)
    if code:
        batch.reject(action, code)
        return
    mechanism.match(batch, batch.accept(action, side))


def _cancel(batch: BatchItems, action: Action) -> None:
    order, code = _own_order(batch.orders, action)
    if order is None:
        batch.reject(action, code)
    else:
        batch.cancel(order, "cancelled_by_agent")


def _replace(mechanism: Mechanism, batch: BatchItems, action: Action, tax: int) -> None:
    """Put an order of the same side and type in another's stead, or leave that one as it is."""
    old, code = _own_order(batch.orders, action)
    if old is None:
        batch.reject(action, code)
        return
    new = Action(VERBS[old.side], action.agent, order_id_of(action), action.price, action.quantity, old.kind)
    refusal = _replace_refusal(mechanism, batch, old, new, tax)
    if refusal:
        batch.reject(action, refusal)
        return
    order = batch.accept(new, old.side, old.order_id)
    batch.cancel(old, "replaced_by_agent")
    mechanism.match(batch, order)


def _replace_refusal(
    mechanism: Mechanism, batch: BatchItems, old: RestingOrder, new: Action, tax: int
) -> str | None:
    """Return why an order may not be replaced, as a sentence in snake case; none if it may."""
    needed = required_amount(old.side, new.price, new.quantity, tax)
    if old.order_id in batch.filled and needed > required_amount(old.side, old.price, old.open, tax):
        # The reservation covers the difference to what the order needed before it was filled in this very batch.
        return "order_was_filled_meanwhile"
    if code := mechanism.refusal(batch.orders, new, old.side):
        return code
    return (
        "replacement_would_trade_with_own_order" if mechanism.meets_own(batch.orders, new, old.side) else None
    )


def _own_order(orders: OpenOrders, action: Action) -> tuple[RestingOrder | None, str]:
    """Return the order that an action names, or the refusal if there is none or it is another agent's."""
    order = orders.find(action.order_id)
    if order is None:
        return None, "order_not_found"
    if order.agent != action.agent:
        return None, "order_belongs_to_another_agent"
    return order, ""
