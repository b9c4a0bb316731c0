"""Tools of the economic service: prices, books, balances and orders."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Final

from pydantic import Field

from econsim.agents.toolset.membership import Membership
from econsim.agents.toolset.run import WAIT_MAX_S
from econsim.agents.toolset.tool import (
    AgentTool,
    CreditsText,
    Effect,
    NewOrder,
    NoArguments,
    Order,
    Resource,
    ToolArguments,
    Units,
    repeatable,
)
from econsim.schemas.execute import Receipt
from econsim.schemas.orders import OrderKind

_PLACED: Final = (
    " The receipt means that the order is stored. Its outcome (accepted, rejected, filled, cancelled) comes when the market "
    "has processed it: get_outcome, take_outcomes, wait_for_tick."
)


class PlaceOrderArguments(ToolArguments):
    """Arguments of `place_bid` and `place_ask`."""

    resource: Resource
    """Resource to buy or sell."""
    price: CreditsText
    """Limit in credits a unit."""
    quantity: Units = 1
    """Units of the order."""
    kind: OrderKind = OrderKind.LIMIT
    """Type of the order: what it may trade at once, and whether the rest stays in the book."""
    order_id: NewOrder = None
    """Id for the order."""


class CancelOrderArguments(ToolArguments):
    """Arguments of `cancel_order`."""

    resource: Resource
    """Resource of the market."""
    order_id: Order
    """Id of the order to cancel."""


class ReplaceOrderArguments(ToolArguments):
    """Arguments of `replace_order`."""

    resource: Resource
    """Resource of the market."""
    order_id: Order
    """Id of the order to replace."""
    price: CreditsText
    """Limit of the new order in credits a unit."""
    quantity: Units = 1
    """Units of the new order."""
    new_order_id: NewOrder = None
    """Id for the new order."""


class GetBookArguments(ToolArguments):
    """Arguments of `get_book`."""

    resource: Resource
    """Resource of the market."""
    levels: Annotated[int, Field(strict=True, ge=1, le=100)] = 10
    """Price levels of each side."""


class GetOutcomeArguments(ToolArguments):
    """Arguments of `get_outcome`."""

    order_id: Order
    """Id of the order."""
    wait_s: Annotated[float, Field(ge=0, le=WAIT_MAX_S)] = 10.0
    """Longest wait in seconds."""


async def get_prices(membership: Membership, _: NoArguments) -> object:
    """Return the prices of every market."""
    return await (await membership.session()).economy.get_prices()


async def get_book(membership: Membership, arguments: GetBookArguments) -> object:
    """Return the depth of a market."""
    return await (await membership.session()).economy.get_book(arguments.resource, arguments.levels)


async def get_balance(membership: Membership, _: NoArguments) -> object:
    """Return the agent's balances."""
    return await (await membership.session()).economy.get_balance()


async def place_bid(membership: Membership, order: PlaceOrderArguments) -> object:
    """Place a bid and return its receipt."""
    economy = (await membership.session()).economy
    return await _place(economy.place_bid, order, order.order_id or economy.new_order_id())


async def place_ask(membership: Membership, order: PlaceOrderArguments) -> object:
    """Place an ask and return its receipt."""
    economy = (await membership.session()).economy
    return await _place(economy.place_ask, order, order.order_id or economy.new_order_id())


async def _place(
    place: Callable[..., Awaitable[Receipt]], order: PlaceOrderArguments, order_id: str
) -> Receipt:
    with repeatable(order_id=order_id):
        return await place(order.resource, order.price, order.quantity, kind=order.kind, order_id=order_id)


async def cancel_order(membership: Membership, order: CancelOrderArguments) -> object:
    """Cancel an order and return the receipt."""
    return await (await membership.session()).economy.cancel_order(order.resource, order.order_id)


async def replace_order(membership: Membership, order: ReplaceOrderArguments) -> object:
    """Replace an order and return the receipt of the new one."""
    economy = (await membership.session()).economy
    id_ = order.new_order_id or economy.new_order_id()
    with repeatable(new_order_id=id_):
        return await economy.replace_order(
            order.resource, order.order_id, order.price, order.quantity, new_order_id=id_
        )


async def get_outcome(membership: Membership, arguments: GetOutcomeArguments) -> object:
    """Wait for the first outcome of an order and return it."""
    economy = (await membership.session()).economy
    return await economy.outcome(arguments.order_id, arguments.wait_s)


async def take_outcomes(membership: Membership, _: NoArguments) -> object:
    """Return the outcomes that arrived since the last call."""
    return {"outcomes": (await membership.session()).economy.take_outcomes()}


TOOLS: Final[tuple[AgentTool, ...]] = (  # type: ignore[type-arg]  # each has arguments of its own
    AgentTool(
        "get_prices",
        "Quote: best bid, best ask and last price of every market, in credits a unit; null for a price that there is not.",
        NoArguments,
        get_prices,
        Effect.READ,
    ),
    AgentTool(
        "get_book",
        "Order book of a market by price level, best prices first.",
        GetBookArguments,
        get_book,
        Effect.READ,
    ),
    AgentTool(
        "get_balance",
        "Your credits and units: owned, reserved by open orders, and available; what you owe, and net of it.",
        NoArguments,
        get_balance,
        Effect.READ,
    ),
    AgentTool(
        "place_bid",
        "Offer to buy up to `quantity` units at `price` credits a unit or less." + _PLACED,
        PlaceOrderArguments,
        place_bid,
    ),
    AgentTool(
        "place_ask",
        "Offer to sell up to `quantity` units at `price` credits a unit or more." + _PLACED,
        PlaceOrderArguments,
        place_ask,
    ),
    AgentTool(
        "cancel_order",
        "Take an order of yours off the book." + _PLACED,
        CancelOrderArguments,
        cancel_order,
        Effect.IDEMPOTENT,
    ),
    AgentTool(
        "replace_order",
        "Replace an order of yours by one with another price or quantity, on the same side." + _PLACED,
        ReplaceOrderArguments,
        replace_order,
    ),
    AgentTool(
        "get_outcome",
        "First outcome of an order of yours, accepted or rejected. In lock-step it comes when the tick has closed: call "
        "wait_for_tick instead.",
        GetOutcomeArguments,
        get_outcome,
        Effect.READ,
    ),
    AgentTool(
        "take_outcomes",
        "Outcomes of your orders that arrived since the last call, each returned once.",
        NoArguments,
        take_outcomes,
    ),
)
"""Tools of the economic service."""
