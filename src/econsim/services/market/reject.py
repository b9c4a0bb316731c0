"""Commands no book can take: kept as dead letters with their reason, their sender told, the queue free.

Used by the book's worker for what it cannot read, and by the janitor for what no book waits for.
"""

from __future__ import annotations

from typing import Final

from nats.aio.msg import Msg

from econsim.adapters.jetstream.dead_letters import bury
from econsim.domain.audit.envelope import Stamp
from econsim.domain.market.commands import order_named
from econsim.domain.market.events import ACTOR, told
from econsim.domain.market.order_terms import rejection
from econsim.errors import InvalidSubject, Refused
from econsim.schemas import subject
from econsim.schemas.market import OrderRejected
from econsim.schemas.orders import Action
from econsim.services.context import Link

ACK: Final = b"+ACK"
"""The acknowledgement, sent by hand: FastStream marks what it delivers from core NATS as acknowledged."""


async def set_aside(link: Link, message: Msg, error: Refused) -> None:
    """Bury a command with its reason, deliver an `order_rejected` to its sender, then acknowledge it."""
    await bury(link.jetstream, message, error, ACTOR)
    where = subject.fields(message.subject)
    unread = OrderRejected(0, order_named(where, message.data), where.agent, error.error_code)
    await _tell(link, message, unread)
    await link.client.publish(message.reply, ACK)


async def turn_away(link: Link, message: Msg, action: Action, error: Refused) -> None:
    """Deliver an `order_rejected` to a command's sender, then acknowledge it: nothing is wrong with it but its number."""
    await _tell(link, message, rejection(0, action, error.error_code))
    await link.client.publish(message.reply, ACK)


async def _tell(link: Link, message: Msg, item: OrderRejected) -> None:
    """Tell the sender; one whose name cannot stand in a subject cannot be told."""
    where = subject.fields(message.subject)
    # Not in the log: the id only tells this delivery from others, and a repeat of it as one.
    stamp = Stamp(where.run, f"{link.service}.{message.metadata.sequence.stream}", 0, link.clock.now())
    try:
        delivery = told(stamp, where.entity, item, where.agent)
    except InvalidSubject:
        return
    await link.client.publish(delivery.subject, delivery.json())
