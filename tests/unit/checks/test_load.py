"""The victims of the attacks: which deliveries they keep for the comparison with the log."""

from types import SimpleNamespace

import pytest

from econsim.checks.attacks.load import TradingVictim
from econsim.domain.audit.envelope import Envelope
from econsim.domain.market.events import agent_event
from econsim.schemas.market import OrderRejected


class Connection:
    """The connection of a victim, whose subscriptions the test serves."""

    def __init__(self):
        self.receive = None

    async def subscribe(self, _, cb):
        self.receive = cb

    async def flush(self):
        return


def rejected(n, order_id="anna.1"):
    item = OrderRejected(n, order_id, "anna", "open_orders_are_exceeded", None)
    delivery = agent_event(Envelope("lab", "salt", 1, "2026-01-01T00:00:00Z"), "cpu", item, "anna")
    return SimpleNamespace(subject=delivery.subject, data=delivery.json())


@pytest.mark.parametrize(("n", "kept"), [(7, {("anna.1", "rejected", 7)}), (0, set())])
async def test_an_order_over_a_quota_is_not_compared_with_the_log_that_no_book_wrote(n, kept):
    connection = Connection()
    victim = TradingVictim(connection, "lab", "anna", "cpu", sells=False)
    await victim.listen()

    await connection.receive(rejected(n))

    assert (victim.outcomes, victim.unexpected) == (kept, [])


async def test_the_outcome_of_anothers_order_is_unexpected():
    connection = Connection()
    victim = TradingVictim(connection, "lab", "anna", "cpu", sells=False)
    await victim.listen()

    await connection.receive(rejected(7, "bert.1"))

    assert len(victim.unexpected) == 1
