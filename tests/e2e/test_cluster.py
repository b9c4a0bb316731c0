"""Three nodes, as `operator create` lays them out: what holds on one holds here, also when a node is killed."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import sys
from collections import Counter
from contextlib import AsyncExitStack, aclosing, asynccontextmanager, suppress
from dataclasses import replace
from types import SimpleNamespace

import pytest
from backups import delete, fill_stream, is_stored_again, jobs_left, restore, snapshot
from eventually import eventually
from nats.js.api import PubAck
from requirements import requirement
from superuser import superuser

from econsim.adapters.clock import unix_seconds
from econsim.adapters.jetstream import run_reader
from econsim.adapters.nats.connection import connect, reliable_publish
from econsim.adapters.poll import Poll
from econsim.adapters.server import binary, state_directory
from econsim.app import Server, running
from econsim.checks.attacks import runner
from econsim.checks.attacks.catalogue import ATTACKS
from econsim.checks.attacks.verdict import AttackOutcome
from econsim.checks.permissions.prober import probing
from econsim.errors import Conflict, SetupError
from econsim.identity.agent_credentials import each_account
from econsim.identity.trust_root import Trust
from econsim.routers import SERVICES
from econsim.runs.launch.flood_watch import watch_agents
from econsim.subjects import TICKED

pytestmark = [pytest.mark.nats, pytest.mark.slow, pytest.mark.timeout(300)]

NODES = ("n1", "n2", "n3")
HASH = re.compile(r"hash +([0-9a-f]{64})")

SAMPLE = ATTACKS[::6]
"""Attacks that are tried on three nodes too; `test_adversary.py` tries all on one, with the same services and permissions."""
TIMING = re.compile(r"slowest hundredth|held back|did not answer")
"""Checks of speed, which a busy machine fails; the test on a single server makes them."""


async def econsim(*args):
    """Run a command to its end; return what it printed."""
    command = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "econsim", *map(str, args)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={"PATH": "", "COLUMNS": "200", "ECONSIM_REPLICAS": "3"},
    )
    printed, _ = await command.communicate()
    assert command.returncode == 0, printed.decode()
    return printed.decode()


@asynccontextmanager
async def process(*args, **options):
    """Keep a program running for the time of the context."""
    program = await asyncio.create_subprocess_exec(*map(str, args), **options)
    try:
        yield program
    finally:
        if program.returncode is None:
            program.terminate()
        await program.wait()


def configure(directory, trust, name, ports, routes):
    """Write a node's configuration; return the command that starts it."""
    directory.mkdir()
    resolver = re.sub(r'dir: "[^"]*"', f'dir: "{directory}/resolver"', trust)
    config = directory / "nats.conf"
    config.write_text(
        f'server_name: {name}\nlisten: "127.0.0.1:{ports[0]}"\nmax_payload: 8388608\n'
        f'jetstream {{ store_dir: "{directory}", sync_interval: always }}\n'
        f'cluster {{ name: test, listen: "127.0.0.1:{ports[1]}", routes: {routes} }}\n{resolver}'
    )
    return start_command(directory)


def start_command(directory):
    """Return the command that starts a node."""
    return binary.find(), "-c", directory / "nats.conf"


@asynccontextmanager
async def cluster(state):
    """Run the nodes; yields their addresses and processes."""
    await econsim("--state", state, "operator", "create")
    trust = (state / "server" / "trust.conf").read_text()
    ports = {name: (state_directory.free_port(), state_directory.free_port()) for name in NODES}
    routes = "[" + ", ".join(f'"nats://127.0.0.1:{route}"' for _, route in ports.values()) + "]"
    async with AsyncExitStack() as stack:
        nodes = []
        for name in NODES:
            start = configure(state / name, trust, name, ports[name], routes)
            nodes.append(await stack.enter_async_context(process(*start, stderr=asyncio.subprocess.DEVNULL)))
        yield ",".join(f"nats://127.0.0.1:{port}" for port, _ in ports.values()), nodes


async def apply_streams(*args):
    """Declare the streams as soon as the nodes have agreed on who leads."""
    async for _ in Poll(0.5, timeout_s=60):
        with suppress(AssertionError):
            return await econsim(*args, "streams", "apply")
    return await econsim(*args, "streams", "apply")


async def wait_for_tick(urls, creds, run, tick):
    """Wait until a run has come to a tick."""
    client = await connect(urls, creds, "test")
    async with aclosing(run_reader.follow(client, run)) as log:
        async for stored in log:
            if stored.subject == TICKED(run=run) and json.loads(stored.payload)["tick"] >= tick:
                break
    await client.close()


async def test_of_messages_sent_at_once_one_is_stored_and_every_sender_learns_which(tmp_path) -> None:
    state = tmp_path / "state"
    async with cluster(state) as (urls, _):
        await apply_streams("--state", state, "--nats", urls)
        client = await connect(urls, state / "trust" / "creds" / "clock.creds", "test")

        def publish(run, message_id, **options):
            return reliable_publish(client.jetstream(), TICKED(run=run), b"{}", message_id, **options)

        same = await asyncio.gather(*(publish("one", "same") for _ in range(20)))
        rivals = [publish("two", f"{n}", expected_sequence=0) for n in range(20)]
        results = await asyncio.gather(*rivals, return_exceptions=True)
        await client.close()

    assert len({ack.seq for ack in same}) == 1
    assert len([ack for ack in same if not ack.duplicate]) == 1
    assert Counter(type(each) for each in results) == {PubAck: 1, Conflict: 19}


