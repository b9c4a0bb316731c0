"""Rejection of commands that no book processes: the sender gets an `order_rejected`, and the queue goes on.

Used by a book's worker for unreadable commands and for orders over a quota, and by `stuck_orders` for commands that no
book waits for.
"""

from __future__ import annotations

from typing import Final

from nats.aio.msg import Msg

from econsim.adapters.jetstream.dead_letters import store_dead_letter
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
"""Payload of an acknowledgement, published by the service itself: FastStream marks messages from core NATS as acknowledged."""


async def dead_letter_command(context: ServiceContext, message: Msg, error: Refused) -> None:
    """Store a command as a dead letter with its reason, deliver an `order_rejected` to its sender, then acknowledge it."""
    await store_dead_letter(context.jetstream, message, error, ACTOR)
    where = subject.fields(message.subject)
    unread = OrderRejected(0, readable_order_id(where, message.data), where.agent, error.error_code)
    await _deliver_rejection(context, message, unread)
    await context.client.publish(message.reply, ACK)


async def reject_command(context: ServiceContext, message: Msg, action: Action, error: Refused) -> None:
    """Deliver an `order_rejected` to a valid command's sender, then acknowledge it; it is no dead letter."""
    await _deliver_rejection(context, message, rejection(0, action, error.error_code))
    await context.client.publish(message.reply, ACK)


async def _deliver_rejection(context: ServiceContext, message: Msg, item: OrderRejected) -> None:
    """Deliver a rejection to its sender, unless the name of the market cannot stand in a subject."""
    where = subject.fields(message.subject)
    # The rejection is not in the log: its id only distinguishes this delivery from others, and makes a repeat equal.
    envelope = Envelope(
        where.run, f"{context.service}.{message.metadata.sequence.stream}", 0, context.clock.now()
    )
    try:
        delivery = agent_event(envelope, where.entity, item, where.agent)
    except InvalidSubject:
        return
    await context.client.publish(delivery.subject, delivery.json())
