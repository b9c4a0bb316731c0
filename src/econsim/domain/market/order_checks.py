"""Checks of a market's actions before any money is touched: price grid, limits and repeated ids.

Owns the memory by which a book is idempotent. The memory follows from the book's items alone, so a book that was rebuilt
from the log recognises the same repeats. Of older orders it keeps the ids: such an order, sent again, is refused.
"""

from __future__ import annotations

from collections import Counter, OrderedDict, deque
from collections.abc import Iterable
from operator import attrgetter
from typing import Final

from econsim.domain.market.open_orders import OpenOrders
from econsim.domain.market.order_terms import (
    SIDES,
    InvalidAction,
    OrderTerms,
    action_terms,
    item_terms,
    order_id_of,
    required_amount,
)
from econsim.schemas.immutable import immutable
from econsim.schemas.ledger import CHAINS_PER_SUBMISSION_MAX
from econsim.schemas.market import Item, OrderAccepted, OrderRejected
from econsim.schemas.orders import Action, Side, Verb
from econsim.schemas.scenario import Market
from econsim.schemas.types import QUANTITY_MAX

ANSWERS_REMEMBERED_MAX: Final = 5_000
"""Newest answers that a book remembers, to give them again: about 1.5 MB, and a snapshot of the book holds them all. Repeats come
seconds to minutes later."""

ORDER_IDS_REMEMBERED_MAX: Final = 200_000
"""Ids of older orders that a book refuses, about 20 MB: twice the chains that the ledger remembers. An id that a book forgets before
the ledger does would enter with a reservation that was resolved."""

ID_EXISTS: Final = "order_id_exists_with_different_fields"
"""Refusal of an action because another order has its id."""

Answer = OrderAccepted | OrderRejected
"""The first item about an order."""


@immutable
class ReplaceableOrder:
    """An order that a replace may name."""

    agent: str
    """Agent that placed the order."""
    side: Side
    """Side of the book: bid or ask."""
    reserved: int
    """Micro-credits (bid) or units (ask) reserved for the order."""


def terms_refusal(market: Market, price: int, quantity: int) -> str | None:
    """Return why a market takes no order of a price and quantity, as a sentence in snake case; none if it does."""
    if quantity < 1 or quantity % market.lot_size:
        return "quantity_is_not_a_multiple_of_the_lot_size"
    if quantity > QUANTITY_MAX:
        return "quantity_is_above_the_limit"
    if price % market.tick_size:
        return "price_is_not_a_multiple_of_the_tick_size"
    if not market.price_min <= price <= market.price_max:
        return "price_is_outside_the_limits_of_the_market"
    return None


