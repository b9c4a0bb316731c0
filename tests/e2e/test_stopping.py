"""Stopping what the command line started: whatever the signal, nothing is left behind."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest
from browsers import put_in_log, renamed
from nats_runs import shortened
from run_builders import canonical_hash
from superuser import superuser

from econsim import subjects
from econsim.adapters.jetstream import provision, run_reader
from econsim.adapters.nats.connection import connect
from econsim.adapters.server.child_processes import start_time
from econsim.adapters.server.embedded import EmbeddedServer
from econsim.adapters.server.state_directory import running_url
from econsim.app import server_of
from econsim.config import settings
from econsim.domain.execution import in_memory
from econsim.errors import EconsimError
from econsim.routers import SERVICES
from econsim.runs import scenario_file

pytestmark = [pytest.mark.nats, pytest.mark.slow]

TEXT = """
name = "long"
seed = 7
clock = { periods = 3, ticks_per_period = 40 }
markets = [{ resource = "cpu" }]

[cognition]
models = [{ offers = [{ provider = "rules", input_price = 150, output_price = 600 }] }]

[[agents]]
name = "thinker"
policy = "llm"
count = 4
credits = 20
thinking = { max_tokens = 200, memory = 1, every_ticks = 2 }
roles = [{ resource = "cpu", side = "bid", values = [[3.00, 2.50, 2.00]] }]

[[agents]]
name = "buyer"
policy = "zip"
count = 20
roles = [{ resource = "cpu", side = "bid", first = 3.25, last = 0.75 }]

