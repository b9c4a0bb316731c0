"""A FastStream broker that always stops: also without its server, and within STOP_S."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from types import TracebackType
from typing import Final

import nats.errors
from faststream.exceptions import IncorrectState
from faststream.nats import NatsBroker
from nats.aio.client import Client

from econsim.adapters.cancellation import CANCEL_AGAIN_S, CANCEL_S, cancel_until_done

STOP_S: Final = 8.0
"""Seconds that handlers and received messages may take to be finished; then the connection is closed over them."""

BROKER_LOG: Final = logging.getLogger("econsim.broker")
"""FastStream's log. Its default one has a line for every message and every stop."""

_log = logging.getLogger(__name__)


def _is_failure(record: logging.LogRecord) -> bool:
    """Tell whether a line is about more than what was cancelled because a broker stops."""
    return not (record.exc_info and isinstance(record.exc_info[1], asyncio.CancelledError))


BROKER_LOG.addFilter(_is_failure)
# nats-py leaves what it gathered to drain, if it is cancelled, to asyncio, which prints it with a traceback.
logging.getLogger("asyncio").addFilter(_is_failure)


class StoppingBroker(NatsBroker):
    """A broker whose `stop` never raises and leaves no connection open.

    FastStream drains the connection: that raises while the client reconnects, and waits up to a minute for a server that goes
    away meanwhile.
    """

    async def stop(
        self,
        exc_type: type[BaseException] | None = None,
        exc_val: BaseException | None = None,
        exc_tb: TracebackType | None = None,
    ) -> None:
        """Finish what was received, for STOP_S at most, and close the connection."""
        try:
            client = self.connection
        except IncorrectState:
            client = None
        stopping = asyncio.ensure_future(super().stop(exc_type, exc_val, exc_tb))
        try:
            await asyncio.wait({stopping}, timeout=STOP_S)
        finally:
            failure = stopping.exception() if stopping.done() and not stopping.cancelled() else None
            if not stopping.done() or failure:
                _log.info("the broker is closed without draining: %s", failure or "that takes too long")
            await cancel_until_done([stopping], CANCEL_AGAIN_S, CANCEL_S)
            if client is not None and not client.is_closed:
                await _close(client)


async def _close(client: Client) -> None:
    """Close a connection at once, whatever its state."""
    with contextlib.suppress(OSError, TimeoutError, nats.errors.Error):
        async with asyncio.timeout(CANCEL_S):
            await client.close()
