"""Damage to the server's own files: whatever is lost, every reader says where, and none ends as if all were well."""

from __future__ import annotations

import asyncio
import re
import shutil
from contextlib import aclosing
from random import Random

import pytest
from run_builders import small_scenario
from superuser import superuser
from typer.testing import CliRunner

from econsim import app, subjects
from econsim.adapters.jetstream import provision, run_reader
from econsim.adapters.nats.connection import connect
from econsim.adapters.server.embedded import EmbeddedServer
from econsim.cli import app as commands
from econsim.cli.verification import verify_run
from econsim.config import settings
from econsim.runs.remote import open_run, run_events

pytestmark = [pytest.mark.nats, pytest.mark.slow]

READERS = {
    "events": ("events",),
    "report": ("report",),
    "export": ("export", "--parquet", "tables"),
    "why": ("why", "deal.1", "--run"),
    "verify": ("ledger", "verify"),
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Return a state directory with the finished runs `first` and `second`, its server stopped."""
    directory = tmp_path_factory.mktemp("whole") / "econsim"
    asyncio.run(played(directory))
    return directory


@pytest.fixture
def state(whole, tmp_path, monkeypatch):
    """Return a copy of it, to be damaged."""
    monkeypatch.chdir(tmp_path)
    return shutil.copytree(whole, tmp_path / "econsim")


async def played(directory):
    async with EmbeddedServer(directory) as server:
        client = await connect(server.url, superuser(server), "test")
        await provision.apply(client)
        async with app.running(tuple(app.SERVICES), app.Server(server.url, server.creds)):
            for run in ("first", "second"):
                await open_run(client, run, small_scenario())
                async for _ in run_events(client, run):
                    pass
        await client.close()


def read(state, reader, run="first"):
    """Read a run with a command; return its exit code and what it said."""
    *words, last = READERS[reader]
    order = (
        [*words, last, run]
        if reader in ("events", "report", "why", "verify")
        else [words[0], run, "--parquet", last]
    )
    shown = CliRunner().invoke(commands, [*order, "--state", str(state)], catch_exceptions=False)
    return shown.exit_code, shown.stdout + shown.stderr


def store(state, stream, name):
    """Return one of the files in which the server keeps a stream."""
    return next((state / "nats" / "data" / "jetstream").glob(f"*/streams/{stream}/msgs")) / name


def flip(path, sign, *, last=False):
    """Change one bit of a file, where a piece of text stands for the first or the last time."""
    content = bytearray(path.read_bytes())
    content[(content.rfind if last else content.find)(sign) + 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("reader", READERS)
def test_every_reader_reads_a_whole_run(state, reader):
    code, said = read(state, reader)

    assert code == 0, said


@pytest.mark.parametrize("reader", READERS)
def test_every_reader_names_the_place_of_a_flipped_bit(state, reader):
    flip(store(state, "audit_log", "1.blk"), b"trade_id")

    code, said = read(state, reader)

    assert code == 1
    assert "the record at place" in said


@pytest.mark.parametrize(
    "sign",
    [
        b"market.bid_accepted",
        b"system.closed",
        b"market.transfer_posted",
        b"market.price_updated",
        b"Nats-Msg-Id",
    ],
)
def test_whatever_record_a_bit_flips_in_is_named(state, sign):
    flip(store(state, "audit_log", "1.blk"), sign, last=True)

    found = [read(state, "verify", run) for run in ("first", "second")]

    assert 1 in [code for code, _ in found]
    assert "record_is_missing" in "".join(said for _, said in found)


@pytest.mark.parametrize("seed", range(4))
def test_a_hundred_flipped_bits_are_a_hundred_places_named(state, seed):
    draw, block = Random(seed), store(state, "audit_log", "1.blk")
    content = bytearray(block.read_bytes())
    events = [found.start() for found in re.finditer(b'"event_id":"', content)]
    for start in draw.sample(events[:-1], 25):
        content[start + draw.randrange(100)] ^= 1 << draw.randrange(8)
    block.write_bytes(content)

    findings = [
        each
        for run in ("first", "second")
        for each in asyncio.run(verify_run(settings(state=state), run)).findings
    ]

    missing = [each.evidence for each in findings if each.what == "record_is_missing"]
    places = [re.search(r"places? (\d+)(?: to (\d+))?", each).groups() for each in missing]
    assert len({n for first, last in places for n in range(int(first), int(last or first) + 1)}) == 25


@pytest.mark.parametrize("reader", READERS)
def test_a_log_whose_index_is_made_anew_from_a_damaged_block_is_no_shorter_run(state, reader):
    flip(store(state, "audit_log", "1.blk"), b"trade_id")
    store(state, "audit_log", "index.db").unlink()

    first, second = read(state, reader), read(state, reader, "second")

    assert (first[0], second[0]) == (1, 1), first[1] + second[1]


def test_a_lost_block_of_the_log_is_no_missing_run(state):
    store(state, "audit_log", "1.blk").unlink()

    code, said = read(state, "events")

    assert code == 1
    assert "the opening of the run is gone" in said


@pytest.mark.parametrize(
    ("command", "said"), [("verify", "place in the bucket"), ("balances", "these balances may be old")]
)
def test_a_flipped_bit_of_the_bucket_is_named(state, command, said):
    flip(store(state, "KV_agent_state", "1.blk"), b'"posted":')

    shown = CliRunner().invoke(
        commands, ["ledger", command, "first", "--state", str(state)], catch_exceptions=False
    )

    assert shown.exit_code == 1
    assert said in shown.stdout + shown.stderr


def test_the_list_of_runs_names_a_run_that_lost_its_opening(state):
    whole = listed(state)
    flip(store(state, "audit_log", "1.blk"), b"system.opened", last=True)
    damaged = listed(state)

    assert (whole[0], damaged[0]) == (0, 1)
    assert "run 'second': its opening is gone" in damaged[1]


def test_the_list_of_runs_names_those_whose_end_was_cut_off(state):
    flip(store(state, "audit_log", "1.blk"), b"trade_id")
    store(state, "audit_log", "index.db").unlink()

    code, said = listed(state)

    assert code == 1
    assert "run 'first': the ledger's entries after" in said
    assert "run 'second': its opening is gone" in said


def listed(state):
    shown = CliRunner().invoke(commands, ["runs", "--state", str(state)], catch_exceptions=False)
    return shown.exit_code, shown.stdout + shown.stderr


@pytest.fixture
def halted(tmp_path):
    """Return a state directory with a run that is open, its services and server stopped."""
    asyncio.run(begun(tmp_path / "halted"))
    return tmp_path / "halted"


async def begun(directory):
    wanted = small_scenario(clock={"periods": 1000, "ticks_per_period": 6})
    async with EmbeddedServer(directory) as server:
        client = await connect(server.url, superuser(server), "test")
        await provision.apply(client)
        async with app.running(tuple(app.SERVICES), app.Server(server.url, server.creds)):
            await open_run(client, "first", wanted)
            async with aclosing(run_events(client, "first")) as events:
                async for addressed in events:
                    if addressed.event.tick == 4:
                        break
        await client.close()


async def served(directory, caplog, complaint):
    """Run the services until one complains; return whether another tick opened."""
    async with EmbeddedServer(directory) as server:
        client = await connect(server.url, superuser(server), "test")
        before = await run_reader.newest(client, subjects.TICKED(run="first"))
        async with (
            app.running(tuple(app.SERVICES), app.Server(server.url, server.creds)),
            asyncio.timeout(60),
        ):
            while complaint not in caplog.text:  # noqa: ASYNC110 - services only log it
                await asyncio.sleep(0.1)
        after = await run_reader.newest(client, subjects.TICKED(run="first"))
        await client.close()
    return before != after


def test_services_do_not_go_on_from_a_log_that_lost_an_event(halted, caplog):
    flip(store(halted, "audit_log", "1.blk"), b"trade_id")

    went_on = asyncio.run(served(halted, caplog, "is damaged before place"))

    assert not went_on
    assert "task clock.first is started again" in caplog.text
    assert "batch_counts_other_trades" in caplog.text


def test_a_ledger_does_not_decide_anew_what_its_bucket_lost(halted, caplog):
    flip(store(halted, "KV_agent_state", "1.blk"), b'"type":"market.transfer_posted"', last=True)
    store(halted, "KV_agent_state", "index.db").unlink()

    asyncio.run(
        served(halted, caplog, "task ledger.first is started again: the journal of run 'first' ends at entry")
    )


def test_services_say_of_a_run_that_lost_its_opening_that_it_is_not_served(halted, caplog):
    flip(store(halted, "audit_log", "1.blk"), b"system.opened")

    went_on = asyncio.run(
        served(halted, caplog, "run first is open and not served: its opening cannot be read")
    )

    assert not went_on
