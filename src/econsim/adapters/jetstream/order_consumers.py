"""Consumers of the order queue as data, with the reason for each limit; the only place that declares them."""

from __future__ import annotations

from typing import Final

from econsim.schemas.stream import Consumer
from econsim.streams import QUEUE_MESSAGES_MAX, book_commands
from econsim.subjects import ORDERS

MARKET_INBOX: Final = "_INBOX.market"
"""Prefix of the subjects of the queue's deliveries: only the market service may subscribe there."""

BOOK_ACK_WAIT_S: Final = 300
"""Seconds until an unacknowledged command is redelivered. Long, because a worker keeps the commands of a tick
unacknowledged until the tick is cleared; a worker that takes a book over creates the consumer again and gets them at once."""


def book_name(run: str, resource: str) -> str:
    """Return the name of a book's consumer; the capitals, which no name contains, separate run and resource."""
    return f"book_{resource}_OF_{run}"


def book_consumer(run: str, resource: str, holder: str = "any") -> Consumer:
    """Return the consumer that feeds one order book of one run.

    `holder` is a new name for every take-over. Deliveries go to a subject of that name, so a worker never receives
    deliveries for the worker before it (fencing): commands would arrive out of order, with the command that closes a
    tick ahead of the tick's orders, or at two workers at once.
    """
    name = book_name(run, resource)
    return Consumer(
        stream=ORDERS,
        name=name,
        why="Feeds one order book; one worker at a time, by lease.",
        filter_subject=book_commands(run, resource),
        deliver_subject=f"{MARKET_INBOX}.{name}.{holder}",
        ack_wait_s=BOOK_ACK_WAIT_S,
        # The whole queue: commands stay unacknowledged until their tick is closed, and with a lower limit the
        # server would not deliver the message that closes it.
        max_ack_pending=QUEUE_MESSAGES_MAX,
        # A command is refused with an event, never given up without one.
        max_deliver=-1,
    )


STUCK_ACK_WAIT_S: Final = 30
"""Seconds until a stuck command that a sweep received and did not turn into a dead letter is delivered again."""

STUCK_PENDING_MAX: Final = 1_000
"""Stuck commands under way at once: a queue full of them must not fill the sweep's memory."""


def stuck_consumer(run: str, resource: str, holder: str) -> Consumer:
    """Return the consumer of commands that have no book.

    `holder` is a new name for every consumer. The consumer is named after it alone, because run and resource come
    from the sender of the commands.
    """
    name = f"stuck_{holder}"
    return Consumer(
        stream=ORDERS,
        name=name,
        why="Moves commands without a book to the dead letters; created when some are found.",
        filter_subject=book_commands(run, resource),
        deliver_subject=f"{MARKET_INBOX}.{name}",
        ack_wait_s=STUCK_ACK_WAIT_S,
        max_ack_pending=STUCK_PENDING_MAX,
        max_deliver=-1,
    )
