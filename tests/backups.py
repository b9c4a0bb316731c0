"""Snapshots of streams as the `nats` program takes and restores them, and a stream to try them on."""

import asyncio
import json
from contextlib import suppress

import nats.js.errors
import pytest
from nats.js.api import ConsumerConfig

from econsim.adapters.jetstream import provision
from econsim.adapters.nats.connection import reliable_publish

CHUNK_S = 30
REDELIVERY_S = 2
"""Seconds after which a job that nobody acknowledged is handed out again."""


async def snapshot(client, stream):
    """Return what a stream is and its content, as `nats stream backup` asks for it."""
    inbox = await client.subscribe(client.new_inbox())
    asked = {"deliver_subject": inbox.subject, "no_consumers": False, "chunk_size": 65_536}
    about, chunks = await provision.request(client, f"STREAM.SNAPSHOT.{stream}", asked), []
    while data := (message := await inbox.next_msg(timeout=CHUNK_S)).data:
        chunks.append(data)
        if message.reply:
            await client.publish(message.reply)
    await inbox.unsubscribe()
    return {"config": about["config"], "state": about["state"]}, chunks


async def restore(client, stream, backup):
    """Put a stream back, as `nats stream restore` does; return the server's last word."""
    about, chunks = backup
    where = (await provision.request(client, f"STREAM.RESTORE.{stream}", about))["deliver_subject"]
    for chunk in (*chunks, b""):
        answer = await client.request(str(where), chunk, timeout=CHUNK_S)
        if answer.data and (reply := json.loads(answer.data)).keys() & {"error", "config"}:
            return reply
    pytest.fail("the server did not say that the stream is restored")


async def delete(client, stream):
    await provision.request(client, f"STREAM.DELETE.{stream}")


async def is_stored_again(client):
    """Send a message again under its id; tell whether it was stored again."""
    return not (await reliable_publish(client.jetstream(), "kept.1", b"1", "1")).duplicate


async def _worker(client, config):
    """Return the subscription of a new consumer, once the nodes can make it."""
    for _ in range(120):
        with suppress(nats.js.errors.ServiceUnavailableError, TimeoutError):
            return await client.jetstream().pull_subscribe("kept.*", "worker", config=config)
        await asyncio.sleep(0.25)
    return await client.jetstream().pull_subscribe("kept.*", "worker", config=config)


async def fill_stream(client, replicas=1):
    """Make a stream of three jobs, the second of them acknowledged."""
    config = {
        "name": "kept",
        "subjects": ["kept.*"],
        "duplicate_window": 600 * 10**9,
        "num_replicas": replicas,
    }
    await provision.request(client, "STREAM.CREATE.kept", config)
    for number in "123":
        await reliable_publish(client.jetstream(), f"kept.{number}", b"", number)
    wait = ConsumerConfig(ack_wait=REDELIVERY_S)
    jobs = await _worker(client, wait)
    taken = await jobs.fetch(3, timeout=CHUNK_S)
    await taken[1].ack_sync(timeout=CHUNK_S)
    for job in (taken[0], taken[2]):
        await job.nak()


async def jobs_left(client, count=2):
    """Return the first jobs that a worker is handed, when the consumer has a leader."""
    jobs = await client.jetstream().pull_subscribe_bind("worker", "kept")
    found = []
    for _ in range(120):
        with suppress(nats.js.errors.ServiceUnavailableError, TimeoutError):
            found += [message.subject for message in await jobs.fetch(1, timeout=1)]
        if len(found) == count:
            return sorted(found)
        await asyncio.sleep(0.25)
    pytest.fail(f"within a minute a worker was handed {found}")
