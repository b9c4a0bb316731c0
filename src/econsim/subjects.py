"""The subject taxonomy: one table of every subject there is.

Streams, the AsyncAPI catalog, server permissions and the docs page are generated from TABLE. What a
subject is made of is `grammar.py`'s.
"""

from __future__ import annotations

from typing import Final

from econsim.grammar import Kind, Subject

AUDIT: Final = "audit_log"
"""The stream of all events."""
ORDERS: Final = "market_orders"
"""The work queue of commands to markets."""

PLACE_BID: Final = Subject(
    "market.{resource}.place_bid.{run}.{agent}",
    Kind.COMMAND,
    "market",
    "PlaceBid",
    stream=ORDERS,
    description="Offer to buy; the reply is the durable PubAck, the outcome an event.",
)
PLACE_ASK: Final = Subject(
    "market.{resource}.place_ask.{run}.{agent}",
    Kind.COMMAND,
    "market",
    "PlaceAsk",
    stream=ORDERS,
    description="Offer to sell; the reply is the durable PubAck, the outcome an event.",
)
CANCEL_ORDER: Final = Subject(
    "market.{resource}.cancel_order.{run}.{agent}",
    Kind.COMMAND,
    "market",
    "CancelOrder",
    stream=ORDERS,
    description="Take one's own resting order off the book.",
)
REPLACE_ORDER: Final = Subject(
    "market.{resource}.replace_order.{run}.{agent}",
    Kind.COMMAND,
    "market",
    "ReplaceOrder",
    stream=ORDERS,
    description="Cancel one's own resting order and place another.",
)
PLACE_ORDERS: Final = Subject(
    "market.{resource}.place_orders.{run}.{agent}",
    Kind.COMMAND,
    "market",
    "PlaceOrders",
    stream=ORDERS,
    description="A trusted host's batch of its agents' actions for one tick.",
)
CLOSE_TICK: Final = Subject(
    "market.{resource}.close_tick.{run}.{agent}",
    Kind.COMMAND,
    "market",
    "CloseTick",
    stream=ORDERS,
    description="The clock's mark: every order of the tick lies before it in the queue.",
)

BID_ACCEPTED: Final = Subject(
    "market.{resource}.bid_accepted.{run}",
    Kind.EVENT,
    "market",
    "Accepted",
    stream=AUDIT,
    description="Bids that hold their reservation and entered the book.",
)
ASK_ACCEPTED: Final = Subject(
    "market.{resource}.ask_accepted.{run}",
    Kind.EVENT,
    "market",
    "Accepted",
    stream=AUDIT,
    description="Asks that hold their reservation and entered the book.",
)
ORDER_REJECTED: Final = Subject(
    "market.{resource}.order_rejected.{run}",
    Kind.EVENT,
    "market",
    "Rejected",
    stream=AUDIT,
    description="Orders, cancels and replaces the market refused, each with its reason.",
)
TRADE_EXECUTED: Final = Subject(
    "market.{resource}.trade_executed.{run}",
    Kind.EVENT,
    "market",
    "Traded",
    stream=AUDIT,
    description="Fills: units against credits.",
)
ORDER_CANCELLED: Final = Subject(
    "market.{resource}.order_cancelled.{run}",
    Kind.EVENT,
    "market",
    "Cancelled",
    stream=AUDIT,
    description="What was left of orders that came off the book.",
)
TICK_CLEARED: Final = Subject(
    "market.{resource}.tick_cleared.{run}",
    Kind.EVENT,
    "market",
    "TickCleared",
    stream=AUDIT,
    description="The end of a batch, with the public summary of the book.",
)
PRICE_UPDATED: Final = Subject(
    "market.{resource}.price_updated.{run}",
    Kind.EVENT,
    "market",
    "PriceUpdated",
    stream=AUDIT,
    description="A market's price; the server's broadcast of a write to bucket `market_prices`.",
)

ORDER_OUTCOME: Final = tuple(
    Subject(
        f"market.{{resource}}.{event.template.split('.')[2]}.{{run}}.{{agent}}",
        Kind.DELIVERY,
        "market",
        event.message,
        description=f"{event.description} Delivery to the one agent concerned.",
    )
    for event in (BID_ACCEPTED, ASK_ACCEPTED, ORDER_REJECTED, TRADE_EXECUTED, ORDER_CANCELLED)
)

