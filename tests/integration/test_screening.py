"""Who is answered, where, and how often: agents by their rate, callers in SIM at inboxes of their own only."""

import asyncio
import json
import time

import pytest
import pytest_asyncio
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
    """One run in real time for all of them, in which bert may ask little."""
    async with live_run(server, "screened", external_scenario()) as found:
        await KeyQuotaTable(found.nc).change(found.run, "bert", QuotaUpdate(max_publish_rate=RATE))
        # Workers notice within a second, and a window is one.
        await asyncio.sleep(1.5)
        yield found


def most(started):
    """Return what bert may be let do since then: his rate in every second that was touched."""
    return RATE * (int(time.monotonic() - started) + 2)


async def asked(client, subject, times=1):
    """Ask the same all at once; return the answers."""
    answers = await asyncio.gather(*(client.request(subject, b"", timeout=20) for _ in range(times)))
    return [json.loads(answer.data) for answer in answers]


async def rejected(live, code):
    """Return what the log tells of tries with this code, once it tells anything."""
    async with asyncio.timeout(30):
        while True:
            told = [
                json.loads(e.payload)["data"]
                async for e in read(live.nc, live.run, [subjects.ADMISSION_REJECTED.pattern(run=live.run)])
            ]
            if found := [each for each in told if each["code"] == code]:
                return found
            await asyncio.sleep(0.05)


async def heard_on(client, subject):
    heard = []

    async def hear(message):
        heard.append(message)

    await client.subscribe(subject, cb=hear)
    await synchronize(client)
    return heard


@pytest.mark.parametrize("service", ["ledger", "market", "admission"])
async def test_an_answer_goes_to_no_subject_that_is_not_an_inbox(live, service):
    asked_of = {
        "ledger": subjects.GET_BALANCE(run=live.run, agent=f"a-{service}"),
        "market": subjects.GET_PRICES(run=live.run, agent=f"a-{service}"),
        "admission": subjects.USE_SOCIAL(run=live.run, operation="ask", agent=f"a-{service}"),
    }[service]
    foreign = subjects.TRADE_EXECUTED(run=f"forged-{service}", resource="cpu")
    heard = await heard_on(live.nc, foreign)

    for _ in range(20):
        await live.nc.publish(asked_of, b"", reply=foreign)
    told = await rejected_of(live, f"a-{service}", "reply_subject_is_foreign", 20)

    # What the stream acknowledges is not an answer; nothing was published there at all.
    assert not heard
    assert len(told) <= 2
    assert told[0]["times"] == 1
    assert (told[0]["subject"], told[0]["side"]) == (asked_of, "agent")


async def rejected_of(live, sender, code, times):
    """Return what the log tells of a sender, once it tells of so many tries."""
    async with asyncio.timeout(30):
        while True:
            told = [each for each in await rejected(live, code) if each["sender"] == sender]
            if sum(each["times"] for each in told) >= times:
                return told
            await asyncio.sleep(0.05)


async def test_what_asks_for_no_answer_is_not_done(live):
    anna, economy = live.externals["anna"], live.economy("anna")
    steps = [{"do": "place_bid", "resource": "gpu", "price": 300_000, "quantity": 7, "order_id": "mute"}]
    await anna.publish("market.execute_trade", json.dumps({"actions": steps}).encode())

    await economy.place_bid("gpu", "0.5", 3)
    async with asyncio.timeout(30):
        while not (bids := (await economy.get_book("gpu")).bids):  # noqa: ASYNC110 - asked again until it is there
            await asyncio.sleep(0.05)

    assert [(str(bid.price), bid.quantity) for bid in bids] == [("0.5", 3)]


async def test_an_agent_asks_as_often_as_its_rate_allows_and_is_told_when_again(live):
    await asyncio.sleep(1)
    started = time.monotonic()

    answers = await asked(live.externals["bert"], "market.account.get_balance", 40 * RATE)

    refused = [answer["error"] for answer in answers if "error" in answer]
    assert RATE <= len(answers) - len(refused) <= most(started)
    assert {each["code"] for each in refused} == {"publish_rate_is_exceeded"}
    assert all(each["retryable"] and 0 < each["retry_after_ms"] <= 1_000 for each in refused)


async def test_all_services_count_the_same_rate(live):
    await asyncio.sleep(1)
    started = time.monotonic()
    ways = ["market.account.get_balance", "market.prices.get_prices", "market.cpu.get_book", "llm.invoke"]

    answers = await asyncio.gather(*(asked(live.externals["bert"], way, 2 * RATE) for way in ways))

    over = [
        a["error"]["code"] == "publish_rate_is_exceeded" for each in answers for a in each if "error" in a
    ]
    done = len(ways) * 2 * RATE - sum(over)
    assert 0 < done <= most(started)


async def test_who_asks_too_much_takes_nothing_from_another(live):
    await asyncio.sleep(1)

    _, answers = await asyncio.gather(
        asked(live.externals["bert"], "market.account.get_balance", 50),
        asked(live.externals["anna"], "market.account.get_balance", 20),
    )

    assert not [answer for answer in answers if "error" in answer]


async def test_callers_in_the_services_own_account_are_not_counted(live):
    answers = await asked(live.nc, subjects.GET_BALANCE(run=live.run, agent="bert"), 20 * RATE)

    assert {answer.get("holder") for answer in answers} == {"bert"}
