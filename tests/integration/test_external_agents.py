"""An agent in its own account, with a plain nats-py client and nothing but its creds file."""

import asyncio
import json
import time
import uuid

import nats.js.errors
import pytest
import pytest_asyncio
from eventually import eventually
from live_run import external_scenario, live_run
from requirements import requirement

from econsim import subjects
from econsim.adapters.jetstream import provision
from econsim.adapters.jetstream.audit_log import read
from econsim.adapters.jetstream.quota_table import KeyQuotaTable
from econsim.adapters.nats.connection import synchronize
from econsim.agents.channel import AgentChannel
from econsim.agents.economy import EconomicService
from econsim.agents.views import MarketDepth
from econsim.errors import QuotaExceeded
from econsim.schemas.quota import QuotaUpdate
from econsim.subjects import AUDIT, ORDERS

pytestmark = [pytest.mark.nats, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def live(server):
    """One run in real time for all of them."""
    async with live_run(server, "external", external_scenario()) as found:
        yield found


def order(**fields):
    id_ = uuid.uuid4().hex
    return {"command_id": id_, "order_id": id_, "price": 1_000_000, "quantity": 1, **fields}


def body(value):
    return json.dumps(value).encode()


async def answer(client, subject, value, **options):
    return json.loads((await client.request(subject, body(value), timeout=20, **options)).data)


async def recorded(live, subject, **data):
    """Wait for events on a subject with these fields in their data; return them."""

    async def look():
        found = [json.loads(e.payload) async for e in read(live.nc, live.run, [subject])]
        return [event for event in found if event["data"].items() >= data.items()]

    return await eventually(look)


@requirement("queue.orders")
async def test_the_reply_to_an_order_is_its_durable_acknowledgement(live):
    stored = await answer(live.externals["anna"], "market.cpu.place_bid", order())

    assert stored["stream"] == "market_orders"
    assert stored["seq"] > 0


async def test_a_receipt_shows_no_place_in_a_stream(live):
    anna, ends = live.externals["anna"], provision.ends
    before = [(await ends(live.nc, stream))[1] for stream in (ORDERS, AUDIT)]

    placed = await answer(anna, "market.cpu.place_bid", order())
    report = await answer(anna, "agent.anna.slept", {"data": {}})
    batch = {
        "actions": [{"do": "place_bid", "resource": "gpu", "price": 400_000, "quantity": 2, "order_id": "b"}]
    }
    executed = await answer(anna, "market.execute_trade", batch)

    for number, place in zip((placed["seq"], report["seq"]), before, strict=True):
        assert number > 0
        assert number not in range(place, place + 1_000)
    assert {*executed["results"][0]} == {"order_id", "duplicate", "waited_ms"}


@requirement("trace.audit_logger")
async def test_what_an_agent_traces_of_its_own_work_is_an_event_of_the_log(live):
    own = {"span_name": "think", "span_id": "7" * 16, "start_time_unix_nano": 1, "end_time_unix_nano": 2**62}
    report = {"event_id": "thought-1", "trace_id": "a" * 32, "data": own}

    await answer(live.externals["anna"], "agent.anna.traced", report, headers={"traceparent": "forged"})

    (event,) = await recorded(live, f"agent.anna.traced.{live.run}", said_id="thought-1")
    assert (event["type"], event["actor"], event["correlation_id"]) == ("agent.traced", "anna", live.run)
    assert (event["trace_id"], event["data"]["data"]) == ("a" * 32, own)


async def test_a_publish_to_a_stream_works_without_the_streams_api(live):
    ack = await live.externals["anna"].jetstream().publish("market.gpu.place_bid", body(order()))

    assert (ack.stream, ack.duplicate) == ("market_orders", False)


async def test_a_refusal_is_raised_by_any_clients_publish(live):
    with pytest.raises(nats.js.errors.BadRequestError, match="message_is_invalid") as refused:
        await live.externals["anna"].jetstream().publish("market.cpu.place_bid", body(order(price=-1)))

    assert "price" in refused.value.description


@requirement("queue.dedup")
async def test_an_order_sent_twice_is_stored_once(live):
    one = order()
    first = await answer(live.externals["anna"], "market.cpu.place_bid", one)
    again = await answer(live.externals["anna"], "market.cpu.place_bid", one)

    assert (again["seq"], again["duplicate"]) == (first["seq"], True)


async def test_the_same_command_id_of_two_agents_is_two_commands(live):
    one = order()
    mine = await answer(
        live.externals["anna"], "market.gpu.place_bid", one, headers={"Nats-Msg-Id": "poison"}
    )
    other = await answer(
        live.externals["bert"], "market.gpu.place_bid", one, headers={"Nats-Msg-Id": "poison"}
    )

    assert mine["seq"] != other["seq"]
    assert not other["duplicate"]


@requirement("economic.batch_trade")
async def test_a_batch_of_names_reads_and_bids_in_one_round_trip(live):
    terms = {"resource": "gpu", "order_id": "batched", "price": 400_000, "quantity": 2}
    request = {"actions": ["get_balance", "get_prices", "place_bid"], "bid_params": terms}

    balance, prices, stored = (await answer(live.externals["anna"], "market.execute_trade", request))[
        "results"
    ]

    assert balance["credits"]["posted"] > 0
    assert set(prices["prices"]) == {"cpu", "gpu"}
    assert (stored["order_id"], stored["duplicate"]) == ("anna.batched", False)


async def test_an_action_that_is_refused_stops_no_other(live):
    bid = {"do": "place_bid", "resource": "gpu", "price": "0.3"}
    nowhere = {"do": "get_book", "resource": "tea"}

    receipt, refused, book = await live.economy().execute_trade(
        [bid, nowhere, {"do": "get_book", "resource": "gpu"}]
    )

    assert receipt.order_id.startswith("anna.")
    assert refused.error_code == "market_is_not_in_this_run"
    assert isinstance(book, MarketDepth)


@requirement("isolation.enriched")
async def test_a_report_becomes_an_event_of_the_log_with_the_facts_about_its_agent(live):
    report = {
        "event_id": str(uuid.uuid4()),
        "timestamp": time.time(),
        "correlation_id": live.run,
        "causation_id": "evt_abc123",
        "data": {"reasoning_steps": 5, "tokens_used": 1200, "cost": 0.015},
    }
    await live.externals["anna"].jetstream().publish("agent.anna.cognitive_cycle_completed", body(report))

    (event,) = await recorded(live, f"agent.anna.cognitive_cycle_completed.{live.run}")

    assert (event["actor"], event["correlation_id"]) == ("anna", live.run)
    assert event["causation_id"] == "evt_abc123"
    assert event["data"]["agent"] == {
        "policy": "external",
        "host": None,
        "balance_ref": f"{live.run}.anna.balance",
    }
    assert event["data"]["data"] == report["data"]
    assert event["event_id"] != report["event_id"] == event["data"]["said_id"]


async def test_a_report_sent_twice_is_one_event(live):
    report = {"event_id": "once", "data": {}}
    first = await answer(live.externals["anna"], "agent.anna.slept", report)
    again = await answer(live.externals["anna"], "agent.anna.slept", report)

    assert (again["seq"], again["duplicate"]) == (first["seq"], True)


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"agent_id": "bert"}, "agent_id_does_not_match_subject"),
        ({"correlation_id": "another-run"}, "correlation_id_does_not_match_subject"),
    ],
)
@requirement("subjects.admission", "isolation.identity")
async def test_a_message_in_another_agents_name_is_refused_and_recorded(live, fields, code):
    reply = await answer(live.externals["anna"], "agent.anna.woke", fields)

    assert reply["refusal"]["code"] == code
    assert reply["error"]["code"] == 403
    assert await recorded(
        live, subjects.ADMISSION_REJECTED(run=live.run), sender="anna", code=code, side="agent"
    )