TRANSFER_POSTED: Final = Subject(
    "market.ledger.transfer_posted.{run}",
    Kind.EVENT,
    "ledger",
    "TransferPosted",
    stream=AUDIT,
    description="A journal entry of applied transfers, sourced from bucket `agent_state`.",
)
TRANSFER_REFUSED: Final = Subject(
    "market.ledger.transfer_refused.{run}",
    Kind.EVENT,
    "ledger",
    "TransferRefused",
    stream=AUDIT,
    description="A journal entry of refused transfers, sourced from bucket `agent_state`.",
)

GET_PRICES: Final = Subject(
    "market.prices.get_prices.{run}.{agent}",
    Kind.REQUEST,
    "market",
    "GetPrices",
    "Prices",
    description="Public prices of all markets of the run.",
)
GET_BOOK: Final = Subject(
    "market.{resource}.get_book.{run}.{agent}",
    Kind.REQUEST,
    "market",
    "GetBook",
    "Book",
    description="Depth of one order book.",
)
EXECUTE: Final = Subject(
    "market.account.execute.{run}.{agent}",
    Kind.REQUEST,
    "market",
    "Execute",
    "Executed",
    description="Several reads and orders in one round trip.",
)
GET_BALANCE: Final = Subject(
    "market.account.get_balance.{run}.{agent}",
    Kind.REQUEST,
    "ledger",
    "GetBalance",
    "Balance",
    description="The asking agent's positions.",
)
SUBMIT: Final = Subject(
    "market.ledger.submit.{run}.{agent}",
    Kind.REQUEST,
    "ledger",
    "Submit",
    "Submitted",
    description="Apply chains of transfers; for services only.",
)

RUN_OPENED: Final = Subject(
    "system.run.opened.{run}", Kind.EVENT, "clock", "RunOpened", stream=AUDIT, description="A run began."
)
RUN_CLOSED: Final = Subject(
    "system.run.closed.{run}", Kind.EVENT, "clock", "RunClosed", stream=AUDIT, description="A run ended."
)
PERIOD_OPENED: Final = Subject(
    "system.clock.period_opened.{run}",
    Kind.EVENT,
    "clock",
    "PeriodOpened",
    stream=AUDIT,
    description="Endowments were dealt; a trading day begins.",
)
PERIOD_CLOSED: Final = Subject(
    "system.clock.period_closed.{run}",
    Kind.EVENT,
    "clock",
    "PeriodClosed",
    stream=AUDIT,
    description="Units were redeemed and costs paid; a trading day ended.",
)
TICKED: Final = Subject(
    "system.clock.ticked.{run}",
    Kind.EVENT,
    "clock",
    "Ticked",
    stream=AUDIT,
    description="A tick opened: every agent may act once.",
)
CYCLE_COMPLETED: Final = Subject(
    "agent.{agent}.cycle_completed.{run}",
    Kind.EVENT,
    "agent",
    "CycleCompleted",
    stream=AUDIT,
    description="A host's agents, or one outside agent, answered a tick.",
)

OPEN_RUN: Final = Subject(
    "admin.run.open.{operator}",
    Kind.OPERATOR,
    "clock",
    "OpenRun",
    "RunOpenedEvent",
    description="Start a run; its effect is `system.run.opened`.",
)

CLOSE_RUN: Final = Subject(
    "admin.run.close.{operator}",
    Kind.OPERATOR,
    "clock",
    "CloseRun",
    "RunClosedEvent",
    description="End a run where it is; its effect is `system.run.closed`.",
)

TABLE: Final = (
    PLACE_BID,
    PLACE_ASK,
    CANCEL_ORDER,
    REPLACE_ORDER,
    PLACE_ORDERS,
    CLOSE_TICK,
    BID_ACCEPTED,
    ASK_ACCEPTED,
    ORDER_REJECTED,
    TRADE_EXECUTED,
    ORDER_CANCELLED,
    TICK_CLEARED,
    PRICE_UPDATED,
    *ORDER_OUTCOME,
    TRANSFER_POSTED,
    TRANSFER_REFUSED,
    GET_PRICES,
    GET_BOOK,
    EXECUTE,
    GET_BALANCE,
    SUBMIT,
    RUN_OPENED,
    RUN_CLOSED,
    PERIOD_OPENED,
    PERIOD_CLOSED,
    TICKED,
    CYCLE_COMPLETED,
    OPEN_RUN,
    CLOSE_RUN,
)
"""Every subject there is."""