class OrderChecks:
    """The answers one book has given, and the orders of the batch under way."""

    def __init__(self, market: Market, orders: OpenOrders) -> None:
        """Start with nothing remembered."""
        self.use(market)
        self._orders = orders
        # OrderedDict rather than dict: finding the first entry stays O(1) after many removals in front.
        self._answers: OrderedDict[str, Answer] = OrderedDict()
        self._older: deque[str] = deque()
        self._older_ids: set[str] = set()
        self._batch_terms: dict[str, OrderTerms] = {}
        self._placed: dict[str, ReplaceableOrder] = {}
        self._leaving: set[str] = set()
        self._added: Counter[str] = Counter()
        self._added_total = 0

    def use(self, market: Market) -> None:
        """Check by the rules of this period's market from the next batch on."""
        self._market, self._tax = market, market.reserved_tax

    def start_batch(self) -> None:
        """Forget the actions of the batch before; their answers stay remembered."""
        self._batch_terms.clear()
        self._placed.clear()
        self._leaving.clear()
        self._added.clear()
        self._added_total = 0

    def is_repeat(self, action: Action) -> bool:
        """Return whether this very order was asked for before: asking again changes nothing."""
        if action.verb is Verb.CANCEL or isinstance(action, InvalidAction):
            return False
        return self._known_terms(order_id_of(action)) == action_terms(action)

    def first_answer(self, order_id: str) -> Answer | None:
        """Return the answer to an order when it was first asked for; none if that is forgotten."""
        return self._answers.get(order_id)

    def check(self, action: Action) -> str | None:
        """Note the terms of an action; return why it is refused, as a sentence in snake case, none if it passes."""
        if isinstance(action, InvalidAction):
            return action.code
        if action.verb is Verb.CANCEL:
            return None
        order_id = order_id_of(action)
        # An order may rest for so long that its id is forgotten.
        if self._known_terms(order_id) or self._orders.find(order_id) or order_id in self._older_ids:
            return ID_EXISTS
        self._batch_terms[order_id] = action_terms(action)
        refusal = terms_refusal(self._market, action.price, action.quantity)
        return (
            self._replace_refusal(action)
            or refusal
            or self._tax_refusal(action)
            or self._room_refusal(action)
        )

    def admit(self, action: Action) -> tuple[Side, int]:
        """Admit an action that places an order; return the order's side and the amount to reserve before it enters.

        A replacement takes over its order's reservation, and reserves only what it needs beyond that.
        """
        old = self._replaceable(action.order_id) if action.verb is Verb.REPLACE else None
        side = old.side if old else SIDES[action.verb]
        needed = required_amount(side, action.price, action.quantity, self._tax)
        self._placed[order_id_of(action)] = ReplaceableOrder(action.agent, side, needed)
        if old is None:
            self._added[action.agent] += 1
            self._added_total += 1
        else:
            # Neither the order nor its replacement makes room: the replace may still be refused.
            self._leaving.update((action.order_id, order_id_of(action)))
        return side, max(0, needed - old.reserved) if old else needed

    def admit_cancel(self, action: Action) -> None:
        """Admit a cancel: it makes room for the orders after it, even if its order is filled first."""
        old = self._replaceable(action.order_id)
        if old and old.agent == action.agent and action.order_id not in self._leaving:
            self._leaving.add(action.order_id)
            self._added[action.agent] -= 1
            self._added_total -= 1

    def evolve(self, item: Item) -> None:
        """Remember an item as the answer to its order, unless the order had an answer before."""
        if not isinstance(item, OrderAccepted | OrderRejected) or item.order_id in self._answers:
            return
        if isinstance(item, OrderRejected) and (item.verb in (None, Verb.CANCEL) or item.code == ID_EXISTS):
            return
        self._answers[item.order_id] = item
        if len(self._answers) > ANSWERS_REMEMBERED_MAX:
            forgotten, _ = self._answers.popitem(last=False)
            self._older.append(forgotten)
            self._older_ids.add(forgotten)
            if len(self._older) > ORDER_IDS_REMEMBERED_MAX:
                self._older_ids.discard(self._older.popleft())

    def answers(self) -> tuple[tuple[OrderAccepted, ...], tuple[OrderRejected, ...]]:
        """Return the remembered answers that accept and those that refuse, oldest first."""
        answers = self._answers.values()
        return (
            tuple(each for each in answers if isinstance(each, OrderAccepted)),
            tuple(each for each in answers if isinstance(each, OrderRejected)),
        )

    def older_ids(self) -> tuple[str, ...]:
        """Return the ids of older orders, oldest first."""
        return tuple(self._older)

    def restore(self, answers: Iterable[Answer], older_ids: Iterable[str]) -> None:
        """Remember what another book's checks remembered; its answers were given in the order of their numbers."""
        in_order = sorted(answers, key=attrgetter("n"))
        self._answers = OrderedDict((answer.order_id, answer) for answer in in_order)
        self._older = deque(older_ids)
        self._older_ids = set(self._older)

    def __eq__(self, other: object) -> bool:
        """Return whether both remember the same answers and ids, in the same order."""
        if not isinstance(other, OrderChecks):
            return NotImplemented
        return (self._answers, self._older) == (other._answers, other._older)

    __hash__ = None  # type: ignore[assignment]  # the memory changes

    def _known_terms(self, order_id: str) -> OrderTerms | None:
        """Return the terms of the order with an id, in this batch or an earlier one; none if the id is new."""
        found = self._answers.get(order_id)
        return item_terms(found) if found else self._batch_terms.get(order_id)

    def _replaceable(self, order_id: str) -> ReplaceableOrder | None:
        """Return an order that rests, or that entered before in this batch as far as is known."""
        resting = self._orders.find(order_id)
        if resting is None:
            return self._placed.get(order_id)
        reserved = required_amount(resting.side, resting.price, resting.open, self._tax)
        return ReplaceableOrder(resting.agent, resting.side, reserved)

    def _replace_refusal(self, action: Action) -> str | None:
        """Refuse to replace an order that neither rests nor enters: its side, so its reservation, is unknown."""
        if action.verb is not Verb.REPLACE:
            return None
        old = self._replaceable(action.order_id)
        if old is None:
            return "order_not_found"
        return None if old.agent == action.agent else "order_belongs_to_another_agent"

    def _tax_refusal(self, action: Action) -> str | None:
        """Refuse an ask out of whose price its seller could not pay the tax."""
        if self._market.tax_of(Side.ASK) <= 0 or action.price >= self._market.ask_min:
            return None
        old = self._replaceable(action.order_id) if action.verb is Verb.REPLACE else None
        side = old.side if old else SIDES.get(action.verb)
        return "price_does_not_cover_the_tax" if side is Side.ASK else None

    def _room_refusal(self, action: Action) -> str | None:
        """Refuse an order that there is no room for; a replacement takes the room of its order."""
        market, more = self._market, int(action.verb is not Verb.REPLACE)
        if len(self._placed) >= CHAINS_PER_SUBMISSION_MAX:
            return "batch_has_too_many_orders"
        own = self._orders.open_order_count(action.agent) + self._added[action.agent]
        if own + more > market.open_orders_max:
            return "agent_has_too_many_open_orders"
        if len(self._orders) + self._added_total + more > market.book_orders_max:
            return "order_book_is_full"
        return None
