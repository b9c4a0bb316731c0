"""Subjects of the market service."""

from __future__ import annotations

from typing import Final

from econsim.schemas.subject import Subject
from econsim.schemas.subject_rows import broadcast, command, delivery, event, request

__all__ = [
    "ALL_PRICES",
    "ASK_ACCEPTED",
    "BATCH_OPENED",
    "BID_ACCEPTED",
    "CANCEL_ORDER",
    "CLOSE_TICK",
    "EXECUTE",
    "GET_BOOK",
    "GET_PRICES",
    "ORDER_CANCELLED",
    "ORDER_OUTCOME",
    "ORDER_REJECTED",
    "PLACE_ASK",
    "PLACE_BID",
    "PLACE_ORDERS",
    "PRICE_UPDATED",
    "PUBLIC_SUMMARY",
    "REPLACE_ORDER",
    "RESOURCE_ALLOCATED",
    "TICK_CLEARED",
    "TRADE_EXECUTED",
    "TRADING_HALTED",
]


def _event(action: str, message: str, description: str, short: str = "") -> Subject:
    """Return an event of one market's book."""
    return event("market", f"market.{{resource}}.{action}", message, description, short)


PLACE_BID: Final = command("place_bid", "PlaceBid", "An admitted offer to buy.")
PLACE_ASK: Final = command("place_ask", "PlaceAsk", "An admitted offer to sell.")
CANCEL_ORDER: Final = command("cancel_order", "CancelOrder", "Cancel of an own resting order.")
REPLACE_ORDER: Final = command(
    "replace_order", "ReplaceOrder", "Replacement of an own resting order by another."
)
PLACE_ORDERS: Final = command("place_orders", "PlaceOrders", "Batch of a host's actions for one tick.")
CLOSE_TICK: Final = command(
    "close_tick",
    "CloseTick",
    "End of a tick, from the clock: every order of the tick lies before it in the queue.",
)
BATCH_OPENED: Final = _event(
    "batch_opened",
    "BatchOpened",
    "A real-time batch opened: its commands are fixed before any has an effect.",
)
BID_ACCEPTED: Final = _event("bid_accepted", "Accepted", "Bids have their reservation and entered the book.")
ASK_ACCEPTED: Final = _event("ask_accepted", "Accepted", "Asks have their reservation and entered the book.")
ORDER_REJECTED: Final = _event(
    "order_rejected",
    "Rejected",
    "Orders, cancels and replacements were refused by the market, each with its reason.",
)
TRADE_EXECUTED: Final = _event("trade_executed", "Traded", "Trades were executed: units against credits.")
ORDER_CANCELLED: Final = _event(
    "order_cancelled", "Cancelled", "Orders left the book, each with its open quantity."
)
RESOURCE_ALLOCATED: Final = event(
    "market",
    "system.{resource}.resource_allocated",
    "ResourceAllocated",
    "Agents bought units of the resource that thinking uses up.",
)
TICK_CLEARED: Final = _event("tick_cleared", "TickCleared", "A batch ended: its summary.")
TRADING_HALTED: Final = _event(
    "trading_halted", "TradingHalted", "A book stopped because it cannot settle; its run ends with it."
)
PRICE_UPDATED: Final = _event(
    "price_updated",
    "PriceUpdated",
    "A market's price after a batch, published once the batch is settled.",
    short="market.{resource}.price_updated",
)

ORDER_OUTCOME: Final = tuple(
    delivery(row, f"market.{row.action}.{{resource}}")
    for row in (BID_ACCEPTED, ASK_ACCEPTED, ORDER_REJECTED, TRADE_EXECUTED, ORDER_CANCELLED)
)
ALL_PRICES: Final = broadcast(
    "market",
    "market.prices.price_updated",
    "PriceUpdated",
    "Price of every market of a run on one subject, for all agents of the run.",
    "market.price_update",
)
PUBLIC_SUMMARY: Final = broadcast(
    "market",
    "market.{resource}.tick_cleared",
    "TickCleared",
    "End of a batch for all agents of the run: the event without its sequence in the queue of all runs.",
    "market.{resource}.tick_cleared",
)
GET_PRICES: Final = request(
    "market",
    "market.prices.get_prices",
    "GetPrices",
    "Prices",
    "Public prices of all markets of the run.",
    short="market.prices.get_prices",
)
GET_BOOK: Final = request(
    "market",
    "market.{resource}.get_book",
    "GetBook",
    "Book",
    "Depth of one order book.",
    short="market.{resource}.get_book",
)
EXECUTE: Final = request(
    "market",
    "market.account.execute_trade",
    "Execute",
    "Executed",
    "Several reads and orders in one round trip.",
    short="market.execute_trade",
)

COMMANDS: Final = (PLACE_BID, PLACE_ASK, CANCEL_ORDER, REPLACE_ORDER, PLACE_ORDERS, CLOSE_TICK)
"""Commands, in the order of the table."""

EVENTS: Final = (
    BATCH_OPENED,
    BID_ACCEPTED,
    ASK_ACCEPTED,
    ORDER_REJECTED,
    TRADE_EXECUTED,
    ORDER_CANCELLED,
    TICK_CLEARED,
    TRADING_HALTED,
    RESOURCE_ALLOCATED,
    PRICE_UPDATED,
)
"""Events, in the order of the table."""

DELIVERIES: Final = (*ORDER_OUTCOME, ALL_PRICES, PUBLIC_SUMMARY)
"""Deliveries and broadcasts, in the order of the table."""

REQUESTS: Final = (GET_PRICES, GET_BOOK, EXECUTE)
"""Requests, in the order of the table."""
