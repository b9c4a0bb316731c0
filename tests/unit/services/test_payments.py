"""Reservations and settlements share submissions, and a period that closes refuses the reservations alone."""

from __future__ import annotations

import asyncio

import pytest
from fake_consumers import ConsumerNats, LedgerResponder
from ledger_builders import chain, endow, pending, post

from econsim.errors import Unavailable
from econsim.schemas.base import ErrorBody, ErrorReply
from econsim.schemas.ledger import PERIOD_IS_CLOSING, Refusal, Submit
from econsim.services.payments import Payments
from econsim.subjects import SUBMIT

OLD = chain("old", pending("old-t", "ann", "mcp", 100))
OLD_SETTLED = chain("old.settled", post("old-p", "ann", "mcp", 40, of="old-t"))
NEW = chain("new", pending("new-t", "ann", "mcp", 60))
TICK_ID = "t" * 32
"""Id of the tick that made the agent ask."""


@pytest.fixture
def client():
    return ConsumerNats()


@pytest.fixture
def ledger(client):
    return LedgerResponder(client, "run", endow("ann", 100), OLD)


async def test_a_settlement_nobody_awaits_goes_with_the_next_reservation_and_before_it(client, ledger):
    payments = Payments(client, "run", "mcp")
    settling = asyncio.create_task(payments.settle(OLD_SETTLED, 1, is_awaited=False))
    await asyncio.sleep(0)

    refusals = await asyncio.gather(payments.reserve(NEW, 1, TICK_ID), settling)

    assert refusals == [None, None]
    (command,) = ledger.submissions
    assert (command.causation_id, command.chains) == (TICK_ID, (OLD_SETTLED, NEW))


async def test_what_a_settlement_releases_is_there_for_a_reservation_that_was_asked_before_it(client, ledger):
    payments = Payments(client, "run", "mcp")

    refusals = await asyncio.gather(payments.reserve(NEW, 1), payments.settle(OLD_SETTLED, 1))

    assert refusals == [None, None]
    assert [command.chains for command in ledger.submissions] == [(OLD_SETTLED, NEW)]


async def test_each_payment_gets_its_own_refusal(client, ledger):
    payments = Payments(client, "run", "mcp")

    refusals = await asyncio.gather(
        payments.reserve(NEW, 1), payments.settle(chain("x", post("x-p", "ann", "mcp", 1, of="none")), 1)
    )

    assert refusals == [Refusal.DEBIT_ACCOUNT_WOULD_GO_NEGATIVE, Refusal.PENDING_TRANSFER_NOT_FOUND]


async def test_a_period_that_closes_refuses_reservations_and_not_the_settlements_beside_them(client, ledger):
    late = ErrorReply(
        error=ErrorBody(code=PERIOD_IS_CLOSING, message="closing", retryable=True, retry_after_ms=200)
    )

    def answer(payload):
        begins = any(each.id == NEW.id for each in Submit.model_validate_json(payload).chains)
        return late if begins else ledger(payload)

    client.answers[SUBMIT.pattern(run="run")] = answer
    payments = Payments(client, "run", "mcp")

    refused, settled = await asyncio.gather(
        payments.reserve(NEW, 1), payments.settle(OLD_SETTLED, 1), return_exceptions=True
    )

    assert isinstance(refused, Unavailable)
    assert settled is None
    assert ledger.ledger.position("ann", "credits").posted == 60
