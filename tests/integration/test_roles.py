"""Each service can do its work with its own credentials; nothing it needs is refused."""

import asyncio
from contextlib import asynccontextmanager

import pytest
from faststream.nats import NatsBroker
from faststream.nats.security import NatsCredentials

from econsim.adapters.jetstream import audit_log, provision
from econsim.adapters.jetstream.leases import KeyLeases
from econsim.adapters.jetstream.order_consumers import book_consumer
from econsim.adapters.jetstream.state_store import JetStreamStateStore
from econsim.adapters.nats.connection import connect, options, synchronize
from econsim.ports import Write
from econsim.subjects import (
    GET_BALANCE,
    GET_BOOK,
    OPEN_RUN,
    PLACE_ORDERS,
    PRICE_UPDATED,
    SUBMIT,
    TICKED,
    TRADE_EXECUTED,
)

pytestmark = pytest.mark.nats


@asynccontextmanager
async def role(server, name):
    """Connect as a role; leaving fails if the server refused anything."""
    refused = []

    async def note(error):
        refused.append(str(error))

    client = await connect(server.url, server.creds(name), name, note)
    try:
        yield client
        await synchronize(client)
        assert refused == []
    finally:
        await client.close()


async def answer_with(client, subject, reply):
    async def answer(message):
        await message.respond(reply)

    await client.subscribe(subject, cb=answer)
    await synchronize(client)


async def test_a_market_serves_its_book_and_publishes_events(server, run, nc):
    consumer, commands = book_consumer(run, "cpu"), asyncio.Queue()
    await nc.jetstream().publish(PLACE_ORDERS(resource="cpu", run=run, agent="host"), b"orders")
    async with role(server, "market") as market:
        await market.subscribe(consumer.deliver_subject, cb=commands.put)
        assert await KeyLeases(market).acquire(f"{run}.cpu", "m1")
        await provision.recreate_consumer(market, consumer)
        command = await asyncio.wait_for(commands.get(), 20)
        await market.jetstream().publish(f"$KV.market_prices.cpu.{run}", b"7")
        await market.jetstream().publish(PRICE_UPDATED(resource="cpu", run=run), b"7")
        await market.jetstream().publish(TRADE_EXECUTED(resource="cpu", run=run), b"trade")
        await command.ack_sync()
        logged = [event.payload async for event in audit_log.read(market, run)]

    assert command.data == b"orders"
    assert set(logged) == {b"7", b"trade"}


async def test_a_ledger_answers_and_keeps_the_state(server, run):
    async with role(server, "ledger") as ledger, role(server, "market") as market:
        await answer_with(ledger, SUBMIT.pattern(run=run), b"done")
        await answer_with(ledger, GET_BALANCE.pattern(run=run), b"5")
        await JetStreamStateStore(ledger).commit(run, [Write(f"{run}.alice.balance", b"5")], 0)

        submitted = await market.request(SUBMIT(run=run, agent="market"), b"")
        balance = await market.request(GET_BALANCE(run=run, agent="alice"), b"")
        held = [entry.value async for entry in JetStreamStateStore(ledger).history(run)]

    assert (submitted.data, balance.data, held) == (b"done", b"5", [b"5"])


async def test_a_clock_ticks_and_takes_orders_from_the_operator(server, run, nc):
    async with role(server, "clock") as clock:
        await answer_with(clock, OPEN_RUN.pattern(operator=run), b"opened")
        await clock.jetstream().publish(TICKED(run=run), b"1")
        opened = await nc.request(OPEN_RUN(operator=run), b"")
        ticks = [event.payload async for event in audit_log.read(clock, run)]

    assert (opened.data, ticks) == (b"opened", [b"1"])


async def test_a_service_of_the_framework_runs_with_the_roles_options(server, run, nc):
    identity = NatsCredentials(str(server.creds("market")))
    broker = NatsBroker(server.url, security=identity, **options("market", server.creds("market")))

    @broker.subscriber(GET_BOOK.pattern(run=run))
    async def book(_: bytes) -> bytes:
        return b"empty"

    async with broker:
        await broker.start()
        await synchronize(broker.connection)
        reply = await nc.request(GET_BOOK(resource="cpu", run=run, agent="alice"), b"", timeout=20)

    assert reply.data == b"empty"
