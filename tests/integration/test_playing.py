"""A policy plays as an external agent what it plays in a host."""

from decimal import Decimal

import pytest
from factories import group, role, scenario
from live_run import live_run

from econsim import Policy
from econsim.agents import play
from econsim.domain.agent.policy import Replace
from econsim.schemas.scenario import Scenario

pytestmark = pytest.mark.nats

ECONOMY = scenario(
    group("seller", "truthful", roles=[role("ask", values=[[1, 2]])]),
    group("anna", "external", credits=10, roles=[role("bid", values=[[3, 2.5, 2.5]])]),
    clock={"periods": 2, "ticks_per_period": 5, "deadline_ms": 1_000},
)


class OneMore(Policy):
    """Bids 0.5 at first, and 0.5 more at each tick; keeps what it saw."""

    def __init__(self):
        self.seen = []

    def act(self, see, draws):
        self.seen.append(see)
        yield see.markets["cpu"].quote(see.tick_of_period / 2)


async def test_a_policy_trades_as_an_outside_agent_and_sees_what_a_host_would_show(server, run):
    policy = OneMore()
    async with live_run(server, run, ECONOMY) as live:
        earned = await play(policy, run, "anna", ECONOMY, nats=server.url, creds=live.creds["anna"])

    assert earned == 2 * (3 + Decimal("2.5") - 1 - 2)
    third = policy.seen[2]
    market = third.markets["cpu"]
    assert (market.value, market.traded, market.units, market.last) == (Decimal("2.5"), 1, 1, 1)
    assert (third.credits, third.ticks_per_period) == (9, 5)
    assert [(each.traded, each.price) for each in market.tape] == [(True, 1)]
    fourth = policy.seen[3].markets["cpu"]
    assert [(each.side, each.price) for each in fourth.orders] == [("bid", Decimal("1.5"))]


class Mover(Policy):
    """Bids too little at first, and puts another bid in its place at every tick; keeps what it saw."""

    def __init__(self):
        self.seen = []

    def act(self, see, draws):
        self.seen.append(see)
        for order in see.markets["cpu"].orders:
            yield Replace("cpu", order.order_id, order.price + Decimal("0.1"))
        if see.tick_of_period == 1:
            yield see.markets["cpu"].quote(Decimal("0.2"))


async def test_a_policy_is_not_asked_in_a_period_without_its_agent_and_begins_the_next_without_orders(
    server, run
):
    away = {"first_period": 2, "last_period": 2, "group": "anna", "present": False}
    clock = {**ECONOMY.clock.model_dump(), "periods": 3, "ticks_per_period": 4}
    economy = Scenario.model_validate({**ECONOMY.model_dump(mode="json"), "clock": clock, "changes": [away]})
    policy = Mover()
    async with live_run(server, run, economy) as live:
        await play(policy, run, "anna", economy, nats=server.url, creds=live.creds["anna"])

    assert [see.period for see in policy.seen] == [1] * 4 + [3] * 4
    prices = [[each.price for each in see.markets["cpu"].orders] for see in policy.seen]
    assert prices == [[], [Decimal("0.2")], [Decimal("0.3")], [Decimal("0.4")]] * 2
