"""Publishing is done when everything is stored once, or says that it is not."""

import asyncio
import os
import signal

import pytest
from nats.js.errors import BadRequestError
from superuser import superuser

from econsim.adapters.nats.connection import Outgoing, connect, publish_many, reliable_publish
from econsim.adapters.nats.rpc import ask
from econsim.adapters.server.embedded import EmbeddedServer
from econsim.adapters.server.state_directory import free_port
from econsim.app import Server, running
from econsim.errors import Conflict, InvalidMessage, SetupError, Unavailable
from econsim.schemas.clock import Ping, Pong
from econsim.streams import MESSAGE_BYTES_MAX
from econsim.subjects import PING

pytestmark = pytest.mark.nats


async def test_a_burst_is_stored_once_and_in_order_even_if_sent_twice(nc, run):
    burst = [Outgoing(f"system.clock.ticked.{run}", b"%d" % n, f"{run}-{n}") for n in range(600)]

    await publish_many(nc.jetstream(), burst)
    await publish_many(nc.jetstream(), burst)

    info = await nc.jetstream().stream_info("audit_log", subjects_filter=f"system.clock.ticked.{run}")
    assert info.state.subjects == {f"system.clock.ticked.{run}": 600}


async def test_a_subject_no_stream_keeps_is_unavailable_in_the_end(nc, run):
    with pytest.raises(Unavailable, match="may or may not be stored"):
        await reliable_publish(nc.jetstream(), f"nowhere.{run}", b"", "m1", deadline_s=0.2)


async def test_a_repeat_is_no_conflict_with_itself_but_another_writer_is(nc, run):
    stream, subject = nc.jetstream(), f"system.clock.ticked.{run}"
    first = await reliable_publish(stream, subject, b"1", f"{run}-1", expected_sequence=0)

    again = await reliable_publish(stream, subject, b"1", f"{run}-1", expected_sequence=0)

    assert (again.seq, again.duplicate) == (first.seq, True)
    with pytest.raises(Conflict):
        await reliable_publish(stream, subject, b"2", f"{run}-2", expected_sequence=0)


async def test_writers_on_several_subjects_have_one_order(nc, run):
    """A publish names where the newest message of a pattern lies: a writer that missed one is refused, on any subject of it."""
    stream, among = nc.jetstream(), f"system.social.*.{run}"
    first, other = (f"system.social.{word}.{run}" for word in ("question_asked", "task_offered"))
    asked = await reliable_publish(stream, first, b"1", f"{run}-1", expected_sequence=0, among=among)

    offered = await reliable_publish(
        stream, other, b"2", f"{run}-2", expected_sequence=asked.seq, among=among
    )
    again = await reliable_publish(stream, other, b"2", f"{run}-2", expected_sequence=asked.seq, among=among)

    assert (again.seq, again.duplicate) == (offered.seq, True)
    with pytest.raises(Conflict):
        await reliable_publish(stream, first, b"3", f"{run}-3", expected_sequence=asked.seq, among=among)


async def test_a_message_larger_than_the_server_takes_is_refused(nc, run):
    huge = Outgoing(f"system.clock.ticked.{run}", bytes(MESSAGE_BYTES_MAX + 1), "m1")
    with pytest.raises(InvalidMessage, match="refused"):
        await publish_many(nc.jetstream(), [huge])


async def test_a_streams_refusal_of_an_asynchronous_publish_is_told(nc, run):
    headers = {"Nats-Expected-Stream": "another"}

    refused = await nc.jetstream().publish_async(f"system.clock.ticked.{run}", b"{}", headers=headers)

    with pytest.raises(BadRequestError, match="expected stream does not match"):
        await asyncio.wait_for(refused, 30)


async def test_a_burst_over_a_killed_server_loses_and_doubles_nothing(tmp_path):
    async with EmbeddedServer(tmp_path) as server:
        client = await connect(server.url, superuser(server), "test")
        stream = client.jetstream()
        await stream.add_stream(name="kept", subjects=["agent.*.*.*"])
        os.kill(server.pid, signal.SIGKILL)

        await publish_many(stream, [Outgoing("agent.a.b.c", b"", f"m{n}") for n in range(1000)])

        assert (await stream.stream_info("kept")).state.messages == 1000
        await client.close()


async def test_of_several_nodes_one_that_is_there_is_enough_for_clients_and_services(server, run):
    several = f"nats://127.0.0.1:{free_port()}, {server.url}"
    async with running(["clock"], Server(several, server.creds)):
        client = await connect(several, server.creds("operator"), "test")
        pong = await ask(client, PING(run=run, agent="operator"), Ping(), Pong)
        await client.close()

    assert pong


async def test_a_creds_file_that_is_missing_is_named(tmp_path):
    with pytest.raises(SetupError, match="there is no creds file"):
        await connect("nats://127.0.0.1:1", tmp_path / "none.creds", "test")
