"""The state of an order book between two batches, as its snapshot holds it. Pure.

`book.MarketBook` gives its state and takes one in; a book from a state and the batches after it is that from all batches.
"""

from __future__ import annotations

from dataclasses import dataclass

from econsim.domain.market.book_side import RestingOrder
from econsim.domain.market.settlement import Reservation
from econsim.schemas.market import OrderAccepted, OrderRejected, Quote


@dataclass(frozen=True, slots=True)
class BookState:
    """All that a book knows between two batches."""

    batch: int
    """Number of the newest batch."""
    last_sequence: int
    """Highest sequence of the order queue that the book took in."""
    quote: Quote
    """Best prices, and the last one."""
    period_closed: bool
    """True if the newest batch ended a period."""
    next_n: int
    """Number of the next item."""
    orders: tuple[RestingOrder, ...]
    """Open orders, oldest first."""
    reservations: tuple[Reservation, ...]
    """Their reservations."""
    accepted: tuple[OrderAccepted, ...]
    """Remembered answers to orders that were accepted, oldest first."""
    rejected: tuple[OrderRejected, ...]
    """Remembered answers to orders that were refused; apart, because to tell two classes from each other takes half the time of reading them."""
    older_ids: tuple[str, ...]
    """Ids of orders before those, oldest first."""