[[agents]]
name = "seller"
policy = "zip"
count = 20
roles = [{ resource = "cpu", side = "ask", first = 0.75, last = 3.25 }]
"""
"""A run that takes long enough to be stopped on the way."""


@pytest.mark.parametrize(
    ("sent", "options"),
    [(signal.SIGINT, ()), (signal.SIGTERM, ("--spread", "--workers", "2", "market", "ledger", "clock"))],
)
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
    assert running_url(tmp_path) is None


async def test_an_ephemeral_up_names_the_directory_by_which_others_find_it_and_removes_it() -> None:
    command = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "econsim", "up", "--server", "--ephemeral"), stderr=asyncio.subprocess.PIPE
    )
    assert command.stderr
    url = (await command.stderr.readline()).split()[4].decode()
    words = (await command.stderr.readline()).split()
    state = Path(words[words.index(b"--state") + 1].decode())

    assert running_url(state) == url
    command.send_signal(signal.SIGINT)
    await command.wait()
    assert not await asyncio.to_thread(state.exists)


async def test_a_command_whose_server_goes_with_another_command_says_how_to_go_on(tmp_path: Path) -> None:
    econsim = (sys.executable, "-m", "econsim", "--state", str(tmp_path), "up")
    pipe = asyncio.subprocess.PIPE
    owner = await asyncio.create_subprocess_exec(*econsim, "--server", stderr=pipe)
    assert owner.stderr
    assert b"is up" in await owner.stderr.readline()
    second = await asyncio.create_subprocess_exec(*econsim, "clock", stderr=pipe)
    assert second.stderr
    assert b"is up" in await second.stderr.readline()

    owner.send_signal(signal.SIGINT)
    _, complaint = await second.communicate()
    await owner.communicate()

    assert second.returncode == 1
    assert complaint.splitlines()[-1].startswith(b"error: the command that ran the server")
    assert b"econsim resume RUN" in complaint.splitlines()[-1]


@pytest.mark.parametrize("goes_on", [True, False])
async def test_a_server_that_watch_holds_outlives_one_ctrl_c_while_another_run_goes_on(
    goes_on: bool, tmp_path: Path
) -> None:
    events = list(in_memory.run(shortened("genesis", ticks=4)))
    async with EmbeddedServer(tmp_path) as server:
        client = await connect(server.url, superuser(server), "test-streams")
        await provision.apply(client)
        await client.close()
        put_in_log(server, renamed(events, "demo"))
    pipe = asyncio.subprocess.PIPE
    econsim = (sys.executable, "-m", "econsim", "--state", str(tmp_path), "watch", "demo", "--no-open")
    watch = await asyncio.create_subprocess_exec(*econsim, stdout=pipe, stderr=pipe)
    assert watch.stdout
    assert watch.stderr
    assert b"http://" in await watch.stdout.readline()
    assert b"holds the server" in await watch.stdout.readline()

    other = renamed(events, "other")
    held = SimpleNamespace(url=running_url(tmp_path), trust=server.trust)
    put_in_log(held, other[: len(other) // 2] if goes_on else other)
    watch.send_signal(signal.SIGINT)
    told = await watch.stderr.readline()
    if goes_on:
        assert b"run other goes on" in told
        assert running_url(tmp_path)
        watch.send_signal(signal.SIGINT)
        told = await watch.stderr.readline()

    assert told == b"stopped\n"
    assert await watch.wait() == 130
    assert running_url(tmp_path) is None


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
async def test_two_commands_that_are_stopped_at_once_both_end_with_a_sentence(
    sent: signal.Signals, tmp_path: Path
) -> None:
    econsim = (sys.executable, "-m", "econsim", "--state", str(tmp_path), "up")
    commands = []
    for services in (("market", "ledger"), ("clock", "agent", "admission", "admin")):
        command = await asyncio.create_subprocess_exec(*econsim, *services, stderr=asyncio.subprocess.PIPE)
        assert command.stderr
        assert b"is up" in await command.stderr.readline()
        commands.append(command)

    for command in commands:
        command.send_signal(sent)
    async with asyncio.timeout(60):
        ends = [(await command.communicate())[1].decode() for command in commands]

    assert [end.splitlines()[-1] for end in ends] == ["stopped", "stopped"]
    assert ["Traceback" in end for end in ends] == [False, False]
    assert [command.returncode for command in commands] == [130, 130]


@pytest.mark.parametrize(
    ("words", "sign"),
    [
        (("run", "genesis", "--periods", "900"), "nats/server.lock"),
        (("run", "genesis", "--periods", "900"), "nats/server.json"),
        (("up", "--spread"), "nats/server.conf"),
        (("up", "--spread"), "nats/server.json"),
    ],
)
async def test_a_command_that_is_stopped_while_it_starts_leaves_nothing(
    words: tuple[str, ...], sign: str, tmp_path: Path
) -> None:
    command = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "econsim", "--state", str(tmp_path), *words), stderr=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(120):
        while not (tmp_path / sign).exists():  # noqa: ASYNC110 - another process tells nobody
            await asyncio.sleep(0.01)

    ending = asyncio.ensure_future(command.communicate())
    while not ending.done():
        # Python 3.11 may drop the first one: `asyncio.wait_for` does, where it meets the answer that is waited for.
        command.send_signal(signal.SIGINT)
        await asyncio.wait({ending}, timeout=30)
    _, complaint = await ending

    assert command.returncode == 130
    assert complaint.decode().splitlines()[-1] == "stopped"
    assert "Traceback" not in complaint.decode()
    assert list(tmp_path.glob("processes/*.json")) == []  # noqa: ASYNC240 - nothing runs any more


async def test_what_a_killed_command_started_is_ended_by_who_comes_next(tmp_path: Path) -> None:
    base = (sys.executable, "-m", "econsim", "--state", str(tmp_path))
    command = await asyncio.create_subprocess_exec(*base, "up", "--spread", stderr=asyncio.subprocess.PIPE)
    assert command.stderr
    assert b"is up" in await command.stderr.readline()
    async with asyncio.timeout(120):
        while len(notes := list((tmp_path / "processes").glob("*.json"))) <= len(SERVICES):  # noqa: ASYNC110 - another process tells nobody
            await asyncio.sleep(0.1)
    started = {int(path.stem): start_time(int(path.stem)) for path in notes}

    command.kill()
    await command.wait()
    await output_of(*base, "streams", "plan")

    assert [pid for pid, time in started.items() if start_time(pid) == time] == []


async def test_a_run_that_is_stopped_goes_on_as_if_it_had_not(tmp_path: Path) -> None:
    base = (sys.executable, "-m", "econsim", "--state", str(tmp_path))
    await stop_run(base, at_tick=3)

    runs, report = await output_of(*base, "runs"), await output_of(*base, "report", "stopped")
    resumed = await output_of(*base, "resume", "stopped")

    assert "stopped" in runs.splitlines()[3].split()
    assert "not finished" in report
    assert "orders/s" not in report + resumed
    assert undisturbed_hash(tmp_path) in resumed
    assert "closed" in await output_of(*base, "runs")


async def test_a_run_whose_command_was_killed_can_be_read_and_goes_on(tmp_path: Path) -> None:
    base = (sys.executable, "-m", "econsim", "--state", str(tmp_path))
    await stop_run(base, at_tick=3, by=signal.SIGKILL)

    report = await output_of(*base, "report", "stopped")
    resumed = await output_of(*base, "resume")

    assert "is open" in report
    assert undisturbed_hash(tmp_path) in resumed


async def test_a_run_that_has_ended_is_not_resumed(tmp_path: Path) -> None:
    base = (sys.executable, "-m", "econsim", "--state", str(tmp_path))
    file = tmp_path / "long.toml"
    file.write_text(TEXT)
    await output_of(*base, "run", str(file), "--periods", "1", "--name", "over")

    refused = await output_of(*base, "resume", "over", status=1)

    assert refused.strip() == "error: run 'over' has ended; `econsim report over` shows it"


async def stop_run(base: Sequence[str], at_tick: int, by: signal.Signals = signal.SIGINT) -> None:
    """Run the long scenario under the name `stopped`, and end its command once it has opened a tick."""
    file = Path(base[-1]) / "long.toml"
    file.parent.mkdir(exist_ok=True)
    file.write_text(TEXT)
    command = await asyncio.create_subprocess_exec(
        *(*base, "run", str(file), "--name", "stopped"), stderr=asyncio.subprocess.DEVNULL
    )
    async with asyncio.timeout(120):
        while running_url(state := Path(base[-1])) is None or await ticks(state) < at_tick:  # noqa: ASYNC110 - another process tells nobody
            await asyncio.sleep(0.05)
    command.send_signal(by)
    await command.wait()


def undisturbed_hash(state: Path) -> str:
    """Return the hash of the same scenario, run without a stop."""
    return canonical_hash(in_memory.run(scenario_file.load(str(state / "long.toml"))))


async def ticks(state: Path) -> int:
    """Return how many ticks the run has opened."""
    server = server_of(settings(state=state))
    client = await connect(server.url, server.creds("observer"), "test-ticks")
    try:
        found = await run_reader.newest(client, subjects.TICKED(run="stopped"))
    except EconsimError:
        return 0
    finally:
        await client.close()
    return json.loads(found.payload)["tick"] if found else 0


async def output_of(*words: str, status: int = 0) -> str:
    """Return what a command prints, once it has ended with this status."""
    command = await asyncio.create_subprocess_exec(
        *words, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await command.communicate()
    assert command.returncode == status, output.decode()
    return output.decode()
