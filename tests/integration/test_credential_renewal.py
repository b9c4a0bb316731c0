"""Credentials are replaced while services work: they answer before, meanwhile and after, and nothing is lost."""

import asyncio
import shutil

import pytest
from eventually import eventually
from live_run import external_scenario, live_run

from econsim.adapters.nats.account_push import account_provisioner, rotate
from econsim.adapters.nats.connection import connect
from econsim.adapters.nats.credential_renewal import POLL_INTERVAL_S, keep_current
from econsim.adapters.server.embedded import EmbeddedServer
from econsim.app import Server
from econsim.errors import SetupError
from econsim.identity.private_files import write
from econsim.runs.launch.server import provision_streams

pytestmark = pytest.mark.nats


def hand_out_nothing(_):
    """Services read the files of the trust root."""


async def test_services_go_on_while_all_keys_are_replaced(tmp_path, run):
    async with EmbeddedServer(tmp_path) as server:
        await provision_streams(Server(server.url, server.creds))
        kept = shutil.copyfile(server.creds("market"), tmp_path / "kept.creds")
        async with live_run(server, run, external_scenario()) as live:
            economy = live.economy("anna")
            before = await economy.place_bid("cpu", "0.5")
            rotating = asyncio.create_task(
                rotate(server.url, server.trust, hand_out_nothing, overlap_s=10 * POLL_INTERVAL_S)
            )
            during = []
            while not rotating.done():
                during.append(await economy.place_bid("cpu", "0.5"))
                await economy.get_balance()
                await asyncio.sleep(0.05)
            await rotating
            after = await economy.place_bid("cpu", "0.5")
            depth = await economy.get_book("cpu")

        with pytest.raises(SetupError):
            await connect(server.url, kept, "test-kept")

    placed = [receipt.order_id for receipt in (before, *during, after)]
    assert len({*placed}) == len(placed)
    assert during
    assert depth.bids


async def replace_files_too_early(server):
    """Replace the files well before the server gets the new keys."""
    new = server.trust.rotate()
    await asyncio.sleep(2.5 * POLL_INTERVAL_S)
    async with account_provisioner(server.url, new) as provisioner:
        await provisioner.push(new.accounts().values())


async def replace_files_too_late(server):
    """Take the old keys away before anybody looked at the new files."""
    await rotate(server.url, server.trust, hand_out_nothing, overlap_s=0)


@pytest.mark.parametrize("replace", [replace_files_too_early, replace_files_too_late])
async def test_services_that_are_refused_for_a_while_go_on_with_the_new_keys(tmp_path, run, replace):
    async with EmbeddedServer(tmp_path) as server:
        await provision_streams(Server(server.url, server.creds))
        async with live_run(server, run, external_scenario()) as live:
            await live.until_served()
            await replace(server)
            await live.until_served()
            await live.economy("anna").place_bid("cpu", "0.5")


class CountingClient:
    """A client that counts its reconnects."""

    def __init__(self):
        self.is_closed, self.is_connected, self.reconnects = False, True, 0

    async def force_reconnect(self):
        self.reconnects += 1


@pytest.fixture
async def kept(tmp_path, monkeypatch):
    """Return a client whose creds file is looked at all the time, and the file."""
    monkeypatch.setattr("econsim.adapters.nats.credential_renewal.POLL_INTERVAL_S", 0.01)
    creds, client = tmp_path / "user.creds", CountingClient()
    creds.write_text("one")
    task = asyncio.create_task(keep_current(client, creds))
    await asyncio.sleep(0.05)  # the times of two files of one moment may be equal
    yield client, creds
    client.is_closed = True
    await asyncio.wait_for(task, 60)


async def test_each_change_of_the_file_is_one_new_connection(kept):
    client, creds = kept
    for count, text in enumerate(("two", "three"), 1):
        write(creds, text)
        await eventually(lambda count=count: client.reconnects >= count)
    await asyncio.sleep(0.1)

    assert client.reconnects == 2


async def test_a_file_that_is_away_for_a_moment_changes_nothing_until_it_is_back(kept):
    client, creds = kept
    creds.unlink()
    await asyncio.sleep(0.1)
    assert client.reconnects == 0

    write(creds, "two")

    await eventually(lambda: client.reconnects == 1)


async def test_a_change_while_there_is_no_connection_is_made_good_when_there_is_one(kept):
    client, creds = kept
    client.is_connected = False
    write(creds, "two")
    await asyncio.sleep(0.1)
    assert client.reconnects == 0

    client.is_connected = True

    await eventually(lambda: client.reconnects == 1)
