"""Bad input over the real server: a typed answer, nothing changed, all services still answer."""

import json

import pytest
import pytest_asyncio
from eventually import eventually
from live_run import external_scenario, live_run
from requirements import requirement

from econsim import subjects
from econsim.adapters.jetstream.audit_log import read
from econsim.adapters.nats.connection import reliable_publish
from econsim.adapters.nats.rpc import ask
from econsim.errors import EconsimError, NotFound, QuotaExceeded
from econsim.schemas.base import ErrorReply
from econsim.schemas.market import Book, GetBook

pytestmark = [pytest.mark.nats, pytest.mark.asyncio(loop_scope="module")]

ORDER = {"command_id": "c", "order_id": "o", "price": 1_000_000, "quantity": 1}
HUGE = 2**128


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def live(server):
    """One run in real time for all of them."""
    async with live_run(server, "bad-input", external_scenario()) as found:
        yield found


async def command(live, payload, action="place_bid", agent="anna", *, run=None, resource="cpu"):
    """Send a command's bytes; return its subject and place in the queue."""
    template = next(row for row in subjects.TABLE if row.action == action)
    subject = template.pattern(resource=resource, run=run or live.run).replace("*", agent)
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    ack = await reliable_publish(
        live.nc.jetstream(), subject, body, f"{live.run}-{agent}-{hash(body)}-{action}"
    )
    return subject, ack.seq


async def dead_letter(live, subject, sequence):
    """Wait for the dead letter of a command; return its headers."""

    async def found():
        try:
            letter = await live.nc.jetstream().get_last_msg("dead_letter", f"dead_letter.{subject}")
        except Exception:  # noqa: BLE001 - not there yet
            return None
        return letter.headers if letter.headers["dead-letter-sequence"] == str(sequence) else None

    return await eventually(found)


async def rejection(live, order_id):
    """Wait for the delivery of a refusal; return its code."""

    async def found():
        items = [json.loads(m.data)["data"]["items"] for m in live.outcomes if "order_rejected" in m.subject]
        return next((i["code"] for group in items for i in group if i["order_id"] == order_id), None)

    return await eventually(found)


def wrong(**fields):
    return ORDER | fields


UNREADABLE = {
    "not_json": b"{not json",
    "not_utf8": b"\xff\xfe",
    "empty": b"",
    "deep": b"[" * 3_000,
    "nan": b'{"command_id":"c","order_id":"o","price":NaN,"quantity":1}',
    "oversize": json.dumps(wrong(order_id="o" * 100_000)).encode(),
    "version": wrong(schema_version=2),
    "unknown_field": wrong(colour="red"),
    "negative": wrong(price=-1),
    "zero": wrong(price=0),
    "fraction": wrong(price=1.5),
    "huge": wrong(price=HUGE),
    "string": wrong(price="1000000"),
    "no_quantity": wrong(quantity=0),
    "negative_quantity": wrong(quantity=-5),
    "huge_quantity": wrong(quantity=HUGE),
    "odd_id": wrong(order_id="../*"),
    "other_identity": wrong(agent_id="bert"),
}


@pytest.mark.parametrize("name", UNREADABLE)
async def test_a_command_that_cannot_be_read_is_a_dead_letter_and_changes_nothing(live, name):
    before = await live.state()

    subject, sequence = await command(live, UNREADABLE[name])
    letter = await dead_letter(live, subject, sequence)

    assert letter["dead-letter-code"] in {
        "message_is_invalid",
        "message_is_too_large",
        "agent_id_does_not_match_subject",
    }
    assert letter["dead-letter-reason"]
    assert (letter["dead-letter-stream"], letter["dead-letter-handler"]) == ("market_orders", "market")
    assert await live.state() == before


@pytest.mark.parametrize(
    ("action", "agent", "payload", "code"),
    [
        ("place_bid", "nobody", ORDER, "agent_is_not_in_this_run"),
        ("place_bid", "Bob!", ORDER, "agent_is_not_in_this_run"),
        (
            "close_tick",
            "anna",
            {"command_id": "c", "tick": 9, "period": 1, "tick_of_period": 9},
            "only_the_clock_closes_ticks",
        ),
        ("place_orders", "host_1", {"command_id": "c", "tick": 1, "actions": 7}, "message_is_invalid"),
    ],
)
@requirement("isolation.identity")
async def test_nobody_acts_in_a_name_that_is_not_theirs(live, action, agent, payload, code):
    before = await live.state()

    subject, sequence = await command(live, payload, action, agent)

    assert (await dead_letter(live, subject, sequence))["dead-letter-code"] == code
    assert await live.state() == before


