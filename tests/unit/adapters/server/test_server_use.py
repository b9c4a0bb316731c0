"""Commands on one state directory find a server, hold it, wait for one that stops, and are held up by nobody that was killed."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import subprocess
import sys
from contextlib import asynccontextmanager

import pytest

from econsim.adapters.server import state_directory
from econsim.adapters.server.server_use import (
    LOOK_INTERVAL_S,
    held_url,
    running_or_own,
    used_by_run,
    wait_for_other_runs,
    wait_until_unused,
)
from econsim.adapters.server.state_directory import Claim, ServerRecord, ServerRuns

PORT = 20_001
URL = f"nats://127.0.0.1:{PORT}"


@pytest.fixture
def directory(tmp_path):
    return state_directory.prepare(tmp_path, 0)


@contextlib.contextmanager
def owned(directory, *, brief=False):
    """Be the owner of a server: its locks and its record, without a process."""
    claim = Claim(directory)
    state_directory.write_record(directory, ServerRecord(1, PORT, "2.12", brief=brief))
    try:
        yield claim
    finally:
        claim.release()


def owner(directory, started, *, brief=False):
    """Return what starts a server of one's own."""

    class Own:
        url = "own"

    @asynccontextmanager
    async def own():
        with owned(directory, brief=brief):
            started.append(1)
            yield Own

    return own


async def url_of(state, own, *, brief):
    async with running_or_own(state, own, brief=brief) as (url, _):
        return url


def test_a_server_stays_while_a_command_holds_it_and_lets_none_in_when_it_stops(tmp_path, directory):
    with owned(directory) as claim:
        with held_url(tmp_path) as first, held_url(tmp_path) as second:
            assert (first, second) == (URL, URL)
            assert not claim.keep_users_out()

        assert claim.keep_users_out()
        with held_url(tmp_path) as late:
            assert late is None


async def test_who_stops_a_server_waits_for_the_command_that_reads_from_it(tmp_path, directory):
    with owned(directory) as claim:
        with held_url(tmp_path):
            stopping = asyncio.create_task(wait_until_unused(claim, print))
            await asyncio.sleep(3 * LOOK_INTERVAL_S)
            assert not stopping.done()

        await stopping
        with held_url(tmp_path) as late:
            assert late is None


def test_a_killed_command_holds_no_server(tmp_path, directory):
    script = (
        "import pathlib, sys\n"
        "from econsim.adapters.server.server_use import held_url\n"
        "with held_url(pathlib.Path(sys.argv[1])): print('holds', flush=True); sys.stdin.read()\n"
    )
    with owned(directory) as claim:
        command = subprocess.Popen(
            [sys.executable, "-c", script, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        with command:
            assert command.stdout.readline() == b"holds\n"
            assert not claim.keep_users_out()
            command.send_signal(signal.SIGKILL)

        assert claim.keep_users_out()


@pytest.mark.parametrize("brief", [True, False])
async def test_a_command_waits_for_a_server_that_stops_and_starts_its_own(tmp_path, directory, brief):
    started = []
    with owned(directory) as claim:
        claim.keep_users_out()
        (directory / "server.json").unlink()
        waiting = asyncio.create_task(url_of(tmp_path, owner(directory, started), brief=brief))
        await asyncio.sleep(0)
        assert not waiting.done()

    assert await waiting == "own"
    assert started == [1]


async def test_a_command_waits_for_a_server_that_starts_and_uses_it(tmp_path, directory):
    claim = Claim(directory)
    waiting = asyncio.create_task(url_of(tmp_path, owner(directory, []), brief=True))
    await asyncio.sleep(0)
    state_directory.write_record(directory, ServerRecord(1, PORT, "2.12"))

    assert await waiting == URL
    claim.release()


async def test_of_commands_at_the_same_moment_one_starts_the_server_and_the_others_use_it(
    tmp_path, directory
):
    started, all_in = [], asyncio.Barrier(4)

    async def command():
        async with running_or_own(tmp_path, owner(directory, started), brief=True) as (url, _):
            await all_in.wait()
            return url

    urls = await asyncio.gather(*(command() for _ in range(4)))

    assert sorted(urls) == [URL, URL, URL, "own"]
    assert started == [1]


async def test_who_loses_the_race_to_start_a_server_uses_the_winners(tmp_path, directory):
    with contextlib.ExitStack() as stack:

        def slower():
            stack.enter_context(owned(directory))
            raise ServerRuns

        assert await url_of(tmp_path, slower, brief=True) == URL


async def test_a_lasting_command_does_not_settle_on_the_server_of_a_brief_one(tmp_path, directory):
    started = []
    with owned(directory, brief=True):
        assert await url_of(tmp_path, owner(directory, started), brief=True) == URL
        lasting = asyncio.create_task(url_of(tmp_path, owner(directory, started), brief=False))
        await asyncio.sleep(0)
        assert not lasting.done()

    assert await lasting == "own"
    assert started == [1]


async def test_a_run_that_has_ended_waits_for_another_that_uses_its_server_until_ctrl_c(tmp_path, directory):
    told = []
    with used_by_run(tmp_path):
        stopped = asyncio.create_task(wait_for_other_runs(tmp_path, told.append))
        waiting = asyncio.create_task(wait_for_other_runs(tmp_path, told.append))
        await asyncio.sleep(0)
        stopped.cancel()
        await stopped
        assert not waiting.done()

    await waiting
    assert [text.split(",")[0] for text in told] == ["this run has ended"] * 2
