"""Each way in which a server of models can fail, from HTTP to the ledger: a typed ending in time, and money that adds up."""

import asyncio
import time
from contextlib import asynccontextmanager

import pytest
from call_builders import LedgerJournal, Meter, call
from factories import active, group, scenario
from model_server import Endless, body, hang_up, model_server, piece, silence, streamed, whole

from econsim.domain.cognition.calls import Calls
from econsim.schemas.cognition import CallFailure
from econsim.services.cognition.answers import ProviderAnswers
from econsim.services.cognition.call_quotas import CallQuotas
from econsim.services.cognition.invoker import Invoker

pytest.importorskip("aiohttp")
from econsim.adapters.models.limits import LimitedProvider
from econsim.adapters.models.openai_compatible import OpenAiCompatibleProvider
from econsim.schemas.provider_file import OpenAiCompatibleTable

pytestmark = pytest.mark.slow
BUDGET = 1_000_000
HALF = body("Buy two of them." * 10)[:180]
FAULTS = {
    "time-out": (silence, CallFailure.PROVIDER_TIMED_OUT, False),
    "refusal": (whole(b"{}", "400 Bad Request"), CallFailure.PROVIDER_REFUSED, False),
    "malformed output": (whole(b"<html>"), CallFailure.ANSWER_IS_MALFORMED, False),
    "half an answer": (whole(HALF, length=10_000), CallFailure.ANSWER_IS_INCOMPLETE, True),
    "half a stream": (streamed(piece("Buy"), done=False), CallFailure.ANSWER_IS_INCOMPLETE, True),
    "429": (whole(b"{}", "429 Too Many Requests"), CallFailure.PROVIDER_IS_BUSY, False),
    "500": (whole(b"{}", "500 Internal Server Error"), CallFailure.PROVIDER_FAILED, False),
    "closed connection": (hang_up, CallFailure.PROVIDER_FAILED, False),
    "100 MB answer": (Endless(1_600), CallFailure.ANSWER_IS_TOO_LARGE, True),
    "refusal of the model": (
        whole(body(None, (10, 5), message={"refusal": "No."})),
        CallFailure.PROVIDER_REFUSED,
        True,
    ),
}


@asynccontextmanager
async def invoking(answer):
    """Yield an invoker whose one provider is a server that answers so, and its journal."""
    async with model_server(answer) as server:
        table = OpenAiCompatibleTable(kind="openai_compatible", base_url=server.base_url)
        provider = LimitedProvider(OpenAiCompatibleProvider("stub", table))
        offer = {"provider": "stub", "input_price": 150, "output_price": 600}
        run = active(
            scenario(group("ana", "external"), cognition={"models": [{"name": "default", "offers": [offer]}]})
        )
        journal = LedgerJournal(calls := Calls(), BUDGET)
        answers = ProviderAnswers(run.cognition, {"stub": provider})
        yield Invoker(run, calls, journal, answers, CallQuotas(run, Meter())), journal
        await provider.close()


@pytest.mark.parametrize(("answer", "word", "is_charged"), FAULTS.values(), ids=FAULTS)
async def test_a_fault_ends_in_time_with_its_word_and_its_price(answer, word, is_charged):
    started = time.perf_counter()
    async with invoking(answer) as (invoker, journal):
        outcome = await invoker.invoke(call(deadline_ms=2_000), print)

    assert outcome.failure is word
    assert bool(outcome.price) is is_charged
    assert journal.credits() == (BUDGET - outcome.price, 0)
    assert time.perf_counter() - started < 10


@pytest.mark.parametrize("usage", [(10, 0), (10, 100_000), (2**31 - 1, 5)])
async def test_tokens_that_contradict_the_text_cost_at_most_the_reservation(usage):
    async with invoking(whole(body("Buy two of them.", usage))) as (invoker, journal):
        outcome = await invoker.invoke(call())

    assert outcome.is_usage_doubted
    assert 0 < outcome.usage.output_tokens <= 100
    assert journal.credits() == (BUDGET - outcome.price, 0)


async def test_answers_in_another_order_are_paid_by_their_own_calls():
    out = asyncio.Event()

    async def answer(request, writer):
        text = request["messages"][0]["content"]
        if text == "first":
            await out.wait()
        await whole(body(text, (len(text), 1)))(request, writer)
        out.set()

    async with invoking(answer) as (invoker, journal):
        calls = call(ordinal=1, text="first"), call(ordinal=2, text="the second")
        first, second = await asyncio.gather(*map(invoker.invoke, calls))

    assert (first.content, first.usage.input_tokens) == ("first", 5)
    assert (second.content, second.usage.input_tokens) == ("the second", 10)
    assert journal.credits() == (BUDGET - first.price - second.price, 0)
