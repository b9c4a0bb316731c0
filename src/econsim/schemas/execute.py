"""Several reads and orders in one round trip: the request `execute_trade` and its answer."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from econsim.schemas.base import Message, Request
from econsim.schemas.orders import OrderKind
from econsim.schemas.types import Name, OrderId, Whole

Action = Literal["get_balance", "get_prices", "get_book", "place_bid", "place_ask", "cancel_order"]
"""Names of the actions of `execute_trade`."""


class Terms(Message):
    """The terms of an action."""

    resource: Name | None = None
    """Market of the action; not for `get_balance` and `get_prices`."""
    order_id: OrderId | None = None
    """Id of the order; for orders and cancels."""
    price: Whole | None = None
    """Limit, micro-credits a unit; for orders."""
    quantity: Whole | None = None
    """Units; for orders."""
    kind: OrderKind = OrderKind.LIMIT
    """Order type; for orders."""


class Step(Terms):
    """One action with its terms."""

    do: Action
    """Name of the action."""


class Execute(Request):
    """Ask for several reads and orders in one round trip."""

    actions: tuple[Action | Step, ...] = Field(min_length=1, max_length=20)
    """Actions in the order they are done; reads see the state before the orders of this request are processed."""
    bid_params: Terms | None = None
    """Terms of a `place_bid` that is given by its name alone."""
    ask_params: Terms | None = None
    """Terms of a `place_ask` that is given by its name alone."""
    cancel_params: Terms | None = None
    """Terms of a `cancel_order` that is given by its name alone."""

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
    """The receipt of a command that was stored: its market will process it once."""

    order_id: OrderId
    """Id of the order; for a replace, of the new one."""
    duplicate: bool = False
    """True if the queue had this very command before."""
    waited_ms: int = 0
    """Milliseconds that its sender waited, for a quota or a full queue (backpressure)."""


class Executed(Message):
    """The results of the actions."""

    results: tuple[dict[str, object], ...]
    """Results in the order of the actions: a balance, prices, book or receipt; `{"error": …}` for a refused action."""
