"""Reply subjects and rates of requests: agents have a rate, and no answer goes to a subject that is no inbox."""

import asyncio
import json
import time

import pytest
import pytest_asyncio
from eventually import eventually
from live_run import external_scenario, live_run

from econsim import subjects
from econsim.adapters.jetstream.audit_log import read
from econsim.adapters.jetstream.quota_table import KeyQuotaTable
from econsim.adapters.nats.connection import synchronize
from econsim.schemas.quota import QuotaUpdate

pytestmark = [pytest.mark.nats, pytest.mark.asyncio(loop_scope="module")]

RATE = 5


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def live(server):
    """One run in real time for all tests, in which bert has a low rate."""
    async with live_run(server, "screened", external_scenario()) as found:
        await KeyQuotaTable(found.nc).change(found.run, "bert", QuotaUpdate(max_publish_rate=RATE))
        # Workers notice within a second, and a window is one.
        await asyncio.sleep(1.5)
        yield found


def allowance_since(started):
    """Return how many requests of bert may be answered since then: his rate in every second that was touched."""
    return RATE * (int(time.monotonic() - started) + 2)


async def ask_at_once(client, subject, times=1):
    """Send the same request so many times at once; return the answers."""
    answers = await asyncio.gather(*(client.request(subject, b"", timeout=20) for _ in range(times)))
    return [json.loads(answer.data) for answer in answers]


async def rejections(live, code):
    """Return the log's rejections with this code."""
    patterns = [subjects.ADMISSION_REJECTED.pattern(run=live.run)]
    found = [json.loads(event.payload)["data"] async for event in read(live.nc, live.run, patterns)]
    return [each for each in found if each["code"] == code]


async def collect(client, subject):
    received = []

    async def receive(message):
        received.append(message)

    await client.subscribe(subject, cb=receive)
    await synchronize(client)
    return received


@pytest.mark.parametrize("service", ["ledger", "market", "social"])
async def test_an_answer_goes_to_no_subject_that_is_not_an_inbox(live, service):
    subject_of = {
        "ledger": subjects.GET_BALANCE(run=live.run, agent=f"a-{service}"),
        "market": subjects.GET_PRICES(run=live.run, agent=f"a-{service}"),
        "social": subjects.READ_SOCIAL(run=live.run, agent=f"a-{service}"),
    }[service]
    foreign = subjects.TRADE_EXECUTED(run=f"forged-{service}", resource="cpu")
    received = await collect(live.nc, foreign)

    for _ in range(20):
        await live.nc.publish(subject_of, b"", reply=foreign)
    recorded = await rejections_of(live, f"a-{service}", "reply_subject_is_foreign", 20)

    # Nothing was published there, not even a stream's acknowledgement.
    assert not received
    assert len(recorded) <= 2
    assert recorded[0]["times"] == 1
    assert (recorded[0]["subject"], recorded[0]["side"]) == (subject_of, "agent")


async def rejections_of(live, sender, code, times):
    """Return the log's rejections of a sender, once they count so many attempts."""

    async def look():
        found = [each for each in await rejections(live, code) if each["sender"] == sender]
        return found if sum(each["times"] for each in found) >= times else None

    return await eventually(look)


async def test_a_request_without_a_reply_subject_is_not_carried_out(live):
    anna, economy = live.externals["anna"], live.economy("anna")
    steps = [{"do": "place_bid", "resource": "gpu", "price": 300_000, "quantity": 7, "order_id": "mute"}]
    await anna.publish("market.execute_trade", json.dumps({"actions": steps}).encode())

    await economy.place_bid("gpu", "0.5", 3)

    async def look():
        return (await economy.get_book("gpu")).bids

    bids = await eventually(look)

    assert [(str(bid.price), bid.quantity) for bid in bids] == [("0.5", 3)]


async def test_an_agent_over_its_rate_is_refused_with_the_time_to_wait(live):
    await asyncio.sleep(1)
    started = time.monotonic()

    answers = await ask_at_once(live.externals["bert"], "market.account.get_balance", 40 * RATE)

    refused = [answer["error"] for answer in answers if "error" in answer]
    assert RATE <= len(answers) - len(refused) <= allowance_since(started)
    assert {each["code"] for each in refused} == {"publish_rate_is_exceeded"}
    assert all(each["retryable"] and 0 < each["retry_after_ms"] <= 1_000 for each in refused)


async def test_all_services_count_the_same_rate(live):
    await asyncio.sleep(1)
    started = time.monotonic()
    ways = ["market.account.get_balance", "market.prices.get_prices", "market.cpu.get_book", "llm.invoke"]

    answers = await asyncio.gather(*(ask_at_once(live.externals["bert"], way, 2 * RATE) for way in ways))

    over = [
        a["error"]["code"] == "publish_rate_is_exceeded" for each in answers for a in each if "error" in a
    ]
    done = len(ways) * 2 * RATE - sum(over)
    assert 0 < done <= allowance_since(started)


async def test_an_agent_over_its_rate_takes_nothing_from_another(live):
    await asyncio.sleep(1)

    _, answers = await asyncio.gather(
        ask_at_once(live.externals["bert"], "market.account.get_balance", 50),
        ask_at_once(live.externals["anna"], "market.account.get_balance", 20),
    )

    assert not [answer for answer in answers if "error" in answer]


async def test_callers_in_the_services_own_account_are_not_counted(live):
    answers = await ask_at_once(live.nc, subjects.GET_BALANCE(run=live.run, agent="bert"), 20 * RATE)

    assert {answer.get("holder") for answer in answers} == {"bert"}
