"""The market's handlers on a broker in memory: public prices, `execute_trade`, and the tasks of a run."""

import json

import pytest
from faststream.nats import NatsBroker, TestNatsBroker
from market_builder import LOCK_STEP, MemoryMarket

from econsim import subjects
from econsim.routers import market as market_router
from econsim.services.context import ServiceContext
from econsim.services.handlers import BindMessage, error_replies
from econsim.services.quota_meter import QuotaMeter
from econsim.services.routes import router
from econsim.testing import FakeCounters, FakeQuotaTable

NO_QUOTE = {"bid": None, "ask": None, "last": None}


@pytest.fixture
async def memory():
    """The service's handlers on a broker in memory, in front of a market over memory in which one run is open."""
    market, broker = MemoryMarket(), NatsBroker()
    market.context.runs_are_known.set()
    market.context.runs["run"] = LOCK_STEP
    market.context.meter = QuotaMeter(FakeCounters(), FakeQuotaTable(), lambda: 0)
    for middleware in (BindMessage(market.context), error_replies()):
        broker.add_middleware(middleware)
    service = market_router.service
    broker.include_router(router(service.name, service.routes))
    async with TestNatsBroker(broker) as memory:
        yield memory


async def answer(memory, subject, request):
    reply = await memory.request(json.dumps(request).encode(), subject)
    return json.loads(reply.body)


async def test_prices_of_every_market_of_the_callers_run_are_answered(memory):
    found = await answer(memory, subjects.GET_PRICES(run="run", agent="anna"), {})

    assert found == {"prices": {"cpu": NO_QUOTE}}


async def test_a_run_that_is_not_open_is_refused(memory):
    found = await answer(memory, subjects.GET_PRICES(run="gone", agent="anna"), {})

    assert found["error"]["code"] == "run_is_not_open"


async def test_execute_trade_acts_as_the_agent_of_its_subject(memory):
    subject = subjects.EXECUTE(run="run", agent="nobody")

    found = await answer(memory, subject, {"actions": ["get_prices"]})

    assert found["results"][0]["error"]["code"] == "agent_is_not_in_this_run"


async def test_each_book_of_a_run_is_one_leader_task():
    (task,) = market_router.books(ServiceContext("market", NatsBroker()), LOCK_STEP)

    assert task.lease == "book.run.cpu"


async def test_stuck_orders_are_one_leader_task_of_the_service():
    (task,) = market_router.queue_cleaning(ServiceContext("market", NatsBroker()))

    assert task.lease == "stuck_orders.market"
