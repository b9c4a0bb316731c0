"""Commands no book can take: kept as dead letters with their reason, their sender told, the queue free.

Used by the book's worker for what it cannot read, and by the janitor for what no book waits for.
"""

from __future__ import annotations

from typing import Final

from nats.aio.msg import Msg

from econsim.adapters.jetstream.dead_letters import bury
from econsim.domain.audit.envelope import Envelope
from econsim.domain.market.commands import readable_order_id
from econsim.domain.market.events import ACTOR, agent_event
from econsim.domain.market.order_terms import rejection
from econsim.errors import InvalidSubject, Refused
from econsim.schemas import subject
from econsim.schemas.market import OrderRejected
from econsim.schemas.orders import Action
from econsim.services.context import ServiceContext

ACK: Final = b"+ACK"
"""The acknowledgement, sent by hand: FastStream marks what it delivers from core NATS as acknowledged."""


async def set_aside(context: ServiceContext, message: Msg, error: Refused) -> None:
    """Bury a command with its reason, deliver an `order_rejected` to its sender, then acknowledge it."""
    await bury(context.jetstream, message, error, ACTOR)
    where = subject.fields(message.subject)
    unread = OrderRejected(0, readable_order_id(where, message.data), where.agent, error.error_code)
    await _tell(context, message, unread)
    await context.client.publish(message.reply, ACK)


async def turn_away(context: ServiceContext, message: Msg, action: Action, error: Refused) -> None:
    """Deliver an `order_rejected` to a command's sender, then acknowledge it: nothing is wrong with it but its number."""
    await _tell(context, message, rejection(0, action, error.error_code))
    await context.client.publish(message.reply, ACK)


async def _tell(context: ServiceContext, message: Msg, item: OrderRejected) -> None:
    """Tell the sender; one whose name cannot stand in a subject cannot be told."""
    where = subject.fields(message.subject)
    # Not in the log: the id only tells this delivery from others, and a repeat of it as one.
    envelope = Envelope(
        where.run, f"{context.service}.{message.metadata.sequence.stream}", 0, context.clock.now()
    )
    try:
        delivery = agent_event(envelope, where.entity, item, where.agent)
    except InvalidSubject:
        return
    await context.client.publish(delivery.subject, delivery.json())
