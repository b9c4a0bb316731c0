"""Rejection of commands: a dead letter or none, one answer to the sender, one acknowledgement."""

import pytest
from factories import bid
from fake_consumers import ConsumerNats
from market_builder import MemoryMarket
from nats.aio.msg import Msg

from econsim.errors import InvalidMessage, QuotaExceeded
from econsim.services.market.reject import dead_letter_command, reject_command
from econsim.streams import DEAD_LETTER
from econsim.subjects import ORDERS

REPLY = f"$JS.ACK.{ORDERS}.book.1.7.1.0.0"


@pytest.fixture
def market():
    return MemoryMarket()


def command(client: ConsumerNats, resource="cpu"):
    return Msg(client, f"market.{resource}.place_bid.run.anna", REPLY, b'{"order_id": "o"}')


async def test_a_dead_letter_keeps_the_command_and_its_reason(market):
    await dead_letter_command(market.context, command(market.client), InvalidMessage("no price"))

    (letter,) = market.client.streams[DEAD_LETTER.name].messages
    assert (letter.subject, letter.payload) == (
        "dead_letter.market.cpu.place_bid.run.anna",
        b'{"order_id": "o"}',
    )
    assert letter.headers["dead-letter-reason"] == "no price"


async def test_a_dead_letter_is_stored_once_however_often_its_command_is_delivered(market):
    for _ in range(2):
        await dead_letter_command(market.context, command(market.client), InvalidMessage("no price"))

    assert len(market.client.stored(DEAD_LETTER.name)) == 1


async def test_the_answer_comes_before_the_acknowledgement(market):
    await dead_letter_command(market.context, command(market.client), InvalidMessage("no price"))

    assert market.client.steps[-2:] == ["deliver order_rejected", "ack 7"]


async def test_a_command_to_a_market_that_no_subject_can_name_gets_no_answer(market):
    await dead_letter_command(market.context, command(market.client, resource="Gold!"), InvalidMessage("no"))

    assert market.client.published == []
    assert market.client.acknowledged == [7]


async def test_a_valid_command_that_is_rejected_is_no_dead_letter(market):
    error = QuotaExceeded("too many", code="open_orders_are_exceeded")

    await reject_command(market.context, command(market.client), bid("anna", "anna.o", 5), error)

    (rejected,) = await market.client.wait_for_published(1, "market.cpu.order_rejected.run.anna")
    (item,) = rejected["data"]["items"]
    assert (item["order_id"], item["price"], item["code"]) == ("anna.o", 5, "open_orders_are_exceeded")
    assert market.client.stored(DEAD_LETTER.name) == []
    assert market.client.acknowledged == [7]
