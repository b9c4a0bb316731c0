"""Three nodes, as `operator create` lays them out: what holds on one holds here, also when a node is killed."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from collections import Counter
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import replace

import pytest
from nats.js.api import PubAck

from econsim.adapters import reading, server_binary, server_state
from econsim.adapters.connection import connect, reliable_publish
from econsim.adapters.trust import Trust
from econsim.adversary.catalogue import ATTACKS
from econsim.adversary.judging import Outcome
from econsim.app import SERVICES, Server, running
from econsim.errors import Conflict
from econsim.launch import siege
from econsim.launch.watch import watched
from econsim.subjects import TICKED

pytestmark = [pytest.mark.nats, pytest.mark.slow, pytest.mark.timeout(300)]

NODES = ("n1", "n2", "n3")
HASH = re.compile(r"hash +([0-9a-f]{64})")


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


def configured(directory, trust, name, ports, routes):
    """Write a node's configuration; return the command that starts it."""
    directory.mkdir()
    resolver = re.sub(r'dir: "[^"]*"', f'dir: "{directory}/resolver"', trust)
    config = directory / "nats.conf"
    config.write_text(
        f'server_name: {name}\nlisten: "127.0.0.1:{ports[0]}"\nmax_payload: 8388608\n'
        f'jetstream {{ store_dir: "{directory}", sync_interval: always }}\n'
        f'cluster {{ name: test, listen: "127.0.0.1:{ports[1]}", routes: {routes} }}\n{resolver}'
    )
    return server_binary.find(), "-c", config


@asynccontextmanager
async def cluster(state):
    """Run the nodes; yields their addresses and processes."""
    await econsim("--state", state, "operator", "create")
    trust = (state / "server" / "trust.conf").read_text()
    ports = {name: (server_state.free_port(), server_state.free_port()) for name in NODES}
    routes = "[" + ", ".join(f'"nats://127.0.0.1:{route}"' for _, route in ports.values()) + "]"
    async with AsyncExitStack() as stack:
        nodes = []
        for name in NODES:
            start = configured(state / name, trust, name, ports[name], routes)
            nodes.append(await stack.enter_async_context(process(*start, stderr=asyncio.subprocess.DEVNULL)))
        yield ",".join(f"nats://127.0.0.1:{port}" for port, _ in ports.values()), nodes


async def applied(*args):
    """Declare the streams as soon as the nodes have agreed on who leads."""
    for _ in range(60):
        try:
            return await econsim(*args, "streams", "apply")
        except AssertionError:
            await asyncio.sleep(0.5)
    return await econsim(*args, "streams", "apply")


async def ticked(urls, creds, run, tick):
    """Wait until a run has come to a tick."""
    client = await connect(urls, creds, "test")
    async with aclosing(reading.follow(client, run)) as log:
        async for stored in log:
            if stored.subject == TICKED(run=run) and json.loads(stored.payload)["tick"] >= tick:
                break
    await client.close()


async def test_of_messages_sent_at_once_one_is_stored_and_each_is_told_which(tmp_path) -> None:
    state = tmp_path / "state"
    async with cluster(state) as (urls, _):
        await applied("--state", state, "--nats", urls)
        client = await connect(urls, state / "trust" / "creds" / "clock.creds", "test")

        def publish(run, message_id, **options):
            return reliable_publish(client.jetstream(), TICKED(run=run), b"{}", message_id, **options)

        same = await asyncio.gather(*(publish("one", "same") for _ in range(20)))
        rivals = [publish("two", f"{n}", expected_sequence=0) for n in range(20)]
        told = await asyncio.gather(*rivals, return_exceptions=True)
        await client.close()

    assert len({ack.seq for ack in same}) == 1
    assert len([ack for ack in same if not ack.duplicate]) == 1
    assert Counter(type(each) for each in told) == {PubAck: 1, Conflict: 19}


async def test_on_three_nodes_every_attack_is_held_and_nobody_notices(tmp_path) -> None:
    state = tmp_path / "state"
    async with cluster(state) as (urls, _):
        await applied("--state", state, "--nats", urls)
        trust = Trust.open(state)
        server = Server(urls, lambda role: state / "trust" / "creds" / f"{role}.creds", trust)
        async with watched(server, print), running(tuple(SERVICES), server):
            report = await siege.besiege_at(replace(server, url=urls.split(",")[0]), ATTACKS, print)

    assert {r.attack.name: r.finding.evidence for r in report.of(Outcome.BROKEN)} == {}
    assert [str(fact) for fact in report.aftermath if not fact.true] == []
    assert len(report.of(Outcome.HELD)) == len(ATTACKS)


async def test_a_run_on_three_nodes_is_the_run_there_is_also_when_one_dies(tmp_path) -> None:
    args = ("run", "genesis", "--periods", 1)
    alone = await econsim("--state", tmp_path / "alone", *args, "--transport", "memory")
    state = tmp_path / "state"
    async with cluster(state) as (urls, nodes):
        there = ("--state", state, "--nats", urls)
        await applied(*there)
        running = asyncio.create_task(econsim(*there, *args, "--name", "one"))
        await ticked(urls, state / "trust" / "creds" / "auditor.creds", "one", 5)
        nodes[0].kill()
        printed = await running
        verified = await econsim(*there, "ledger", "verify", "one")

    assert HASH.search(printed)[1] == HASH.search(alone)[1]
    assert "the books of one add up" in verified
