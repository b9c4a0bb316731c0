"""Several reads and orders in one round trip: what `execute_trade` is asked and answers (seed 5.2)."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from econsim.schemas.base import Message, Request
from econsim.schemas.orders import OrderKind
from econsim.schemas.types import Name, OrderId, Whole

Action = Literal["get_balance", "get_prices", "get_book", "place_bid", "place_ask", "cancel_order"]
"""What `execute_trade` can do."""


class Terms(Message):
    """What an action is about."""

    resource: Name | None = None
    """On which market; not for `get_balance` and `get_prices`."""
    order_id: OrderId | None = None
    """For orders and cancels."""
    price: Whole | None = None
    """For orders."""
    quantity: Whole | None = None
    """For orders."""
    kind: OrderKind = OrderKind.LIMIT
    """For orders."""


class Step(Terms):
    """One action with its terms."""

    do: Action
    """What to do."""


class Execute(Request):
    """Several reads and orders in one round trip, in the seed's words (5.2)."""

    actions: tuple[Action | Step, ...] = Field(min_length=1, max_length=20)
    """Done in order; reads see the state before the orders of this request are processed."""
    bid_params: Terms | None = None
    """Terms of a `place_bid` that is its name alone."""
    ask_params: Terms | None = None
    """Terms of a `place_ask` that is its name alone."""
    cancel_params: Terms | None = None
    """Terms of a `cancel_order` that is its name alone."""

    @property
    def steps(self) -> tuple[Step, ...]:
        """Every action with its terms."""
        named = {
            "place_bid": self.bid_params,
            "place_ask": self.ask_params,
            "cancel_order": self.cancel_params,
        }
        return tuple(
            action if isinstance(action, Step) else Step(do=action, **dict(named.get(action) or Terms()))
            for action in self.actions
        )


class Receipt(Message):
    """A command was stored: its market will take it in, once."""

    order_id: OrderId
    """The order it is about; for a replace, the new one."""
    duplicate: bool = False
    """Whether the queue had this very command before."""
    waited_ms: int = 0
    """Milliseconds its sender was held back, over a quota or before a full queue."""


class Executed(Message):
    """One result an action, in order."""

    results: tuple[dict[str, object], ...]
    """A balance, prices, book or receipt; or `{"error": …}` for an action that was refused."""
