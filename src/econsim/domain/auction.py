"""What all mechanisms share: taking actions in order, cancelling and replacing.

Owns the refusals and reasons that are the same everywhere. A mechanism adds which orders it refuses
and what an accepted order does. Self-trade prevention is one rule for all: when an incoming order
would trade with an order of the same agent, what is left of the incoming one is cancelled.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Final, cast

from econsim.domain.book_side import ASK, BID
from econsim.domain.draws import Draws
from econsim.domain.mechanism import Resting
from econsim.domain.open_orders import OpenOrders
from econsim.domain.transcript import Transcript
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
    def _match(self, order: Resting, out: Transcript) -> None:
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
            out.reject(action.order_id, action.agent, code)
            return
        out.accept(action, side)
        self._match(self._orders[action.order_id], out)

    def _cancel(self, action: Action, out: Transcript) -> None:
        order, code = self._own(action)
        if order is None:
            out.reject(action.order_id, action.agent, code)
        else:
            out.cancel(order, "cancelled_by_agent")

    def _replace(self, action: Action, out: Transcript) -> None:
        new_id = action.new_order_id or action.order_id
        order, code = self._own(action)
        if order is None:
            out.reject(new_id, action.agent, code)
            return
        new = Action(action.verb, action.agent, new_id, action.price, action.quantity, action.kind)
        refusal = self._refuse(new, order.side)
        if refusal:
            out.reject(new_id, action.agent, refusal)
            return
        out.cancel(order, "replaced_by_agent")
        out.accept(new, order.side)
        self._match(self._orders[new_id], out)

    def _own(self, action: Action) -> tuple[Resting | None, str]:
        """Return the order an action names, or why its agent may not touch it."""
        order = self.find(action.order_id)
        if order is None:
            return None, "order_not_found"
        if order.agent != action.agent:
            return None, "order_belongs_to_another_agent"
        return order, ""
