"""The agents of a host: events in, actions out, and the same state for every fold of the same log."""

import pytest
from factories import group, role, scenario

from econsim import subjects
from econsim.domain.agent.host_agents import HostAgents
from econsim.domain.audit.envelope import Envelope
from econsim.domain.execution import in_memory
from econsim.runs.scenario_file import load
from econsim.schemas.agent import Limits
from econsim.schemas.clock import PeriodOpened, Ticked
from econsim.schemas.market import (
    Accepted,
    Cancelled,
    OrderAccepted,
    OrderCancelled,
    Quote,
    TickCleared,
    Traded,
    TradeExecuted,
)
from econsim.schemas.orders import OrderKind, Side, Verb

MARKET = scenario(
    group("buyer", policy="truthful", roles=[role("bid", values=[[3, 2]])]),
    group("seller", policy="truthful", roles=[role("ask", values=[[1]])]),
)
ENVELOPE = Envelope("run", "salt", 1, "now")


def evolved(host_agents, *events):
    for subject, data in events:
        places = {"resource": "cpu"} if "{resource}" in subject.template else {}
        host_agents.evolve(ENVELOPE.event(subject, "test", data, **places))
    return host_agents


def accepted(order_id="b1", agent="buyer_001", side=Side.BID, n=1):
    subject = subjects.BID_ACCEPTED if side is Side.BID else subjects.ASK_ACCEPTED
    item = OrderAccepted(n, order_id, agent, side, OrderKind.LIMIT, 3_000_000, 1)
    return subject, Accepted(items=(item,))


def traded(n=2):
    item = TradeExecuted(n, "t", 2_000_000, 1, "buyer_001", "stranger", "b1", "a1", Side.BID)
    return subjects.TRADE_EXECUTED, Traded(items=(item,))


def cancelled(order_id="b1", n=2):
    item = OrderCancelled(n, order_id, "buyer_001", Side.BID, 1, "test")
    return subjects.ORDER_CANCELLED, Cancelled(items=(item,))


CLEARED = (
    subjects.TICK_CLEARED,
    TickCleared(batch=1, period=1, items=1, orders=1, trades=0, volume=0, quote=Quote(), tape=()),
)


def buyers_next(host_agents, tick=2):
    """Return the buyer's next actions as (verb, price)."""
    return [(a.verb, a.price) for a in host_agents.act(tick)["cpu"] if a.agent == "buyer_001"]


def test_every_market_has_its_actions():
    host_agents = HostAgents(
        scenario(group("a", roles=[role("bid", values=[[1]])]), resources=("cpu", "memory"))
    )

    assert {resource: len(actions) for resource, actions in host_agents.act(1).items()} == {
        "cpu": 1,
        "memory": 0,
    }


def test_acting_again_gives_the_same_actions():
    host_agents = HostAgents(load("genesis"))

    assert host_agents.act(1) == host_agents.act(1)


def test_hosts_together_act_as_one():
    whole = HostAgents(load("genesis")).act(1)["cpu"]

    parts = [action for host in (0, 1) for action in HostAgents(load("genesis"), host).act(1)["cpu"]]

    assert sorted(parts, key=repr) == sorted(whole, key=repr)


def test_external_agents_are_at_no_host():
    assert HostAgents(scenario(group("bot", policy="external"), group("a", count=2))).agents == 2


def test_an_accepted_order_rests():
    assert buyers_next(evolved(HostAgents(MARKET), accepted(), CLEARED)) == []


def test_a_cancelled_order_is_placed_again():
    assert buyers_next(evolved(HostAgents(MARKET), accepted(), cancelled(), CLEARED)) == [
        (Verb.BID, 3_000_000)
    ]


def test_a_trade_moves_on_to_the_next_unit():
    assert buyers_next(evolved(HostAgents(MARKET), accepted(), traded(), CLEARED)) == [(Verb.BID, 2_000_000)]


def test_a_batch_counts_in_book_order_however_its_events_arrive():
    assert buyers_next(evolved(HostAgents(MARKET), traded(n=2), accepted(n=1), CLEARED)) == [
        (Verb.BID, 2_000_000)
    ]


def test_nothing_counts_before_its_batch_is_complete():
    assert buyers_next(evolved(HostAgents(MARKET), accepted(), traded())) == [(Verb.BID, 3_000_000)]


def test_a_new_period_deals_every_unit_again():
    host_agents = evolved(
        HostAgents(MARKET), accepted(), traded(), CLEARED, (subjects.PERIOD_OPENED, PeriodOpened(period=2))
    )

    assert buyers_next(host_agents) == [(Verb.BID, 3_000_000)]


def test_limits_are_the_best_of_both_sides():
    assert HostAgents(MARKET).limits() == {"cpu": Limits(3_000_000, 3_000_000, 1_000_000, 1_000_000)}


def test_limits_are_none_where_all_is_traded():
    sold = TradeExecuted(1, "t", 2_000_000, 1, "stranger", "seller_001", "b1", "a1", Side.BID)

    host_agents = evolved(HostAgents(MARKET), (subjects.TRADE_EXECUTED, Traded(items=(sold,))), CLEARED)

    assert host_agents.limits()["cpu"].ask is None


def test_orders_are_named_after_agent_tick_and_role():
    host_agents = evolved(HostAgents(MARKET), (subjects.TICKED, Ticked(period=1, tick_of_period=5)))

    assert [action.order_id for action in host_agents.act(5)["cpu"]] == ["buyer_001-5-0", "seller_001-5-0"]


@pytest.mark.parametrize("host", [None, 0, 1])
@pytest.mark.slow
def test_replaying_a_log_without_acting_rebuilds_the_agents(host):
    lived, replayed = HostAgents(load("genesis"), host), HostAgents(load("genesis"), host)
    for addressed, _ in zip(in_memory.run(load("genesis")), range(400), strict=False):
        lived.evolve(addressed)
        replayed.evolve(addressed)
        lived.act(addressed.event.tick)

    assert replayed.act(999) == lived.act(999)
    assert replayed.limits() == lived.limits()