@requirement("kv.state", "economic.get_prices")
async def test_an_agent_reads_its_own_balance_and_public_prices_as_they_are_stored(live):
    anna = live.externals["anna"]
    await EconomicService(AgentChannel(anna, live.run, "anna")).place_bid("cpu", "0.5")

    async def price():
        return (await anna.request("state.price.cpu")).data

    stored = await eventually(price)
    balance = await anna.request("state.balance")

    assert json.loads(balance.data)["posted"] > 0
    assert balance.headers["Nats-Subject"] == f"$KV.agent_state.{live.run}.anna.balance"
    assert json.loads(stored)["data"]["resource"] == "cpu"


@requirement("pubsub.prices")
async def test_prices_come_on_one_subject_and_on_each_markets_own(live):
    anna, received = live.externals["anna"], asyncio.Queue()
    for subject in ("market.price_update", "market.*.price_updated", "market.bid_accepted.*"):
        await anna.subscribe(subject, cb=received.put)
    await synchronize(anna)

    await live.economy("bert").place_bid("gpu", "1.01")
    await live.economy("anna").place_bid("gpu", "1.02")

    async with asyncio.timeout(30):
        wanted = {"market.price_update", "market.gpu.price_updated", "market.bid_accepted.gpu"}
        while wanted:
            wanted.discard((await received.get()).subject)


