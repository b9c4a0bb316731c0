"""The subject taxonomy: one table of every subject, and how to build, parse and validate one.

Grammar (architecture B1): `<domain>.<entity>.<action>.<run>[.<agent>]`. Events have four tokens,
commands, requests and deliveries five; the last token of a command or request is its sender.
Streams, the AsyncAPI catalog, server permissions and the docs page are generated from TABLE.
Imports the standard library and `errors`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from econsim.errors import InvalidSubject

DOMAINS: Final = ("agent", "market", "system", "mcp", "trace", "admin")
"""First tokens there are."""

TOKEN_LENGTH_MAX: Final = 64
"""Characters in a token: keeps subjects and bucket keys short enough to index."""

_TOKEN: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_PLACE: Final = re.compile(r"\{(\w+)\}")


class Kind(StrEnum):
    """What a message on a subject is."""

    EVENT = "event"
    """Past tense, four tokens, captured by `audit_log`."""
    COMMAND = "command"
    """Imperative, five tokens, captured by a work queue; the reply is the stream's PubAck."""
    REQUEST = "request"
    """Five tokens, captured by nothing, answered by a service."""
    DELIVERY = "delivery"
    """Five tokens, core NATS, from a service to the one agent in the last token."""
    OPERATOR = "operator"
    """`admin.<entity>.<action>.<operator>`: a request by a person, answered by a service."""


@dataclass(frozen=True, slots=True)
class Subject:
    """One row of the taxonomy."""

    template: str
    """Tokens, with `{name}` where a value goes."""
    kind: Kind
    """What travels on it."""
    owner: str
    """The service that publishes it (events, deliveries) or answers it (the rest)."""
    message: str
    """Class name of the payload's schema, in `econsim.schemas`."""
    reply: str = ""
    """Class name of the reply's schema, for requests."""
    stream: str = ""
    """The stream that captures it, if any."""
    description: str = ""
    """One sentence for the catalog."""

    def __call__(self, **values: str) -> str:
        """Build the concrete subject; raises InvalidSubject for a value that is not a token."""
        for name, value in values.items():
            token(value, name)
        return self.template.format(**values)

    def pattern(self, **values: str) -> str:
        """Build a NATS pattern: `*` for every place no value is given for."""
        for name, value in values.items():
            token(value, name)
        return _PLACE.sub(lambda place: values.get(place[1], "*"), self.template)

    @property
    def places(self) -> tuple[str, ...]:
        """Names of the template's variable tokens, in order."""
        return tuple(_PLACE.findall(self.template))

    @property
    def type(self) -> str:
        """The event type: first and third token, `market.trade_executed`."""
        parts = self.template.split(".")
        return f"{parts[0]}.{parts[2]}"


def token(value: str, name: str = "token") -> str:
    """Return the value if it may stand in a subject; raise InvalidSubject otherwise."""
    if not _TOKEN.fullmatch(value):
        message = f"{name} {value[:80]!r} is not a subject token; use 1 to 64 of a-z 0-9 _ -, a letter or digit first"
        raise InvalidSubject(message, field=name)
    return value


@dataclass(frozen=True, slots=True)
class Parsed:
    """A concrete subject taken apart."""

    domain: str
    """First token."""
    entity: str
    """Second token."""
    action: str
    """Third token."""
    run: str
    """Fourth token: run, correlation id; the operator for `admin`."""
    agent: str = ""
    """Fifth token: sender of a command or request, receiver of a delivery; empty for events."""


def parse(subject: str) -> Parsed:
    """Take a concrete subject apart; raises InvalidSubject if it is outside the grammar."""
    tokens = subject.split(".")
    if not 4 <= len(tokens) <= 5:
        message = f"subject {subject[:200]!r} has {len(tokens)} tokens; events have four, commands and requests five"
        raise InvalidSubject(message)
    if tokens[0] not in DOMAINS:
        message = f"subject {subject[:200]!r} starts with {tokens[0]!r}; the domains are {', '.join(DOMAINS)}"
        raise InvalidSubject(message)
    for part in tokens:
        token(part)
    return Parsed(*tokens)


def fields(subject: str) -> Parsed:
    """Take a subject the server delivered on one of our own patterns apart, without checks."""
    return Parsed(*subject.split("."))


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
)
"""Every subject there is."""
