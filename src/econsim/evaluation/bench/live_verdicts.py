"""Verdicts on a run while it goes on, made in a process of their own: whoever watches the run never waits for its judge."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncGenerator
from contextlib import aclosing, redirect_stderr
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final

from nats.aio.client import Client

from econsim import subjects
from econsim.adapters.jetstream.direct_get import StoredMessage
from econsim.adapters.jetstream.run_reader import newest
from econsim.adapters.nats.connection import connect
from econsim.adapters.poll import Poll
from econsim.adapters.server.child_processes import end_with_parent
from econsim.config import safe_path
from econsim.domain.audit.decoding import event_of
from econsim.domain.expectation.judge import Judge
from econsim.domain.expectation.verdict import Verdict
from econsim.errors import EconsimError
from econsim.evaluation.bench.observer import whole_run
from econsim.report.judging import judge
from econsim.schemas.clock import RunOpened
from econsim.services.gc_tuning import collect_rarely
from econsim.subjects import AUDIT

LOOK_S: Final = 0.25
"""Seconds between two looks at the verdicts: nobody reads faster."""

Told = tuple[int, tuple[Verdict, ...]]
"""Place of the newest event that was judged, and the verdicts."""


async def live_verdicts(url: str, creds: Path | None, run: str) -> AsyncGenerator[Told, None]:
    """Yield the verdicts on the expectations of a run's scenario whenever they rest on more events, until the run has ended."""
    context = get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_judge, args=(os.getpid(), theirs, url, creds, run), daemon=True)
    loop, ready = asyncio.get_running_loop(), asyncio.Event()
    # Processes inherit standard error, and a view that takes the terminal has put in its place what is no file.
    with redirect_stderr(sys.__stderr__), safe_path():
        process.start()
    theirs.close()
    loop.add_reader(ours.fileno(), ready.set)
    try:
        while True:
            await ready.wait()
            ready.clear()
            while ours.poll():
                yield ours.recv()
    except EOFError:
        return
    finally:
        loop.remove_reader(ours.fileno())
        process.terminate()
        ours.close()


def _judge(parent: int, pipe: Connection, url: str, creds: Path | None, run: str) -> None:
    """Judge a run, in a process of its own, and send the verdicts; ends with the pipe."""
    # Ctrl-C reaches the whole group of processes; the parent ends this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_with_parent(parent)
    collect_rarely()
    try:
        asyncio.run(_follow(pipe, url, creds, run))
    except (EconsimError, OSError):
        # The reader sees the same trouble and tells it, or has gone.
        return


async def _follow(pipe: Connection, url: str, creds: Path | None, run: str) -> None:
    client = await connect(url, creds, "econsim-watch-judge")
    try:
        opened = await _opening(client, run)
        event = event_of(RunOpened, opened.subject, opened.payload)
        if event is not None and event.data.scenario.expectations:
            await _Teller(pipe, judge(event.data.scenario)).judge_run(client, run)
    finally:
        await client.close()


async def _opening(client: Client, run: str) -> StoredMessage:
    """Wait for a run to open; whoever watches ends this process if it never does."""
    async for _ in Poll(LOOK_S):
        if opened := await newest(client, subjects.RUN_OPENED(run=run)):
            return opened
    raise AssertionError


class _Teller:
    """Sends verdicts that rest on more events."""

    def __init__(self, pipe: Connection, made: Judge) -> None:
        self._pipe, self._made = pipe, made
        self._place = 0

    async def judge_run(self, client: Client, run: str) -> None:
        looking = asyncio.create_task(self._tell_news())
        try:
            async with aclosing(whole_run(client, run, AUDIT)) as stored:
                async for each in stored:
                    self._made.add_stored(each.subject, each.payload, each.sequence)
                    self._place = each.sequence
        finally:
            looking.cancel()
        self._pipe.send((self._place, self._made.close()))

    async def _tell_news(self) -> None:
        told = 0
        while True:
            if self._place > told:
                told = self._place
                self._pipe.send((told, self._made.verdicts()))
            await asyncio.sleep(LOOK_S)
