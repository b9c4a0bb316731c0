"""Commands that create and revoke accounts, on servers that run in other processes."""

from __future__ import annotations

import asyncio
import shutil
import signal
import sys
from contextlib import asynccontextmanager

import pytest

from econsim.adapters.clock import unix_seconds
from econsim.adapters.jetstream import run_reader
from econsim.adapters.nats.connection import connect
from econsim.adapters.server import binary, state_directory
from econsim.domain.audit.decoding import decode
from econsim.errors import SetupError
from econsim.identity.agent_credentials import each_account
from econsim.identity.trust_root import Trust
from econsim.schemas.admin import TrustChanged
from econsim.schemas.names import NO_RUN

pytestmark = [pytest.mark.nats, pytest.mark.slow]


async def econsim(state, *args):
    """Run a command to its end; return its status and what it printed."""
    command = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "econsim", "--state", str(state), *args),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={"PATH": "", "COLUMNS": "200"},
    )
    printed, _ = await command.communicate()
    return command.returncode, printed.decode()


@asynccontextmanager
async def up(state, *options):
    """Keep `econsim up` running for the time of the context; yields the server's address."""
    command = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "econsim", "--state", str(state), "up", *options),
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        assert b"is up" in await command.stderr.readline()
        yield state_directory.running_url(state)
    finally:
        command.send_signal(signal.SIGINT)
        await command.communicate()


@asynccontextmanager
async def deployed_server(state):
    """Run a server that knows of econsim only what `operator create` laid out."""
    port = state_directory.free_port()
    config = state / "nats.conf"
    config.write_text(f'listen: "127.0.0.1:{port}"\ninclude server/trust.conf\n')
    server = await asyncio.create_subprocess_exec(
        str(binary.find()), "-c", str(config), stderr=asyncio.subprocess.DEVNULL
    )
    try:
        yield f"nats://127.0.0.1:{port}"
    finally:
        server.terminate()
        await server.wait()


async def is_admitted(url, creds):
    try:
        client = await connect(url, creds, "test")
    except SetupError:
        return False
    await client.close()
    return True


def account(state):
    (found,) = each_account(Trust.open(state, unix_seconds))
    return found


async def recorded_changes(url, state, run):
    """Return the log's records about keys and accounts for a run."""
    client = await connect(url, Trust.open(state, unix_seconds).creds("auditor"), "test")
    found = [decode(each.subject, each.payload).event.data async for each in run_reader.events(client, run)]
    await client.close()
    return [(each.who, each.change) for each in found if isinstance(each, TrustChanged)]


async def test_accounts_are_created_and_revoked_while_the_server_runs_and_recorded(tmp_path) -> None:
    state, old = tmp_path / "state", tmp_path / "old.creds"
    async with up(state, "admin") as url:
        status, printed = await econsim(
            state, "agent", "create", "anna", "--run", "demo", "--output", str(old)
        )
        assert (status, f"the server at {url} knows it" in printed) == (0, True)
        assert "warning: run demo is not open" in printed
        assert "--external anna" in printed
        assert await is_admitted(url, old)

        await econsim(state, "agent", "create", "anna", "--run", "demo")
        new = shutil.copyfile(account(state).creds, tmp_path / "new.creds")
        assert [await is_admitted(url, each) for each in (old, new)] == [False, True]

        status, printed = await econsim(state, "agent", "revoke", "anna", "--run", "demo")
        assert (status, "has ended its connections" in printed) == (0, True)
        assert not await is_admitted(url, new)
        assert await recorded_changes(url, state, "demo") == [("anna", "agent_let_in")] * 2 + [
            ("anna", "agent_thrown_out")
        ]


async def test_granted_roles_and_replaced_keys_are_recorded(tmp_path) -> None:
    state = tmp_path / "state"
    async with up(state, "admin") as url:
        status, granted = await econsim(state, "trust", "grant", "ada", "--output", str(tmp_path / "ada"))
        assert (status, f"ada is let in at {url}\n" in granted) == (0, True)
        assert await is_admitted(url, tmp_path / "ada" / "operator.creds")

        status, rotated = await econsim(state, "trust", "rotate")
        assert (status, "no service" in rotated) == (0, False)
        assert not await is_admitted(url, tmp_path / "ada" / "operator.creds")
        assert await recorded_changes(url, state, NO_RUN) == [
            ("ada", "role_granted"),
            (None, "keys_replaced"),
        ]


async def test_what_was_changed_while_no_server_ran_holds_from_its_next_start(tmp_path) -> None:
    state = tmp_path / "state"
    async with up(state, "--server"):
        for agent in ("anna", "bert"):
            create = ("agent", "create", agent, "--run", "demo", "--output", str(tmp_path / agent))
            _, printed = await econsim(state, *create)
            assert "no service runs that records it in the log" in printed
    await econsim(state, "agent", "revoke", "anna", "--run", "demo")
    await econsim(state, "agent", "create", "bert", "--run", "demo")

    async with up(state, "--server") as url:
        creds = (tmp_path / "anna", tmp_path / "bert", account(state).creds)
        assert [await is_admitted(url, each) for each in creds] == [False, False, True]


async def test_a_server_of_ones_own_admits_the_agents_of_its_operator(tmp_path) -> None:
    state = tmp_path / "production"
    status, printed = await econsim(state, "operator", "create", "--resolver", str(tmp_path / "resolver"))
    assert (status, "trust.conf" in printed) == (0, True)

    async with deployed_server(state) as url:
        assert await is_admitted(url, state / "services" / "market" / "user.creds")
        status, _ = await econsim(state, "--nats", url, "agent", "create", "anna", "--run", "demo")
        creds = shutil.copyfile(account(state).creds, tmp_path / "anna.creds")
        assert (status, await is_admitted(url, creds)) == (0, True)

        await econsim(state, "--nats", url, "agent", "revoke", "anna", "--run", "demo")
        assert not await is_admitted(url, creds)


async def test_a_server_of_another_trust_gets_no_account(tmp_path) -> None:
    async with up(tmp_path / "theirs", "--server") as url:
        status, printed = await econsim(
            tmp_path / "ours", "--nats", url, "agent", "create", "anna", "--run", "demo"
        )

    assert status == 1
    assert "cannot connect" in printed
    assert "Traceback" not in printed
