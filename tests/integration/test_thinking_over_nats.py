"""A run whose agents think has the same log over NATS and in memory, to the last price of a call."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from decimal import Decimal

import nats.errors
import pytest
from eventually import eventually
from factories import group, role, scenario
from live_run import external_scenario, live_run
from nats_runs import hash_in_memory, over_nats
from people import Person
from requirements import requirement
from run_builders import canonical_hash
from thinking import studio, thinkers, token_buyers, tool_askers

from econsim.adapters.nats.connection import connect
from econsim.errors import NotFound, Refused, Unavailable
from econsim.runs.remote import run_events
from econsim.schemas.cognition import LlmInvoked
from econsim.schemas.market import Traded
from econsim.schemas.social_events import QuestionEnded

pytestmark = pytest.mark.nats


WANTED = {"credits": thinkers(), "tokens": token_buyers(hosts=2), "tools": tool_askers(), "studio": studio()}


@pytest.mark.parametrize("wanted", WANTED.values(), ids=WANTED)
@requirement("runtime.cycle", "cognition.metering")
async def test_thoughts_have_one_hash_over_nats_and_in_memory(server, run, wanted) -> None:
    events = await over_nats(server, wanted, run)

    assert canonical_hash(events) == hash_in_memory(wanted)


BAD = {
    "no message": ({"messages": []}, "message_is_invalid"),
    "a role that is none": ({"messages": [{"role": "boss", "content": "x"}]}, "message_is_invalid"),
    "no tokens": ({"max_tokens": 0}, "message_is_invalid"),
    "2^63 tokens": ({"max_tokens": 2**63}, "message_is_invalid"),
    "a schema that is none": ({"response_schema": {"type": "objekt"}}, "response_schema_is_not_valid"),
    "an unknown model": ({"model": "gpt"}, "model_is_not_in_this_run"),
    "another agent": ({"agent_id": "bert"}, "agent_id_does_not_match_subject"),
    "more than its quota": ({"max_tokens": 100_000}, "llm_spend_is_exceeded"),
}
AGAIN = ("calls_per_cycle_are_exceeded", "publish_rate_is_exceeded")
ASK = {"messages": [{"role": "user", "content": "What do you bid?"}], "max_tokens": 100}


@requirement("cognition.invoke", "isolation.identity")
async def test_an_external_agent_pays_for_an_answer_and_nothing_for_a_refusal(server, run) -> None:
    async with live_run(server, run, external_scenario()) as live:
        anna = live.externals["anna"]
        codes = {}
        for what, (fields, _) in BAD.items():
            reply = await anna.request("llm.invoke", json.dumps({**ASK, **fields}).encode(), timeout=20)
            codes[what] = json.loads(reply.data).get("error", {}).get("code")
        untouched = (await live.economy().get_balance()).credits

        async def answered():
            # A tick of a slow machine is long, and an agent asks a few times in each at most.
            reply = json.loads((await anna.request("llm.invoke", json.dumps(ASK).encode(), timeout=20)).data)
            assert "price" in reply or reply["error"]["code"] in AGAIN, reply
            return "price" in reply and reply

        answer = await eventually(answered)

        async def is_stored():
            stored = json.loads((await anna.request("state.balance")).data)
            return (stored["posted"], stored["pending"]) == (100_000_000 - answer["price"], 0)

        await eventually(is_stored)
        paid = (await live.economy().get_balance()).credits

    assert codes == {what: code for what, (_, code) in BAD.items()}
    assert (untouched.available, untouched.reserved) == (100, 0)
    assert paid.available == 100 - Decimal(answer["price"]) / 1_000_000


async def test_periods_end_while_agents_think_and_every_thought_is_paid(server, run) -> None:
    wanted = external_scenario(periods=4, ticks_per_period=2, tick_ms=150)
    prices, refused = [], set()

    async with live_run(server, run, wanted) as live, asyncio.timeout(60):
        anna = live.externals["anna"]
        reading = asyncio.create_task(_events(live))
        while not reading.done():
            try:
                reply = json.loads(
                    (await anna.request("llm.invoke", json.dumps(ASK).encode(), timeout=20)).data
                )
            except nats.errors.Error:
                break
            prices.append(reply.get("price"))
            refused.add(reply.get("error", {}).get("code"))
        log = await reading

    items = [item for e in log if isinstance(e.event.data, LlmInvoked) for item in e.event.data.items]
    closed = log[-1].event.data
    assert (closed.periods, bool(closed.failure)) == (4, False)
    assert sum(filter(None, prices)) == sum(item.price for item in items) > 0
    assert refused <= {
        None,
        "calls_per_cycle_are_exceeded",  # a tick of a slow machine is long
        "period_is_closing",
        "publish_rate_is_exceeded",
        "run_not_found",
        "agent_is_not_in_this_run",
        "service_is_unavailable",
    }


async def _events(live):
    return [event async for event in run_events(live.nc, live.run)]


@requirement("social.prompt_human")
async def test_a_person_decides_for_an_agent_of_a_host(server, run) -> None:
    pupil = group("pupil", "human", credits=20, thinking={}, roles=[role("bid", values=[[3, 2]])])
    seller = group("seller", "truthful", roles=[role("ask", values=[[1, 2]])])
    clock = {"mode": "real_time", "ticks_per_period": 400, "tick_ms": 150, "until": "exhausted"}
    client = await connect(server.url, server.creds("operator"), "test-person")

    deciding = asyncio.create_task(_take_first_option(Person(client, run)))
    events = await over_nats(server, scenario(pupil, seller, clock=clock), run)
    question = await deciding
    await client.close()

    answers = [each.event.data for each in events if isinstance(each.event.data, QuestionEnded)]
    buyers = {item.buyer for e in events if isinstance(e.event.data, Traded) for item in e.event.data.items}
    assert (answers[0].question_id, answers[0].answered_by) == (question.question_id, "operator")
    assert buyers == {"pupil_001"}


async def _take_first_option(person):
    """Answer the first question that waits with its first option."""
    while True:
        with suppress(NotFound, Refused, Unavailable):
            for question in await person.waiting(wait_ms=500):
                return await person.answer(question.question_id, question.options[0])
        await asyncio.sleep(0.05)
