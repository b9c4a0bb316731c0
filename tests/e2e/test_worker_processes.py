"""A worker of FastStream's own command, and the server it uses: the server's restart, its end, and the end of both."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
from eventually import eventually

from econsim.adapters.server.server_use import wait_for_other_runs
from econsim.app import Server
from econsim.config import settings
from econsim.errors import Unavailable
from econsim.runs.launch.server import provide_server
from econsim.runs.launch.services import LaunchOptions, launch, services_answer, wait_for_clock

pytestmark = [pytest.mark.nats, pytest.mark.slow]


@asynccontextmanager
async def worker(app: str, state: Path, **where: str) -> AsyncIterator[Process]:
    """Run an app with FastStream's own command; kill it at the end if it still runs."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "faststream", "run", f"econsim.app:{app}"),
        env={**os.environ, "ECONSIM_STATE": str(state), **where},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


async def last_lines(process: Process) -> list[str]:
    """Return what a worker printed, once it has ended."""
    async with asyncio.timeout(60):
        _, printed = await process.communicate()
    return printed.decode().splitlines()


async def test_a_worker_goes_on_with_the_next_server_of_its_directory(tmp_path: Path) -> None:
    config = settings(state=tmp_path)
    async with AsyncExitStack() as stack:
        async with provide_server(config) as server:
            process = await stack.enter_async_context(worker("clock", tmp_path))
            await eventually(lambda: services_answer(server), 60)

        async with provide_server(config) as following:
            await eventually(lambda: services_answer(following), 60)

        assert following.url == server.url
        assert process.returncode is None


async def test_a_worker_whose_server_is_gone_for_good_ends_with_a_sentence(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        async with provide_server(settings(state=tmp_path)) as server:
            process = await stack.enter_async_context(worker("everything", tmp_path))
            await eventually(lambda: services_answer(server), 60)

        lines = await last_lines(process)

    assert process.returncode == 1
    assert lines[-1].startswith(f"error: the command that ran the server in {tmp_path} has ended")
    assert not any("Traceback" in line for line in lines)


async def test_a_worker_without_a_server_ends_with_a_sentence(tmp_path: Path) -> None:
    async with worker("clock", tmp_path) as process:
        lines = await last_lines(process)

    assert process.returncode == 1
    assert lines[-1].startswith("error: no NATS server is running here")
    assert not any("Traceback" in line for line in lines)


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
async def test_a_worker_without_its_server_obeys_a_signal(sent: signal.Signals, tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        async with provide_server(settings(state=tmp_path)) as server:
            where = {"ECONSIM_NATS": server.url, "ECONSIM_CREDS": str(server.creds("clock").parent)}
            process = await stack.enter_async_context(worker("everything", tmp_path, **where))
            await eventually(lambda: services_answer(server), 60)

        process.send_signal(sent)
        lines = await last_lines(process)

    assert process.returncode == 0
    assert not any("Traceback" in line for line in lines)


async def test_a_run_names_the_services_that_are_missing(tmp_path: Path) -> None:
    config = settings(state=tmp_path)
    async with launch(LaunchOptions(("ledger", "market", "clock")), config, print):
        command = await asyncio.create_subprocess_exec(
            *(
                sys.executable,
                "-m",
                "econsim",
                "--state",
                str(tmp_path),
                "run",
                "genesis",
                "--name",
                "lonely",
            ),
            stderr=asyncio.subprocess.PIPE,
        )
        assert command.stderr
        async with asyncio.timeout(120):
            while "not served" not in (line := (await command.stderr.readline()).decode()):
                assert line, "the command ended"
        command.send_signal(signal.SIGINT)
        await command.communicate()

    assert line.strip() == (
        "run lonely is not served by cognition, agent, admin; "
        "start what is missing with `econsim up cognition agent admin`"
    )


async def test_services_in_processes_of_their_own_answer_once_they_are_launched(tmp_path: Path) -> None:
    options = LaunchOptions(("clock",), spread=True)

    async with launch(options, settings(state=tmp_path), print) as server:
        assert await services_answer(server)


async def test_services_that_take_too_long_to_start_are_named(tmp_path: Path) -> None:
    async with provide_server(settings(state=tmp_path)) as server:
        with pytest.raises(Unavailable, match="do not answer after 0 s: the machine is too busy"):
            await wait_for_clock(server, timeout_s=0)


async def test_a_command_uses_a_server_from_before_its_services_start_to_after_they_have_ended(
    tmp_path: Path,
) -> None:
    told: list[str] = []

    async def before_services(_: Server) -> Path | None:
        waiting = asyncio.create_task(wait_for_other_runs(tmp_path, told.append))
        await asyncio.sleep(0)
        waiting.cancel()
        await waiting
        raise Unavailable

    config = settings(state=tmp_path)
    async with provide_server(config):
        with pytest.raises(Unavailable):
            async with launch(LaunchOptions(policies_of=before_services), config, print):
                pass

    assert [text.split(",")[0] for text in told] == ["this run has ended"]
