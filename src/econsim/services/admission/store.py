"""Store admitted messages: orders and calls of tools in their queues, reports in the log; idempotent by message id.

The id of an order is `<run>.<agent>.<command_id>`, the id of a report is the id of its event. Both streams deduplicate by
message id for ten minutes. The same id with another content is a conflict: this worker knows the commands it sent
itself (`CommandIds`); a command that another worker stored is compared in the queue, as long as it waits there. Calls of tools are not deduplicated by their queue: the gateway knows a repeat by its receipt, and a repeat has it
send the reply again.
"""

from __future__ import annotations

import asyncio
from typing import Final, NamedTuple

import nats.errors
import nats.js.errors
from nats.js.api import PubAck

from econsim.adapters.clock import random_id
from econsim.adapters.jetstream.queue_depth import RETRY_MS
from econsim.domain.admission.command_ids import CommandIds
from econsim.domain.admission.orders import AdmittedOrder, stored_content
from econsim.domain.admission.tool_calls import AdmittedCall
from econsim.domain.audit.envelope import DIGEST, AddressedEvent, digest, message_number
from econsim.errors import Conflict, Unavailable
from econsim.schemas.admission import Admitted
from econsim.schemas.subject import Parsed
from econsim.services.context import ServiceContext

STORE_TIMEOUT_S: Final = 5.0
"""Longest wait for a stream's acknowledgement; then the outcome is unknown, and the agent is told so."""


class PendingStore(NamedTuple):
    """A message that was sent to its stream and is not acknowledged yet."""

    subject: str
    """Subject of the message in its stream."""
    message_id: str
    """Id of the message, of which its receipt has the number."""
    acknowledgement: asyncio.Future[PubAck]
    """Acknowledgement of the stream."""
    new_order: AdmittedOrder | None = None
    """Order whose command id this worker did not know before; None for a repeat or a report."""


class AdmissionStore:
    """Streams of admitted messages, for one worker."""

    def __init__(self, context: ServiceContext, command_ids: CommandIds) -> None:
        """Store over the context's connection."""
        self._client, self._jetstream = context.client, context.jetstream
        self._command_ids = command_ids

    async def send_order(self, where: Parsed, order: AdmittedOrder, payload: bytes) -> PendingStore:
        """Send an order to its market's queue; raises Conflict if its command id has another content."""
        message_id = f"{where.run}.{where.agent}.{order.command_id}"
        is_known = message_id in self._command_ids
        if not self._command_ids.remember(message_id, order.content):
            raise _command_id_conflict(order)
        pending = await self._send(order.subject, payload, message_id)
        return pending if is_known else pending._replace(new_order=order)

    async def send_report(self, addressed: AddressedEvent, payload: bytes) -> PendingStore:
        """Send the event of a report to the log."""
        return await self._send(addressed.subject, payload, addressed.event.event_id)

    async def send_call(self, call: AdmittedCall, payload: bytes) -> PendingStore:
        """Send a call of a tool to the gateway's queue, each time as a message of its own."""
        pending = await self._send(call.subject, payload, random_id())
        return pending._replace(message_id=call.receipt)

    async def confirm(self, pending: PendingStore) -> Admitted:
        """Wait until a message is stored; return the receipt for the agent.

        Raises Conflict if another order is stored under the command id, Unavailable if the outcome is unknown.
        """
        try:
            ack = await asyncio.wait_for(pending.acknowledgement, STORE_TIMEOUT_S)
            if ack.duplicate and pending.new_order:
                await self._compare(pending.new_order, pending.message_id, ack.seq)
        except (TimeoutError, nats.errors.Error, nats.js.errors.Error) as error:
            raise _outcome_is_unknown(pending.subject) from error
        return Admitted(
            stream=ack.stream, seq=message_number(pending.message_id), duplicate=bool(ack.duplicate)
        )

    async def _compare(self, order: AdmittedOrder, message_id: str, sequence: int) -> None:
        """Compare an order with the one that another worker stored under its command id, if that still waits."""
        try:
            stored = await self._jetstream.get_msg(order.queue, sequence)
        except nats.js.errors.NotFoundError:
            return
        if stored_content(stored.subject or "", stored.data or b"") != order.content:
            self._command_ids.forget(message_id)
            raise _command_id_conflict(order)

    async def _send(self, subject: str, payload: bytes, message_id: str) -> PendingStore:
        if not self._client.is_connected:
            # The library would wait for ever for a message that overflows the client's buffer.
            raise _outcome_is_unknown(subject)
        try:
            headers = {"Nats-Msg-Id": message_id, DIGEST: digest(subject, payload)}
            acknowledgement = await self._jetstream.publish_async(subject, payload, headers=headers)
        except (nats.errors.Error, nats.js.errors.Error) as error:
            raise _outcome_is_unknown(subject) from error
        return PendingStore(subject, message_id, acknowledgement)


def _command_id_conflict(order: AdmittedOrder) -> Conflict:
    message = (
        f"command_id {order.command_id!r} stands for another command; each command needs an id of its own"
    )
    return Conflict(message, code="command_id_exists_with_different_fields")


def _outcome_is_unknown(subject: str) -> Unavailable:
    message = f"the stream did not acknowledge {subject}; it may or may not be stored: send it again as it is"
    return Unavailable(message, code="outcome_is_unknown", retry_after_ms=RETRY_MS)
