"""The sweep of stuck orders over memory: which commands become dead letters, when, and which stay in the queue."""

import asyncio
import json
from contextlib import suppress

import pytest
from factories import run_opened, scenario
from market_builder import AGENTS, LOCK_STEP, MemoryMarket
from run_builders import small_scenario

from econsim import subjects
from econsim.domain.audit.envelope import Envelope
from econsim.schemas.clock import RunClosed
from econsim.services.market import stuck_orders
from econsim.streams import DEAD_LETTER

ORDER = {"command_id": "c", "order_id": "o", "price": 1_000_000, "quantity": 1}


@pytest.fixture
def market():
    return MemoryMarket()


async def place(market, run="run", resource="cpu", agent="anna"):
    await market.client.command(f"market.{resource}.place_bid.{run}.{agent}", ORDER)


async def open_run(market, wanted=None):
    opened = run_opened(wanted or scenario(*AGENTS))
    await market.client.jetstream().publish("system.run.opened.run", opened.model_dump_json().encode())


async def sweep_until(market, condition, grace_s=0.0):
    """Run the task of stuck orders until a condition holds."""
    serving = asyncio.create_task(stuck_orders.serve(market.context, grace_s, poll_interval_s=0.01))
    try:
        await market.client.until(condition)
    finally:
        serving.cancel()
        with suppress(asyncio.CancelledError):
            await serving


def dead_letters(market):
    """Return the code of each dead letter."""
    return [each.headers["dead-letter-code"] for each in market.client.streams[DEAD_LETTER.name].messages]


async def test_an_order_to_a_run_that_is_not_open_becomes_a_dead_letter_and_its_sender_is_answered(market):
    await place(market)

    await sweep_until(market, lambda: not market.client.queued())

    assert dead_letters(market) == ["run_is_not_open"]
    (rejected,) = await market.client.wait_for_published(1, "market.cpu.order_rejected.run.anna")
    (item,) = rejected["data"]["items"]
    assert (item["n"], item["order_id"], item["code"]) == (0, "anna.o", "run_is_not_open")


async def test_an_order_to_a_closed_run_becomes_a_dead_letter(market):
    await open_run(market)
    closed = RunClosed(ticks=1, periods=1, journal_sequence=1, failure="")
    event = Envelope("run", "salt", 1, "now").event(subjects.RUN_CLOSED, "clock", closed)
    await market.client.jetstream().publish(event.subject, event.json())
    await place(market)

    await sweep_until(market, lambda: not market.client.queued())

    assert dead_letters(market) == ["run_is_not_open"]


async def test_an_order_to_a_run_with_impossible_agents_becomes_a_dead_letter_and_holds_up_no_other(market):
    await open_run(market, small_scenario(markets=[{"resource": "cpu", "lot_size": 2}]))
    await place(market)
    await place(market, run="zzz")

    await sweep_until(market, lambda: not market.client.queued())

    assert dead_letters(market) == ["run_is_not_open"] * 2


async def test_an_order_to_a_market_that_the_run_lacks_becomes_a_dead_letter(market):
    await open_run(market)
    await place(market, resource="gold")

    await sweep_until(market, lambda: not market.client.queued())

    assert dead_letters(market) == ["market_is_not_in_this_run"]


async def test_an_address_that_cannot_stand_in_a_subject_becomes_a_dead_letter(market):
    await place(market, resource="Gold!")

    await sweep_until(market, lambda: not market.client.queued())

    assert dead_letters(market) == ["subject_is_invalid"]
    assert not [subject for subject, *_ in market.client.published if "order_rejected" in subject]


async def test_an_order_to_a_book_that_this_worker_knows_stays(market):
    market.context.runs["run"] = LOCK_STEP
    await place(market)
    await place(market, run="gone")

    await sweep_until(market, lambda: len(market.client.queued()) == 1)

    assert market.client.queued() == ["market.cpu.place_bid.run.anna"]


async def test_an_order_to_a_book_that_is_open_by_the_log_alone_stays(market):
    await open_run(market)
    await place(market)
    await place(market, run="gone")

    await sweep_until(market, lambda: len(market.client.queued()) == 1)

    assert market.client.queued() == ["market.cpu.place_bid.run.anna"]


async def test_an_order_may_wait_for_its_run_to_open(market):
    await place(market)
    asked = market.client.requests

    await sweep_until(market, lambda: sum("STREAM.INFO" in each for each in asked) > 3, grace_s=60)

    assert len(market.client.queued()) == 1


async def test_a_command_that_a_book_had_processed_is_only_acknowledged(market):
    await place(market)
    await place(market)
    cleared = {
        "batch": 1, "period": 1, "items": 0, "orders": 0, "trades": 0, "volume": 0,
        "quote": {"bid": None, "ask": None, "last": None}, "tape": [], "last_sequence": 1,
    }  # fmt: skip
    event = {
        "event_id": "e", "type": "market.tick_cleared", "occurred_at": "now", "tick": 1,
        "actor": "market", "correlation_id": "run", "data": cleared,
    }  # fmt: skip
    await market.client.jetstream().publish("market.cpu.tick_cleared.run", json.dumps(event).encode())

    await sweep_until(market, lambda: not market.client.queued())

    assert market.client.acknowledged == [1, 2]
    assert len(dead_letters(market)) == 1
