"""Stopping what the command line started: whatever the signal, nothing is left behind."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

import pytest

from econsim.adapters.server_state import running

pytestmark = [pytest.mark.nats, pytest.mark.slow]


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("options", [(), ("--spread", "--workers", "2")])
async def test_up_ends_with_its_server_and_services(
    sent: signal.Signals, options: tuple[str, ...], tmp_path: Path
) -> None:
    command = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "econsim", "--state", str(tmp_path), "up", *options),
        stderr=asyncio.subprocess.PIPE,
    )
    assert command.stderr
    assert b"is up" in await command.stderr.readline()

    command.send_signal(sent)

    assert await command.wait() == 130
    assert b"stopped" in await command.stderr.read()
    assert running(tmp_path) is None


async def test_a_run_that_is_stopped_is_closed(tmp_path: Path) -> None:
    base = (sys.executable, "-m", "econsim", "--state", str(tmp_path))
    command = await asyncio.create_subprocess_exec(*base, "run", "genesis", stderr=asyncio.subprocess.DEVNULL)
    async with asyncio.timeout(60):
        while running(tmp_path) is None or b"open" not in await listed(base):  # noqa: ASYNC110 - another process tells nobody
            await asyncio.sleep(0.1)

    command.send_signal(signal.SIGINT)
    await command.wait()

    assert b"closed" in await listed(base)


async def listed(base: tuple[str, ...]) -> bytes:
    """Return what `econsim runs` prints."""
    command = await asyncio.create_subprocess_exec(*base, "runs", stdout=asyncio.subprocess.PIPE)
    return (await command.communicate())[0]