async def test_one_odd_action_of_a_hosts_batch_is_refused_alone(live):
    before = await live.state()
    placed = {"verb": "bid", "agent": "seller_001", "price": 1_000_000, "quantity": 1}
    actions = [
        {**placed, "order_id": "odd-1", "quantity": 2_000_000},
        {**placed, "order_id": "odd-2", "price": 10**30},
        {**placed, "order_id": "odd-3", "price": "1"},
        {**placed, "order_id": "odd-4", "agent": "anna"},
        {**placed, "order_id": "even", "price": 10_000},
        {"verb": "cancel", "agent": "seller_001", "order_id": "even"},
    ]

    await command(live, {"command_id": "odd", "tick": 1, "actions": actions}, "place_orders", "host_1")

    await eventually(lambda: logged(live, "order_cancelled", "even"))
    assert [item["code"] for n in "1234" for item in await logged(live, "order_rejected", f"odd-{n}")] == [
        "quantity_is_above_the_limit",
        "price_is_outside_the_limits_of_the_market",
        "action_does_not_follow_its_schema",
        "agent_belongs_to_another_host",
    ]
    assert await live.state() == before


async def logged(live, action, order_id):
    """Return the log's items about an order."""
    pattern = f"market.cpu.{action}.{live.run}"
    found = [json.loads(each.payload)["data"]["items"] async for each in read(live.nc, live.run, [pattern])]
    return [item for items in found for item in items if item["order_id"] == order_id]


async def test_one_odd_action_of_execute_trade_is_refused_alone(live):
    odd = {"do": "place_bid", "resource": "gpu", "price": 1, "quantity": 2_000_000}

    async def answers():
        refused, prices = await live.economy().execute_trade([odd, {"do": "get_prices"}])
        # The tests before may have used up what the agent may ask in a second.
        return None if isinstance(prices, QuotaExceeded) else (refused, prices)

    refused, prices = await eventually(answers)

    assert "less than or equal to 1000000" in str(refused)
    assert "gpu" in prices


async def test_a_refusal_is_delivered_to_the_sender_of_the_command(live):
    await command(live, wrong(order_id="refused-1", price=-1))

    assert await rejection(live, "anna.refused-1") == "message_is_invalid"


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"order_id": "off-grid", "price": 1_000_001}, "price_is_not_a_multiple_of_the_tick_size"),
        ({"order_id": "too-dear", "price": 999_000_000}, "price_is_outside_the_limits_of_the_market"),
        ({"order_id": "too-many", "quantity": 1_000_000}, "debit_account_would_go_negative"),
    ],
)
@requirement("economic.bids")
async def test_an_order_the_market_cannot_take_is_rejected_with_a_sentence(live, fields, code):
    before = await live.state()

    await command(live, wrong(**fields))

    assert await rejection(live, f"anna.{fields['order_id']}") == code
    assert await live.state() == before


async def test_another_agents_order_cannot_be_cancelled(live):
    await live.economy("bert").place_bid("gpu", 1, order_id="bert-1")

    async def resting():
        return (await live.economy().get_book("gpu")).bids

    await eventually(resting)
    before = await live.state()
    with pytest.raises(EconsimError, match="is bert's") as refused:
        await live.economy("anna").cancel_order("gpu", "bert.bert-1")

    assert refused.value.error_code == "order_belongs_to_another_agent"
    assert await live.state() == before


@requirement("queue.dedup")
async def test_an_order_sent_twice_is_one_and_an_id_used_for_another_is_refused(live):
    anna = live.economy()
    first = await anna.place_bid("gpu", "0.50", order_id="twice-1")
    again = await anna.place_bid("gpu", "0.50", order_id="twice-1")
    await live.economy().place_bid("gpu", "0.50", order_id="twice-1")
    await anna.place_bid("gpu", "0.51", order_id="twice-1")

    assert await rejection(live, "anna.twice-1") == "order_id_exists_with_different_fields"
    assert (first.duplicate, again.duplicate) == (False, True)
    assert sum(level.orders for level in (await anna.get_book("gpu")).bids if level.price < 1) == 1