@requirement("queue.orders")
async def test_an_order_is_replaced_by_another_and_both_outcomes_are_delivered(live):
    economy = live.economy("anna")
    await economy.start()
    old = await economy.place_bid("gpu", "0.11", 2)

    new = await economy.replace_order("gpu", old.order_id, "0.12")
    reply = [await economy.outcome(order_id) for order_id in (old.order_id, new.order_id)]
    bids = {str(bid.price): bid.quantity for bid in (await economy.get_book("gpu", 50)).bids}
    await economy.stop()

    assert [(each.kind, str(each.price), each.quantity, each.reason) for each in reply] == [
        ("accepted", "0.11", 2, ""),
        ("accepted", "0.12", 1, ""),
    ]
    assert "0.11" not in bids
    assert bids["0.12"] == 1


async def test_a_quota_refuses_with_the_time_to_wait_and_the_sdk_waits(live):
    await KeyQuotaTable(live.nc).change(live.run, "bert", QuotaUpdate(max_publish_rate=5))
    await asyncio.sleep(1.5)

    asking = (answer(live.externals["bert"], "agent.bert.hurried", {"data": {"n": n}}) for n in range(60))
    answers = await asyncio.gather(*asking)
    refused = [each["refusal"] for each in answers if "refusal" in each]
    receipt = await live.economy("bert").place_bid("gpu", "0.2")
    with pytest.raises(QuotaExceeded) as impatient:
        await _place_without_patience(live)

    assert refused
    assert {each["code"] for each in refused} == {"publish_rate_is_exceeded"}
    assert all(0 < each["retry_after_ms"] <= 1000 for each in refused)
    assert receipt.waited_ms >= 0
    assert impatient.value.retry_after_ms


async def _place_without_patience(live):
    economy = EconomicService(AgentChannel(live.externals["bert"], live.run, "bert", patience_s=0))
    for _ in range(20):
        await economy.place_bid("gpu", "0.2")


async def test_open_orders_have_a_limit_of_their_own(live):
    await KeyQuotaTable(live.nc).change(
        live.run, "anna", QuotaUpdate(max_open_orders=3, max_publish_rate=100)
    )
    await asyncio.sleep(1.5)
    economy = live.economy("anna")
    await economy.start()

    placed = [(await economy.place_bid("cpu", "0.01")).order_id for _ in range(12)]
    reply = [await economy.outcome(order_id) for order_id in placed]
    await economy.stop()

    assert {each.reason for each in reply if each.reason} == {"open_orders_are_exceeded"}
    assert len([bid for bid in (await economy.get_book("cpu", 50)).bids if bid.price == reply[0].price]) <= 1
