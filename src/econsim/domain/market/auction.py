"""What all mechanisms share: taking actions in order, cancelling and replacing.

Owns the refusals and reasons that are the same everywhere. A mechanism adds which orders it refuses
and what an accepted order does. Self-trade prevention is one rule for all: when an incoming order
would trade with an order of the same agent, what is left of the incoming one is cancelled. A replacement that
would is refused instead, so that its agent does not lose both.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Final, cast

from econsim.domain.agent.random_draws import Draws
from econsim.domain.market.book_side import ASK, BID
from econsim.domain.market.mechanism import RestingOrder
from econsim.domain.market.open_orders import OpenOrders
from econsim.domain.market.order_terms import VERBS, order_id_of, required_amount
from econsim.domain.market.transcript import Transcript
from econsim.schemas.market import Item, OrderCancelled
from econsim.schemas.orders import Action, Side, Verb

PLACE_BID: Final = Verb.BID
PLACE_ASK: Final = Verb.ASK
CANCEL: Final = Verb.CANCEL


class Auction(OpenOrders):
    """A market mechanism but for its own rules; implements `mechanism.Mechanism`."""

    def process(self, actions: Sequence[Action], n: int, draws: Draws, *, clear: bool) -> list[Item]:
        """Take the actions in order and return what happened, numbered from `n`.

        A refused action yields OrderRejected. For a refused replace it names the new order, which
        never entered, and the old one stays; for a refused cancel, the order that was asked for.
        """
        out = Transcript(self.evolve, n)
        for action in actions:
            self._take(action, out)
        if clear:
            self._clear(draws, out)
        return out.items

    def empty(self, n: int) -> list[OrderCancelled]:
        """Cancel every open order at the end of a period, oldest first, reason `period_closed`."""
        out = Transcript(self.evolve, n)
        for order in self.in_arrival_order():
            out.cancel(order, "period_closed")
        return cast("list[OrderCancelled]", out.items)

    @abstractmethod
    def _refuse(self, action: Action, side: Side) -> str | None:
        """Return why a new order may not enter now, as a sentence in snake case; none if it may."""

    @abstractmethod
    def _match(self, order: RestingOrder, out: Transcript) -> None:
        """Trade, rest or cancel an order that just entered."""

    def _clear(self, draws: Draws, out: Transcript) -> None:
        """End a window; nothing to do where orders match as they come."""

    def _take(self, action: Action, out: Transcript) -> None:
        verb = action.verb
        if verb is PLACE_BID:
            return self._place(action, BID, out)
        if verb is PLACE_ASK:
            return self._place(action, ASK, out)
        if verb is CANCEL:
            return self._cancel(action, out)
        return self._replace(action, out)

    def _place(self, action: Action, side: Side, out: Transcript) -> None:
        code = self._refuse(action, side)
        if code:
            out.reject(action, code)
            return
        out.accept(action, side)
        self._match(self._orders[action.order_id], out)

    def _cancel(self, action: Action, out: Transcript) -> None:
        order, code = self._own(action)
        if order is None:
            out.reject(action, code)
        else:
            out.cancel(order, "cancelled_by_agent")

    def _replace(self, action: Action, out: Transcript) -> None:
        """Put an order of the same side and type in another's stead, or leave that one as it is."""
        old, code = self._own(action)
        if old is None:
            out.reject(action, code)
            return
        new = Action(
            VERBS[old.side], action.agent, order_id_of(action), action.price, action.quantity, old.kind
        )
        refusal = self._refuse_replacement(old, new, out)
        if refusal:
            out.reject(action, refusal)
            return
        out.accept(new, old.side, old.order_id)
        out.cancel(old, "replaced_by_agent")
        self._match(self._orders[new.order_id], out)

    def _refuse_replacement(self, old: RestingOrder, new: Action, out: Transcript) -> str | None:
        """Return why an order may not be replaced, as a sentence in snake case; none if it may."""
        needed = required_amount(old.side, new.price, new.quantity)
        if old.order_id in out.filled and needed > required_amount(old.side, old.price, old.open):
            # Reserved is what it needs beyond what the order held before it was filled in this very batch.
            return "order_was_filled_meanwhile"
        if code := self._refuse(new, old.side):
            return code
        return "replacement_would_trade_with_own_order" if self._meets_own(new, old.side) else None

    def _meets_own(self, new: Action, side: Side) -> bool:
        """Return whether an order would meet one of its own agent's when it matches."""
        sign = 1 if side is BID else -1
        return any(
            own.side is not side and own.price * sign <= new.price * sign for own in self.of_agent(new.agent)
        )

    def _own(self, action: Action) -> tuple[RestingOrder | None, str]:
        """Return the order an action names, or why its agent may not touch it."""
        order = self.find(action.order_id)
        if order is None:
            return None, "order_not_found"
        if order.agent != action.agent:
            return None, "order_belongs_to_another_agent"
        return order, ""