REQUESTS = {
    "get_balance": subjects.GET_BALANCE,
    "get_book": subjects.GET_BOOK,
    "execute_trade": subjects.EXECUTE,
    "submit": subjects.SUBMIT,
}


async def answer(live, name, payload, agent="anna"):
    subject = REQUESTS[name].pattern(run=live.run, agent=agent).replace("*", "cpu")
    reply = await live.nc.request(subject, payload, timeout=20)
    assert reply.headers["status"] == "error"
    return ErrorReply.model_validate_json(reply.data).error


@pytest.mark.parametrize("name", REQUESTS)
@pytest.mark.parametrize(
    "payload",
    [b"{", b"\xff", b"[" * 3_000, b'{"schema_version":2}', b'{"colour":"red"}', b'{"agent_id":"bert"}', b"7"],
)
async def test_a_malformed_request_is_answered_by_an_error(live, name, payload):
    before = await live.state()

    error = await answer(live, name, payload)

    assert error.code in {"message_is_invalid", "agent_id_does_not_match_subject"}
    assert error.message
    assert await live.state() == before


@pytest.mark.parametrize("name", ["get_balance", "get_book", "execute_trade"])
async def test_an_oversize_request_is_refused_unread(live, name):
    error = await answer(live, name, b'{"x":"' + b"y" * 100_000 + b'"}')

    assert error.code == "message_is_too_large"


@pytest.mark.parametrize("amount", [-1, 1.5, "1", HUGE, None])
async def test_the_ledger_moves_whole_amounts_only(live, amount):
    before = await live.state()
    transfer = {"id": "t", "kind": "transfer", "debit": "anna", "credit": "bert", "asset": "credits"}
    chain = {"id": "c", "cause": "c", "transfers": [{**transfer, "amount": amount}]}
    body = json.dumps({"command_id": "c", "tick": 0, "chains": [chain]}).encode()

    error = await answer(live, "submit", body)

    assert error.code == "message_is_invalid"
    assert await live.state() == before


async def test_an_unknown_agent_has_no_balance(live):
    error = await answer(live, "get_balance", b"", agent="nobody")

    assert error.code == "agent_is_not_in_this_run"


@requirement("request.timeout")
async def test_a_request_that_nobody_answers_is_an_error_that_says_so(live):
    with pytest.raises(EconsimError, match="no such run or market"):
        await ask(live.nc, subjects.GET_BOOK(run=live.run, agent="anna", resource="gold"), GetBook(), Book)


async def test_the_book_of_no_market_is_an_error_that_names_the_markets(live):
    with pytest.raises(NotFound, match=r"has no market 'gold'; it has .*cpu") as caught:
        await live.economy().get_book("gold")

    assert caught.value.error_code == "market_is_not_in_this_run"


async def test_a_price_that_is_not_exact_is_refused_before_it_is_sent(live):
    for price in ("0.0000001", float("nan"), "cheap", -1, 0, True, 2**128):
        with pytest.raises(EconsimError):
            await live.economy().place_bid("cpu", price)


async def test_a_command_that_no_book_takes_becomes_a_dead_letter_after_a_grace(live):
    unopened = await command(live, wrong(order_id="lost-cpu"), run="never-opened", resource="cpu")
    unknown = await command(live, wrong(order_id="lost-gold"), resource="gold")
    odd = unopened[0].replace("never-opened", "Odd!")
    sent = unopened, unknown, (odd, (await live.nc.jetstream().publish(odd, b"{}")).seq)

    letters = [await dead_letter(live, subject, sequence) for subject, sequence in sent]

    codes = [letter["dead-letter-code"] for letter in letters]
    assert codes == ["run_is_not_open", "market_is_not_in_this_run", "subject_is_invalid"]
    assert [await rejection(live, f"anna.lost-{name}") for name in ("cpu", "gold")] == codes[:2]
