"""Cancellation of tasks that is repeated until it works."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Collection
from typing import Any, Final

CANCEL_AGAIN_S: Final = 0.2
"""Pause before what a program left is cancelled again: two attempts of a client to connect."""

CANCEL_S: Final = 2.0
"""Time to cancel what a program left, before Python cancels it once more and waits."""


async def cancel_others() -> None:
    """Cancel all other tasks of the loop, at the end of a program.

    A client of a server that is gone tries to reconnect without end, and `asyncio.run` would wait for it.
    """
    await cancel_until_done(asyncio.all_tasks() - {asyncio.current_task()}, CANCEL_AGAIN_S, CANCEL_S)


async def cancel_until_done(
    tasks: Collection[asyncio.Future[Any]], again_s: float, timeout_s: float = math.inf
) -> None:
    """Cancel tasks, again after each pause, until all are done or `timeout_s` has passed; drop their errors.

    Once is not enough: on Python 3.11 `asyncio.wait_for`, which the client library waits with, drops a cancellation
    that meets the answer it waits for, and the task goes on.
    """
    end = time.monotonic() + timeout_s
    while (pending := [task for task in tasks if not task.done()]) and time.monotonic() < end:
        for task in pending:
            task.cancel()
        await asyncio.wait(pending, timeout=again_s)
    for task in tasks:
        if task.done() and not task.cancelled():
            task.exception()  # retrieved, so that it is not logged
