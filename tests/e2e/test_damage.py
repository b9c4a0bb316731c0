"""Damage to the server's own files: every reader names the lost places, and ends with an error."""

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
from econsim.adapters.jetstream import gaps, provision, run_reader
from econsim.adapters.nats.connection import connect
from econsim.adapters.server.embedded import EmbeddedServer
from econsim.cli import app as commands
from econsim.cli import run_list, run_log
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
    asyncio.run(play_runs(directory))
    return directory


@pytest.fixture
def state(whole, tmp_path, monkeypatch):
    """Return a copy of it, to be damaged; what its readers ask for again and wait for never comes."""
    monkeypatch.setattr(gaps, "AGAIN_S", 0.01)
    monkeypatch.setattr(run_log, "CATCH_UP_S", 1.0)
    monkeypatch.setattr(run_list, "CATCH_UP_S", 1.0)
    monkeypatch.chdir(tmp_path)
    return shutil.copytree(whole, tmp_path / "econsim")


async def play_runs(directory):
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
    """Read a run with a command; return its exit code and its output."""
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
    code, output = read(state, reader)

    assert code == 0, output


@pytest.mark.parametrize("reader", READERS)
def test_every_reader_names_the_place_of_a_flipped_bit(state, reader):
    flip(store(state, "audit_log", "1.blk"), b"trade_id")

    code, output = read(state, reader)

    assert code == 1
    assert "the record at place" in output


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
    assert "record_is_missing" in "".join(output for _, output in found)


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

    code, output = read(state, "events")

    assert code == 1
    assert "the opening of the run is gone" in output


@pytest.mark.parametrize(
    ("command", "output"), [("verify", "place in the bucket"), ("balances", "these balances may be old")]
)
def test_a_flipped_bit_of_the_bucket_is_named(state, command, output):
    flip(store(state, "KV_agent_state", "1.blk"), b'"posted":')

    shown = CliRunner().invoke(
        commands, ["ledger", command, "first", "--state", str(state)], catch_exceptions=False
    )

    assert shown.exit_code == 1
    assert output in shown.stdout + shown.stderr


def test_the_list_of_runs_names_a_run_that_lost_its_opening(state):
    whole = list_runs(state)
    flip(store(state, "audit_log", "1.blk"), b"system.opened", last=True)
    damaged = list_runs(state)

    assert (whole[0], damaged[0]) == (0, 1)
    assert "run 'second': its opening is gone" in damaged[1]


def test_the_list_of_runs_names_those_whose_end_was_cut_off(state):
    flip(store(state, "audit_log", "1.blk"), b"trade_id")
    store(state, "audit_log", "index.db").unlink()

    code, output = list_runs(state)

    assert code == 1
    assert "run 'first': the ledger's entries after" in output
    assert "run 'second': its opening is gone" in output


def list_runs(state):
    shown = CliRunner().invoke(commands, ["runs", "--state", str(state)], catch_exceptions=False)
    return shown.exit_code, shown.stdout + shown.stderr


@pytest.fixture
def stopped(tmp_path):
    """Return a state directory with a run that is open, its services and server stopped."""
    asyncio.run(begin_run(tmp_path / "halted"))
    return tmp_path / "halted"


async def begin_run(directory):
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


async def serve_until(directory, caplog, complaint):
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


def test_services_do_not_go_on_from_a_log_that_lost_an_event(stopped, caplog):
    flip(store(stopped, "audit_log", "1.blk"), b"trade_id")

    complaint = "task clock.first is tried again: the log of run 'first' is damaged before place"

    went_on = asyncio.run(serve_until(stopped, caplog, complaint))

    assert not went_on
    assert "batch_counts_other_trades" in caplog.text


def test_a_ledger_does_not_decide_anew_what_its_bucket_lost(stopped, caplog):
    flip(store(stopped, "KV_agent_state", "1.blk"), b'"type":"market.transfer_posted"', last=True)
    store(stopped, "KV_agent_state", "index.db").unlink()

    asyncio.run(
        serve_until(
            stopped, caplog, "task ledger.first is tried again: the journal of run 'first' ends at entry"
        )
    )


def test_services_say_of_a_run_that_lost_its_opening_that_it_is_not_served(stopped, caplog):
    flip(store(stopped, "audit_log", "1.blk"), b"system.opened")

    went_on = asyncio.run(
        serve_until(stopped, caplog, "run first is open and not served: its opening cannot be read")
    )

    assert not went_on
