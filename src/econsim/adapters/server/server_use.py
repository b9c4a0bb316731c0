"""The server that a command uses, the one that runs on its state directory, or one of its own; and who waits for whom when one stops.

A brief command, which reads and ends, holds the server that it finds, and whoever started that waits a while for it before it stops.
A lasting one, such as a run or a live page, does not settle on that of a brief command. A run is waited for by the run whose command started
the server; nothing else that lasts holds a server up.
All of it is locks, which go with their process: no killed command holds anybody up.
"""

from __future__ import annotations

import asyncio
import fcntl
import math
import os
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    ExitStack,
    asynccontextmanager,
    contextmanager,
)
from pathlib import Path
from typing import Final, Protocol, TypeVar

from econsim.adapters.poll import Poll
from econsim.adapters.server import state_directory
from econsim.adapters.server.state_directory import Claim

CHANGE_S: Final = 120.0
"""Seconds to wait for a server that starts or stops, or that a brief command runs, before its name is the answer."""

USERS_S: Final = 10.0
"""Seconds a stop waits for brief commands: most take less than one, but one whose output somebody pages through does not end."""

USERS_NOTED_S: Final = 1.0
"""Seconds after which it says that it waits."""

RUNS_INTERVAL_S: Final = 0.2
"""Pause between two looks whether other runs use the server, in seconds."""

LOOK_INTERVAL_S: Final = 0.02
"""Pause between two looks, in seconds."""


class HasUrl(Protocol):
    """Server that was started."""

    @property
    def url(self) -> str:
        """URL that clients connect to."""


Own = TypeVar("Own", bound=HasUrl)


@asynccontextmanager
async def running_or_own(
    state: Path, own: Callable[[], AbstractAsyncContextManager[Own]], *, brief: bool
) -> AsyncIterator[tuple[str, Own | None]]:
    """Provide the URL of the server that runs on a state directory, or else of one's own, and that server itself.

    `brief` says that the command reads and ends. Waits while a server starts or stops, and a lasting command also for the end of a
    brief one's; raises SetupError if that takes too long, and whatever the start of one's own raises.
    """
    async with AsyncExitStack() as stack:
        async for _ in Poll(LOOK_INTERVAL_S, CHANGE_S):
            if settled := await _settle(stack, state, own, brief=brief):
                break
        else:
            # Raises the sentence about the server that is there.
            server = await stack.enter_async_context(own())
            settled = server.url, server
        yield settled


@contextmanager
def held_url(state: Path) -> Iterator[str | None]:
    """Provide the URL of the server that runs, which does not stop by itself during the context; none if none runs, or if it stops."""
    try:
        lock = os.open(state_directory.users_lock(state), os.O_RDONLY)
    except OSError:
        # Somebody else's directory, or none: nothing to hold.
        yield state_directory.running_url(state)
        return
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        yield None
        return
    try:
        yield state_directory.running_url(state)
    finally:
        # A process that was forked meanwhile has the same lock, which closing alone would leave to it.
        fcntl.flock(lock, fcntl.LOCK_UN)
        os.close(lock)


@contextmanager
def used_by_run(state: Path) -> Iterator[None]:
    """Let whoever started the server know, for the time of the context, that a run of this command uses it."""
    lock = os.open(_runs_lock(state), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_SH)
        yield
    finally:
        # As in `held_url`: a process that was forked meanwhile has the same lock.
        fcntl.flock(lock, fcntl.LOCK_UN)
        os.close(lock)


async def wait_for_other_runs(state: Path, tell: Callable[[str], None]) -> None:
    """Wait until no run of another command uses the server; Ctrl-C, which cancels the task, ends the waiting and nothing else."""
    told = False
    try:
        async for _ in Poll(RUNS_INTERVAL_S):
            if not state_directory.is_locked(_runs_lock(state), fcntl.LOCK_EX):
                return
            if not told:
                tell(
                    "this run has ended, and another command's run still uses the server: the results follow when it has ended, too; "
                    "Ctrl-C shows them now, and ends that run"
                )
                told = True
    except asyncio.CancelledError:
        if task := asyncio.current_task():
            task.uncancel()


async def wait_until_unused(claim: Claim, tell: Callable[[str], None]) -> None:
    """Wait until no brief command uses a server, and let none begin to; give up after USERS_S."""
    told = time.monotonic() + USERS_NOTED_S
    async for _ in Poll(LOOK_INTERVAL_S, USERS_S):
        if claim.keep_users_out():
            return
        if time.monotonic() > told:
            tell(
                f"waiting up to {USERS_S:.0f} s for a command in another terminal that still reads from this server; Ctrl-C stops it at once"
            )
            told = math.inf


def _runs_lock(state: Path) -> Path:
    return state / "nats" / "runs.lock"


async def _settle(
    stack: AsyncExitStack, state: Path, own: Callable[[], AbstractAsyncContextManager[Own]], *, brief: bool
) -> tuple[str, Own | None] | None:
    """Return the server to use for the time of the stack; none while one starts or stops, or if another command was faster."""
    if url := _hold_running(stack, state, brief=brief):
        return url, None
    if state_directory.is_owned(state):
        return None
    try:
        server = await stack.enter_async_context(own())
    except state_directory.ServerRuns:
        return None
    return server.url, server


def _hold_running(stack: AsyncExitStack, state: Path, *, brief: bool) -> str | None:
    """Return the URL of the server that runs and is of use; a brief command holds it for the time of the stack."""
    with ExitStack() as held:
        url = held.enter_context(held_url(state))
        if url and brief:
            stack.enter_context(held.pop_all())
        record = state_directory.read_record(state / "nats")
        return url if brief or (record and not record.brief) else None
