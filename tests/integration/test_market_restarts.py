"""A book whose market service restarts: it knows what the one before knew, and stops when it cannot settle."""

import asyncio
import json
from contextlib import asynccontextmanager

import pytest
import pytest_asyncio
from eventually import eventually
from live_run import external_scenario, live_run
from nats_runs import hash_in_memory, over_nats
from run_builders import canonical_hash, replacing_scenario

from econsim import subjects
from econsim.adapters.jetstream.audit_log import read
from econsim.adapters.nats.rpc import submit
from econsim.app import running
from econsim.domain.market.events import ITEM_EVENTS
from econsim.schemas.ledger import CREDITS, Chain, Kind, Submit, Transfer, clearing_holder

pytestmark = [pytest.mark.nats, pytest.mark.asyncio(loop_scope="module")]

PATIENCE_S = 60


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def live(server):
    """One run for those who do not end it."""
    async with live_run(server, "commands", external_scenario()) as found:
        yield found


async def logged(live, *rows):
    """Return a run's newest data of these events, in log order."""
    patterns = [row.pattern(run=live.run) for row in rows]
    return [json.loads(e.payload)["data"] async for e in read(live.nc, live.run, patterns)]


async def wait_for(live, row, wanted):
    """Wait for an event that fits, and return its data."""

    async def look():
        return next(filter(wanted, await logged(live, row)), None)

    return await eventually(look, PATIENCE_S)


@asynccontextmanager
async def trading(server, run):
    """Open a run with two external agents that receive the outcomes of their orders; its seller acts once a minute."""
    async with live_run(server, run, external_scenario(tick_ms=60_000)) as live:
        anna, bert = live.economy("anna"), live.economy("bert")
        for economy in (anna, bert):
            await economy.start()
        yield live, anna, bert


async def test_an_order_refused_before_a_restart_is_refused_after_it_though_nothing_stands_against_it(server):
    async with trading(server, "refused") as (live, anna, bert):
        terms = {"resource": "cpu", "price": "3.00", "order_id": "p1", "kind": "post_only"}
        # The hosted seller's ask, which the bid would cross.
        await wait_for(live, subjects.TICK_CLEARED, lambda cleared: cleared["quote"]["ask"])
        await anna.place_bid(**terms)
        first = await anna.outcome("p1", PATIENCE_S)
        await bert.place_bid("cpu", "3.00", order_id="all")
        await wait_for(
            live, subjects.TICK_CLEARED, lambda cleared: cleared["trades"] and cleared["quote"]["ask"] is None
        )
        before = await logged(live, *(row for row, _ in ITEM_EVENTS))

        await live.restart_market()
        anna.take_outcomes()
        await live.economy("anna").place_bid(**terms)
        again = await next_outcome(anna)

        assert (first.kind, first.reason) == ("rejected", "post_only_order_would_cross")
        assert (again.kind, again.reason, again.verb) == (first.kind, first.reason, "bid")
        assert await logged(live, *(row for row, _ in ITEM_EVENTS)) == before
        assert not (await bert.get_book("cpu")).bids


async def next_outcome(economy):
    """Return the next outcome of an agent's orders."""
    return await asyncio.wait_for(anext(economy.outcomes()), PATIENCE_S)


async def test_replaced_and_refused_orders_come_to_the_same_over_nats_as_in_memory(server):
    events = await over_nats(server, replacing_scenario(), "replacing")

    assert canonical_hash(events) == hash_in_memory(replacing_scenario())


async def test_a_book_that_cannot_settle_stops_and_ends_its_run_with_the_reason(server):
    """What an order holds is taken away behind the book's back: no order of its own can come to this."""
    async with trading(server, "halted") as (live, anna, _):
        await anna.place_bid("cpu", "0.50", order_id="b1")
        await anna.outcome("b1", PATIENCE_S)
        void = Transfer("theft", Kind.VOID, "anna", clearing_holder("cpu"), CREDITS, 0, "anna.b1.r0")
        theft = Submit(command_id="theft", tick=1, chains=(Chain("theft", "theft", (void,)),))
        assert not (await submit(live.nc, live.run, "test", theft)).refused

        await anna.cancel_order("cpu", "b1")
        halted = await wait_for(live, subjects.TRADING_HALTED, lambda _: True)
        closed = await wait_for(live, subjects.RUN_CLOSED, lambda _: True)

        assert (halted["resource"], halted["chain"]) == ("cpu", "anna.b1.v")
        assert halted["reason"] == "pending_transfer_already_resolved"
        assert "the book of cpu stopped" in closed["failure"]
        assert closed["failure"].endswith("chain anna.b1.v: pending_transfer_already_resolved")


@pytest.mark.parametrize("other", [{"order_id": "o2"}, {"price": 2}, {"quantity": 2}, {"kind": "post_only"}])
async def test_a_command_id_that_stands_for_another_command_is_refused(live, other):
    first = {"command_id": f"c-{next(iter(other))}", "order_id": "o1", "price": 1, "quantity": 1}

    stored = await answer_to(live, "cpu", first)
    again = await answer_to(live, "cpu", first)
    changed = await answer_to(live, "cpu", first | other)

    assert (stored["duplicate"], again["duplicate"]) == (False, True)
    assert changed["refusal"]["code"] == "command_id_exists_with_different_fields"


async def test_a_command_id_of_one_market_is_refused_on_another_also_by_a_worker_that_did_not_receive_it(
    live,
):
    """The order that waits in the queue shows it: its market takes none, because its service is away."""
    order = {"command_id": "c9", "order_id": "o9", "price": 1, "quantity": 1}
    await live.market.aclose()
    await answer_to(live, "cpu", order)

    async with running(("admission",), live.here):
        answers = [await answer_to(live, "gpu", order) for _ in range(12)]
    await live.restart_market()

    assert {answer["refusal"]["code"] for answer in answers} == {"command_id_exists_with_different_fields"}


async def answer_to(live, market, command):
    """Return the gateway's answer to a bid of anna's."""
    request = live.externals["anna"].request(
        f"market.{market}.place_bid", json.dumps(command).encode(), timeout=30
    )
    return json.loads((await request).data)