@pytest.mark.soak
async def test_on_three_nodes_attacks_are_held_and_nobody_notices(tmp_path) -> None:
    state = tmp_path / "state"
    async with cluster(state) as (urls, _):
        await apply_streams("--state", state, "--nats", urls)
        trust = Trust.open(state, unix_seconds)
        server = Server(urls, lambda role: state / "trust" / "creds" / f"{role}.creds", trust)
        async with watch_agents(server, print), running(tuple(SERVICES), server):
            report = await runner.run_attacks_on(replace(server, url=urls.split(",")[0]), SAMPLE, print)

    assert {r.attack.name: r.verdict.evidence for r in report.with_outcome(AttackOutcome.BROKEN)} == {}
    noticed = [str(check) for check in report.invariants if not check.holds]
    assert [fact for fact in noticed if not TIMING.search(fact)] == []
    assert len(report.with_outcome(AttackOutcome.HELD)) == len(SAMPLE)


async def create_agent(command, state):
    """Create an agent's account on all nodes; return it."""
    await econsim(*command, "create", "ana", "--run", "demo")
    (found,) = each_account(Trust.open(state, unix_seconds))
    for url in command[3].split(","):
        await eventually(lambda url=url: is_admitted(url, found.creds), 60)
    return found


async def is_admitted(url, creds):
    return not await is_refused(url, creds)


async def is_listening(url):
    """Tell whether a node listens again."""
    host, _, port = url.removeprefix("nats://").partition(":")
    try:
        _, writer = await asyncio.open_connection(host, int(port))
    except OSError:
        return False
    writer.close()
    return True


async def lists_no_revocation(command):
    return "ana" not in await econsim(*command, "list")


async def is_refused(url, creds):
    """Tell whether a node refuses these credentials."""
    try:
        async with probing(url, creds):
            return False
    except SetupError:
        return True


async def test_a_node_that_was_down_when_an_agent_was_revoked_gets_the_revocation_when_it_is_back(
    tmp_path,
) -> None:
    state = tmp_path / "state"
    async with cluster(state) as (urls, nodes):
        await apply_streams("--state", state, "--nats", urls)
        command, last = ("--state", state, "--nats", urls, "agent"), urls.split(",")[-1]
        kept = shutil.copyfile((await create_agent(command, state)).creds, tmp_path / "kept.creds")
        nodes[-1].kill()
        await nodes[-1].wait()

        revoked = await econsim(*command, "revoke", "ana", "--run", "demo")
        async with process(*start_command(state / NODES[-1]), stderr=asyncio.subprocess.DEVNULL):
            await eventually(lambda: is_listening(last), 60)
            assert not await is_refused(last, kept)
            listed = await econsim(*command, "list")
            async with process(sys.executable, "-m", "econsim", *command, "watch"):
                await eventually(lambda: is_refused(last, kept), 60)
                await eventually(lambda: lists_no_revocation(command), 60)
            everybody = [await is_refused(url, kept) for url in urls.split(",")]

    assert "2 of 3 nodes refuse it, n3 not yet" in revoked
    assert "revoked: 2 of 3 nodes refuse it, n3 not yet" in listed
    assert everybody == [True, True, True]


async def test_what_a_snapshot_restored_on_three_nodes_forgets(tmp_path) -> None:
    state = tmp_path / "state"
    async with cluster(state) as (urls, _):
        await apply_streams("--state", state, "--nats", urls)
        client = await connect(
            urls, superuser(SimpleNamespace(trust=Trust.open(state, unix_seconds))), "test"
        )
        await fill_stream(client, replicas=3)
        about, chunks = await snapshot(client, "kept")
        await delete(client, "kept")

        failed = await restore(client, "kept", (about, [chunks[0][:-10]]))
        with pytest.raises(SetupError, match="10130"):
            await restore(client, "kept", (about, chunks))
        await delete(client, "kept")
        await restore(client, "kept", (about, chunks))
        jobs, forgotten = await jobs_left(client, 3), await is_stored_again(client)
        await client.close()

    assert "error" in failed
    assert jobs == ["kept.1", "kept.2", "kept.3"]
    assert forgotten


async def run_while_a_node_dies(directory, tick, *scenario):
    """Run in memory, and on three nodes of which one is killed at a tick; return both outputs, and what verification says."""
    args = ("run", *scenario)
    alone = await econsim("--state", directory / "alone", *args, "--transport", "memory")
    state = directory / "state"
    async with cluster(state) as (urls, nodes):
        options = ("--state", state, "--nats", urls)
        await apply_streams(*options)
        running = asyncio.create_task(econsim(*options, *args, "--name", "one"))
        await wait_for_tick(urls, state / "trust" / "creds" / "auditor.creds", "one", tick)
        nodes[0].kill()
        printed = await running
        return alone, printed, await econsim(*options, "ledger", "verify", "one")


@requirement("layers.embedded_or_cluster", "operations.cluster", "operations.no_single_point")
async def test_a_run_on_three_nodes_is_the_run_there_is_also_when_one_dies(tmp_path) -> None:
    alone, printed, verified = await run_while_a_node_dies(tmp_path, 5, "genesis", "--periods", 1)

    assert HASH.search(printed)[1] == HASH.search(alone)[1]
    assert "the books of one add up" in verified


@pytest.mark.soak
async def test_paid_calls_of_tools_are_those_there_are_also_when_a_node_dies(tmp_path) -> None:
    second_period = 21

    alone, printed, verified = await run_while_a_node_dies(tmp_path, second_period, "tool_market")

    assert HASH.search(printed)[1] == HASH.search(alone)[1]
    assert "search_nodes" in printed
    assert "the books of one add up" in verified
