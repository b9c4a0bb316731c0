"""`execute_trade` and public prices over memory: every action of a request, its quota, its refusal alone."""

import json

import pytest
from market_builder import LOCK_STEP, C, MemoryMarket

from econsim import subjects
from econsim.errors import Unavailable
from econsim.schemas.execute import Execute
from econsim.schemas.ledger import Balance, Position
from econsim.schemas.market import Book, Quote
from econsim.schemas.quota import QuotaUpdate
from econsim.services.market.execute import current_prices, execute
from econsim.services.quota_meter import QuotaMeter
from econsim.testing import FakeCounters, FakeQuotaTable

TERMS = {"resource": "cpu", "order_id": "b", "price": C, "quantity": 2}


class QueueDepth:
    """The depth of the order queue, which is full or not."""

    is_full = False

    def take(self, run, agent):
        if self.is_full:
            text = f"no room for {agent} of {run}"
            raise Unavailable(text, code="queue_is_full")


@pytest.fixture
def market():
    market = MemoryMarket()
    market.table = FakeQuotaTable()
    market.context.meter = QuotaMeter(FakeCounters(), market.table, lambda: 0)
    market.context.depth = QueueDepth()
    return market


async def results(market, *actions, agent="anna", **terms):
    request = Execute.model_validate_json(json.dumps({"actions": actions, **terms}))
    return (await execute(market.context, LOCK_STEP, agent, request)).results


def codes(results):
    return [result["error"]["code"] if "error" in result else "done" for result in results]


async def test_an_order_goes_to_its_markets_queue_and_is_answered_with_a_receipt(market):
    (receipt,) = await results(market, "place_bid", bid_params=TERMS)

    assert (receipt["order_id"], receipt["duplicate"]) == ("anna.b", False)
    ((subject, payload),) = market.client.stored(subjects.ORDERS)
    assert subject == "market.cpu.place_bid.run.anna"
    assert json.loads(payload)["price"] == C


async def test_a_repeated_request_sends_the_same_command(market):
    await results(market, "place_bid", bid_params=TERMS)

    (again,) = await results(market, "place_bid", bid_params=TERMS)

    assert again["duplicate"]
    assert len(market.client.stored(subjects.ORDERS)) == 1


async def test_each_order_has_its_own_subject(market):
    ask = TERMS | {"do": "place_ask", "order_id": "a"}
    cancel = {"do": "cancel_order", "resource": "cpu", "order_id": "a"}

    assert codes(await results(market, ask, cancel)) == ["done", "done"]

    assert [subject for subject, _ in market.client.stored(subjects.ORDERS)] == [
        "market.cpu.place_ask.run.anna",
        "market.cpu.cancel_order.run.anna",
    ]


async def test_reads_are_answered_by_the_ledger_and_the_book(market):
    balance = Balance(holder="anna", credits=Position(7, 0), sequence=1)
    book = Book(resource="cpu", quote=Quote(), bids=(), asks=())
    market.client.answers |= {
        subjects.GET_BALANCE(run="run", agent="anna"): lambda _: balance,
        subjects.GET_BOOK(run="run", agent="anna", resource="cpu"): lambda _: book,
    }

    found = await results(market, "get_balance", "get_prices", {"do": "get_book", "resource": "cpu"})

    assert found[0]["credits"]["posted"] == 7
    assert found[1] == {"prices": {"cpu": {"bid": None, "ask": None, "last": None}}}
    assert found[2]["resource"] == "cpu"


@pytest.mark.parametrize(
    ("action", "code"),
    [
        ({"do": "get_book", "resource": "gold"}, "market_is_not_in_this_run"),
        ({"do": "place_bid"}, "market_is_not_in_this_run"),
        ({"do": "place_bid", "resource": "cpu"}, "message_is_invalid"),
        ({"do": "place_bid", "resource": "cpu", "order_id": "b", "price": 5}, "message_is_invalid"),
        (TERMS | {"do": "place_bid", "price": 0}, "message_is_invalid"),
        ({"do": "cancel_order", "resource": "cpu", "order_id": "bert.o"}, "order_belongs_to_another_agent"),
        ({"do": "get_balance"}, "no_service_answers"),
    ],
)
async def test_a_refused_action_does_not_stop_the_others(market, action, code):
    found = await results(market, action, TERMS | {"do": "place_ask"})

    assert codes(found) == [code, "done"]


@pytest.mark.parametrize("lacking", ["price", "quantity"])
async def test_an_order_says_which_terms_it_needs(market, lacking):
    terms = {name: value for name, value in TERMS.items() if name != lacking}

    (found,) = await results(market, "place_bid", bid_params=terms)

    assert found["error"]["message"] == "action place_bid needs a price and a quantity"


@pytest.mark.parametrize(
    ("agent", "code"), [("nobody", "agent_is_not_in_this_run"), ("buyer_001", "agent_belongs_to_a_host")]
)
async def test_only_external_agents_of_the_run_are_served(market, agent, code):
    assert codes(await results(market, "get_prices", agent=agent)) == [code]


async def test_each_action_after_the_first_counts_as_a_message(market):
    await market.table.change("run", "anna", QuotaUpdate(max_publish_rate=1))

    assert codes(await results(market, "get_prices", "get_prices", "get_prices")) == [
        "done",
        "done",
        "publish_rate_is_exceeded",
    ]


async def test_an_agent_over_its_order_rate_is_refused_before_the_queue(market):
    await market.table.change("run", "anna", QuotaUpdate(max_order_rate=0))

    assert codes(await results(market, "place_bid", bid_params=TERMS)) == ["order_rate_is_exceeded"]
    assert market.client.stored(subjects.ORDERS) == []


async def test_a_full_queue_holds_orders_back(market):
    market.context.depth.is_full = True

    assert codes(await results(market, "place_bid", bid_params=TERMS)) == ["queue_is_full"]


async def test_public_prices_are_the_newest_of_their_bucket(market):
    for price in (1, 2):
        market.new_worker()
        envelope_quote = {"bid": price * C, "ask": None, "last": None}
        data = {"resource": "cpu", "price": None, "quote": envelope_quote, "volume": 0}
        event = {
            "event_id": f"e{price}", "type": "market.price_updated", "occurred_at": "now", "tick": price,
            "actor": "market", "correlation_id": "run", "data": data,
        }  # fmt: skip
        await market.client.jetstream().publish("$KV.market_prices.cpu.run", json.dumps(event).encode())

    found = await current_prices(market.context, LOCK_STEP)

    assert found.prices["cpu"].bid == 2 * C
