"""Which actions a market takes in: grid, limits and duplicates, before any money is touched."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Final

from econsim.domain.intake import Unfit
from econsim.domain.mechanism import Mechanism
from econsim.schemas.market import OrderAccepted
from econsim.schemas.orders import Action, Side, Verb
from econsim.schemas.scenario import Market
from econsim.schemas.types import QUANTITY_MAX

ORDER_IDS_REMEMBERED_MAX: Final = 1_000_000
"""Order ids a book remembers to tell repeats: about 200 MB at the limit, hours of the fastest run."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What an order id stands for; the same id with other terms is another order."""

    agent: str
    """Whose."""
    side: Side | None
    """Bid or ask; none for a replace, whose side is the replaced order's."""
    price: int
    """Micro-credits a unit."""
    quantity: int
    """Units."""

    def same(self, other: Terms) -> bool:
        """Return whether both describe one order."""
        sides = self.side == other.side or None in (self.side, other.side)
        return sides and (self.agent, self.price, self.quantity) == (other.agent, other.price, other.quantity)


def side_of(verb: Verb) -> Side:
    """Return the side a placing verb is for."""
    return Side.BID if verb is Verb.BID else Side.ASK


def order_of(action: Action) -> str:
    """Return the id of the order an action places; for a cancel, of the order it names."""
    return action.new_order_id or action.order_id


def terms_of(action: Action) -> Terms:
    """Return what a placing action asks for."""
    side = None if action.verb is Verb.REPLACE else side_of(action.verb)
    return Terms(action.agent, side, action.price, action.quantity)


class Admission:
    """What one book has taken in, and what it refuses."""

    def __init__(self, market: Market, book: Mechanism) -> None:
        """Start with nothing remembered."""
        self._market = market
        self._book = book
        self._known: dict[str, Terms] = {}
        self._fresh: Counter[str] = Counter()
        self._fresh_total = 0

    def open_batch(self) -> None:
        """Forget what the batch before had admitted: it is on the book now."""
        self._fresh.clear()
        self._fresh_total = 0

    def repeats(self, action: Action) -> bool:
        """Return whether this very order was taken in before: doing it again does nothing."""
        if action.verb is Verb.CANCEL or isinstance(action, Unfit):
            return False
        known = self._known.get(order_of(action))
        return known is not None and known.same(terms_of(action))

    def refuse(self, action: Action) -> str | None:
        """Return why the action cannot be taken in, as a sentence in snake case; none if it can."""
        if isinstance(action, Unfit):
            return action.code
        if action.verb is Verb.CANCEL:
            return None
        if order_of(action) in self._known:
            return "order_id_exists_with_different_fields"
        return self._refuse_replace(action) or self._refuse_terms(action) or self._refuse_count(action)

    def side(self, action: Action) -> Side:
        """Return the side an admissible placing action is for."""
        if action.verb is not Verb.REPLACE:
            return side_of(action.verb)
        old = self._book.find(action.order_id)
        if old is None:
            raise KeyError(action.order_id)
        return old.side

    def admit(self, action: Action) -> None:
        """Remember an order that was taken in."""
        self._remember(order_of(action), terms_of(action))
        self._fresh[action.agent] += 1
        self._fresh_total += 1

    def evolve(self, item: OrderAccepted) -> None:
        """Remember an order of the past."""
        self._remember(item.order_id, Terms(item.agent, item.side, item.price, item.quantity))

    def _remember(self, order_id: str, terms: Terms) -> None:
        self._known[order_id] = terms
        if len(self._known) > ORDER_IDS_REMEMBERED_MAX:
            del self._known[next(iter(self._known))]

    def _refuse_replace(self, action: Action) -> str | None:
        """Refuse to replace what does not rest on the book: its side, so its reservation, is unknown."""
        if action.verb is not Verb.REPLACE:
            return None
        old = self._book.find(action.order_id)
        if old is None:
            return "order_not_found"
        return None if old.agent == action.agent else "order_belongs_to_another_agent"

    def _refuse_terms(self, action: Action) -> str | None:
        market = self._market
        if action.quantity < 1 or action.quantity % market.lot_size:
            return "quantity_is_not_a_multiple_of_the_lot_size"
        if action.quantity > QUANTITY_MAX:
            return "quantity_is_above_the_limit"
        if action.price % market.tick_size:
            return "price_is_not_a_multiple_of_the_tick_size"
        if not market.price_min <= action.price <= market.price_max:
            return "price_is_outside_the_limits_of_the_market"
        return None

    def _refuse_count(self, action: Action) -> str | None:
        market, freed = self._market, int(action.verb is Verb.REPLACE)
        if self._book.open_orders(action.agent) + self._fresh[action.agent] - freed >= market.open_orders_max:
            return "agent_has_too_many_open_orders"
        if len(self._book) + self._fresh_total - freed >= market.book_orders_max:
            return "order_book_is_full"
        return None
