"""A server that a command which only reads holds: runs of other commands use it, and end when it does."""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING

from econsim import subjects
from econsim.adapters.jetstream.run_reader import newest
from econsim.cli import interrupts
from econsim.cli.output import echo
from econsim.errors import Unavailable
from econsim.schemas.subject import fields

if TYPE_CHECKING:
    from nats.aio.client import Client


async def newest_tick(client: Client) -> int:
    """Return the place in the log of the newest tick of any run; 0 without one."""
    ticked = await newest(client, subjects.TICKED.pattern())
    return ticked.sequence if ticked else 0


async def wait_for_ctrl_c(client: Client, after: int) -> None:
    """Wait until Ctrl-C, which cancels this task; until a second one if a run goes on that has ticked after a place of the log.

    SIGTERM cancels it at once.
    """
    pressed = asyncio.Event()
    if interrupts.in_main_thread():
        asyncio.get_running_loop().add_signal_handler(signal.SIGINT, pressed.set)
    await pressed.wait()
    if run := await _run_that_goes_on(client, after):
        pressed.clear()
        echo(
            f"run {run} goes on, and ends with the server of this command: press Ctrl-C again to end both",
            err=True,
        )
        await pressed.wait()
    interrupts.note_interrupt()
    raise asyncio.CancelledError


async def _run_that_goes_on(client: Client, after: int) -> str:
    """Return the run of the newest tick after a place, if it is neither closed nor stopped; else an empty name."""
    try:
        ticked = await newest(client, subjects.TICKED.pattern())
        if ticked is None or ticked.sequence <= after:
            return ""
        run = fields(ticked.subject).run
        ends = [await newest(client, each(run=run)) for each in (subjects.RUN_CLOSED, subjects.RUN_STOPPED)]
    except Unavailable:
        return ""
    return "" if any(end and end.sequence > ticked.sequence for end in ends) else run
