"""What docs/operations/backup.md says of one server, tried: a copy of it when stopped, and snapshots of it running."""

import shutil

import pytest
from backups import delete, fill_stream, is_stored_again, jobs_left, restore, snapshot
from superuser import superuser

from econsim.adapters.jetstream import provision
from econsim.adapters.nats.connection import connect
from econsim.adapters.server.embedded import EmbeddedServer

pytestmark = pytest.mark.nats


async def test_the_copy_of_a_stopped_servers_directory_is_all_there_was(tmp_path):
    async with EmbeddedServer(tmp_path / "state") as server:
        client = await connect(server.url, superuser(server), "test-backup")
        await fill_stream(client)
        await client.close()
    shutil.copytree(tmp_path / "state", tmp_path / "copy")

    async with EmbeddedServer(tmp_path / "copy") as server:
        client = await connect(server.url, superuser(server), "test-backup")
        found = await provision.depth(client, "kept"), await jobs_left(client), await is_stored_again(client)
        await client.close()

    assert found == (3, ["kept.1", "kept.3"], False)


async def test_a_restored_stream_knows_its_message_ids_again_after_a_restart(tmp_path):
    async with EmbeddedServer(tmp_path) as server:
        client = await connect(server.url, superuser(server), "test-backup")
        await fill_stream(client)
        backup = await snapshot(client, "kept")
        await delete(client, "kept")
        await restore(client, "kept", backup)
        forgotten = await is_stored_again(client)
        await delete(client, "kept")
        await restore(client, "kept", backup)
        await client.close()
    async with EmbeddedServer(tmp_path) as server:
        client = await connect(server.url, superuser(server), "test-backup")
        after = await is_stored_again(client)
        await client.close()

    assert (forgotten, after) == (True, False)


async def test_on_one_server_a_restored_consumer_knows_what_was_acknowledged(tmp_path):
    async with EmbeddedServer(tmp_path) as server:
        client = await connect(server.url, superuser(server), "test-backup")
        await fill_stream(client)
        backup = await snapshot(client, "kept")
        await delete(client, "kept")
        await restore(client, "kept", backup)
        left = await jobs_left(client)
        await client.close()

    assert left == ["kept.1", "kept.3"]


async def test_a_restore_that_failed_on_one_server_leaves_nothing_in_the_way(tmp_path):
    async with EmbeddedServer(tmp_path) as server:
        client = await connect(server.url, superuser(server), "test-backup")
        await fill_stream(client)
        about, chunks = await snapshot(client, "kept")
        await delete(client, "kept")

        failed = await restore(client, "kept", (about, [chunks[0][:-10]]))
        again = await restore(client, "kept", (about, chunks))
        await client.close()

    assert ("error" in failed, "error" in again) == (True, False)
