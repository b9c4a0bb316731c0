"""Agents with policies of one's own: what they see, what they do, and what becomes of those that err."""

from decimal import Decimal
from fractions import Fraction
from typing import ClassVar

import pytest
from factories import group, role, scenario
from run_builders import canonical_hash

from econsim import Ask, Bid, Cancel, Observation, Policy
from econsim.domain.audit.envelope import Envelope
from econsim.domain.execution.in_memory import NOW, conduct, run
from econsim.domain.runtime.deciding import ACTIONS_PER_TICK_MAX
from econsim.domain.runtime.policy_agents import PolicyAgents
from econsim.errors import ScenarioError
from econsim.schemas.agent import CognitiveCyclesCompleted
from econsim.schemas.clock import Ticked
from econsim.schemas.market import Accepted, Rejected, Traded


class Truthful(Policy):
    """Quotes its value or cost; remembers what it saw."""

    seen: ClassVar[list[Observation]] = []

    def act(self, see, draws):
        Truthful.seen.append(see)
        for market in see.markets.values():
            yield market.quote(market.value)


class Guessing(Policy):
    """Quotes a random part of its value, and counts its ticks."""

    def __init__(self):
        self.ticks = 0

    def act(self, see, draws):
        self.ticks += 1
        market = see.markets["cpu"]
        if market.value is not None and self.ticks % 2:
            yield market.quote(market.value * draws.integer(1, 100) / 100)


def deciding(*decisions, at=1):
    """Return a policy that decides the same at a tick, and nothing at others."""

    class Deciding(Policy):
        def act(self, see, draws):
            return decisions if see.tick == at else ()

    return Deciding


def trade(policy, **fields):
    """Run buyers of a policy against truthful sellers; return the data of all events."""
    return [each.event.data for each in run(wanted(**fields), policies={"mine:Policy": policy})]


def wanted(policy="mine:Policy", **fields):
    buyers = group("buyer", policy, count=2, roles=[role("bid", values=[[3, 2], [2.5, 1]])])
    sellers = group("seller", "truthful", count=2, roles=[role("ask", first=1, last=1.5)])
    return scenario(buyers, sellers, **{"clock": {"ticks_per_period": 4}, **fields})


def items(found, kind):
    return [item for data in found if isinstance(data, kind) for item in data.items]


def set_aside(found):
    return {item.agent: item.failure for item in items(found, CognitiveCyclesCompleted) if item.failure}


@pytest.fixture(autouse=True)
def nothing_seen():
    Truthful.seen = []


def test_a_policy_that_quotes_its_value_trades_as_the_shipped_one_does():
    own, shipped = trade(Truthful), [each.event.data for each in run(wanted("truthful"))]

    def prices(found):
        return [(each.price, each.buyer, each.seller) for each in items(found, Traded)]

    assert prices(own) == prices(shipped)
    assert prices(own)


def test_an_agent_sees_its_own_role_money_units_and_orders_and_what_is_public():
    trade(Truthful)

    first, second = (each for each in Truthful.seen if each.agent == "buyer_001" and each.tick < 3)
    market = second.markets["cpu"]
    assert (first.credits, first.markets["cpu"].values) == (Decimal(100), (Decimal(3), Decimal(2)))
    assert (market.side, market.value, market.traded, market.units) == ("bid", Decimal(2), 1, 1)
    assert [entry.traded for entry in market.tape].count(True) == 2
    assert second.credits == 97
    assert second.ticks_per_period == 4


def test_nobody_sees_values_or_orders_of_others():
    trade(Truthful)

    for see in Truthful.seen:
        mine = {"buyer_001": (Decimal(3), Decimal(2)), "buyer_002": (Decimal("2.5"), Decimal(1))}
        assert see.markets["cpu"].values == mine[see.agent]
        assert all(order.order_id.startswith(see.agent) for order in see.markets["cpu"].orders)


def test_equal_seeds_give_equal_runs_and_other_seeds_do_not():
    def hash_with(seed):
        return canonical_hash(run(wanted(seed=seed), policies={"mine:Policy": Guessing}))

    assert hash_with(1) == hash_with(1) != hash_with(2)


def test_a_host_that_folds_the_log_again_knows_what_its_policies_remember():
    lived, log = PolicyAgents(wanted(), {"mine:Policy": Guessing}), []
    for each in run(wanted(), policies={"mine:Policy": Guessing}):
        log.append(each)
        lived.evolve(each)
        if isinstance(each.event.data, Ticked):
            replayed = PolicyAgents(wanted(), {"mine:Policy": Guessing})
            for earlier in log:
                replayed.evolve(earlier)
            assert replayed.actions(each.event.tick) == lived.actions(each.event.tick)


def test_each_of_two_hosts_has_its_own_agents():
    hosts = [PolicyAgents(wanted(hosts=2), {"mine:Policy": Guessing}, index).count for index in (0, 1)]

    assert hosts == [2, 0]


@pytest.mark.parametrize(
    ("decision", "why"),
    [
        ("buy", "'buy' is no decision; return Bid, Ask, Cancel, Replace or None"),
        (Bid("cpus", 1), "there is no market 'cpus'; there are cpu"),
        (Bid("cpu", "much"), "not an amount of credits"),
        (Bid("cpu", -1), "outside 0 to 1000 credits"),
        (Bid("cpu", float("nan")), "not an amount of credits"),
        (Bid("cpu", 10**30), "outside 0 to 1000 credits"),
        (Bid("cpu", 1, 0), "quantity 0 is no whole number"),
        (Bid("cpu", 1, True), "quantity true is no whole number"),
        (Bid("cpu", 1, kind="maybe"), "'maybe' is no kind of order; write one of limit, "),
        (Cancel("cpu", "x y"), "'x y' is no id of an order"),
    ],
)
def test_what_no_bot_could_send_sets_the_agent_aside_and_the_run_goes_on(decision, why):
    found = trade(deciding(decision))

    assert why in set_aside(found)["buyer_001"]
    assert not items(found, Traded)
    assert sum(isinstance(data, Ticked) for data in found) == 4


def test_what_the_market_refuses_of_a_bot_it_refuses_of_a_policy():
    orders = [
        Bid("cpu", "1.001"),
        Bid("cpu", 900),
        Bid("cpu", 1, 1_000),
        Ask("cpu", 3),
        Cancel("cpu", "seller_001-1-0"),
    ]

    found = trade(deciding(*orders, at=2))

    assert not set_aside(found)
    assert {item.code for item in items(found, Rejected) if item.agent == "buyer_001"} == {
        "price_is_not_a_multiple_of_the_tick_size",
        "price_is_outside_the_limits_of_the_market",
        "debit_account_would_go_negative",
        "order_belongs_to_another_agent",
    }


def test_an_agent_that_raises_is_set_aside_with_policy_error_and_line():
    class Failing(Policy):
        def act(self, see, draws):
            if see.tick == 2 and see.agent == "buyer_002":
                {}["prices"]
            yield see.markets["cpu"].quote("0.5")

    found = trade(Failing)

    (agent, why), *more = set_aside(found).items()
    assert (agent, more) == ("buyer_002", [])
    assert why.startswith("policy mine:Policy raised KeyError: 'prices' (test_policy_agents.py, line ")
    assert {item.agent for item in items(found, Accepted)} >= {"buyer_001", "buyer_002"}


class Mute(Exception):
    def __str__(self):
        raise ValueError


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (Mute(), "raised Mute ("),
        (GeneratorExit(), "raised GeneratorExit ("),
        (ValueError("\ud800"), r"\ud800"),
        (ValueError("\x1b[31m a\nb"), r"raised ValueError: \x1b[31m a b ("),
    ],
)
def test_an_error_that_no_log_could_hold_sets_its_agent_aside_too(error, why):
    class Failing(Policy):
        def act(self, see, draws):
            raise error

    found = trade(Failing)

    assert why in set_aside(found)["buyer_001"]
    assert all(data.model_dump_json() for data in found if isinstance(data, CognitiveCyclesCompleted))


@pytest.mark.parametrize("fail", [lambda _: Fraction("one half"), lambda see: setattr(see, "tick", 1)])
def test_an_error_in_a_library_or_in_code_that_one_wrote_is_reported_with_the_line_that_called_it(fail):
    class Failing(Policy):
        def act(self, see, draws):
            fail(see)

    why = set_aside(trade(Failing))["buyer_001"]

    assert "(test_policy_agents.py, line " in why


def test_a_flood_sets_its_agent_aside():
    found = trade(deciding(*[Bid("cpu", "0.01")] * (ACTIONS_PER_TICK_MAX + 1)))

    assert f"more than {ACTIONS_PER_TICK_MAX} decisions" in set_aside(found)["buyer_001"]


def test_an_agent_is_reported_once_and_again_by_a_host_whose_report_is_not_in_the_log():
    failing = {"mine:Policy": deciding("nonsense")}
    log = [*run(wanted(), policies=failing)]
    completed = [each for each in log if isinstance(each.event.data, CognitiveCyclesCompleted)]
    restarted = PolicyAgents(wanted(), failing)
    for each in log:
        if each not in completed:
            restarted.evolve(each)

    assert len(completed) == 1
    assert {*restarted.failures(4)} == {"buyer_001", "buyer_002"}


def test_a_scenario_whose_policies_are_not_loaded_is_refused():
    with pytest.raises(ScenarioError, match="policy mine:Policy is not loaded"):
        conduct(wanted(), Envelope("run", "salt", 0, NOW))


def test_a_group_that_is_active_now_and_then_is_asked_as_often():
    buyers = group("buyer", "mine:Policy", count=4, activity_percent=20, roles=[role("bid", values=[[3]])])

    [*run(scenario(buyers, clock={"ticks_per_period": 100}), policies={"mine:Policy": Truthful})]

    assert 40 < len(Truthful.seen) < 120


def view(side, *, price_min="0.01", **fields):
    """Return the view of a buyer or seller of one unit worth 2."""
    market = {"resource": "cpu", "price_min": price_min, **fields}
    Truthful.seen = []
    found = scenario(group("me", "mine:Policy", roles=[role(side, values=[[2]])]), markets=[market])
    [*run(found, policies={"mine:Policy": deciding()})]
    probe = PolicyAgents(found, {"mine:Policy": Truthful})
    for each in run(found, policies={"mine:Policy": deciding()}):
        probe.evolve(each)
    return Truthful.seen[0].markets["cpu"]


@pytest.mark.parametrize(
    ("side", "price", "wanted_price"),
    [
        ("bid", "1.239", "1.23"),
        ("ask", "1.231", "1.24"),
        ("bid", 0.06 + 0.01, "0.07"),
        ("ask", 0.1 + 0.2, "0.3"),
        ("bid", 900, "4"),
        ("ask", 0.001, "0.01"),
    ],
)
def test_a_quote_lies_on_the_grid_and_rounding_loses_nothing(side, price, wanted_price):
    assert view(side).quote(price) == (Bid if side == "bid" else Ask)("cpu", Decimal(wanted_price))


@pytest.mark.parametrize(("side", "price"), [("bid", "0.001"), ("ask", 5), ("bid", None)])
def test_there_is_no_quote_beyond_the_limits_or_without_a_price(side, price):
    assert view(side).quote(price) is None


@pytest.mark.parametrize("price", ["cheap", float("nan"), float("inf")])
def test_a_quote_that_is_no_price_is_an_error(price):
    with pytest.raises(ValueError, match="is no price"):
        view("bid").quote(price)


CHANGES = [
    {"first_period": 2, "market": "cpu", "price_ceiling": 1.5},
    {"first_period": 2, "group": "buyer", "shift": 0.5},
    {"first_period": 3, "market": "cpu", "tax": 0.25},
    {"first_period": 3, "ticks_per_period": 2},
    {"first_period": 4, "group": "buyer", "present": False},
]
"""A ceiling and higher values in period 2, a tax and shorter periods from 3, nobody who buys in 4."""

FOUR = {"periods": 4, "ticks_per_period": 4}


def test_a_policy_sees_the_values_limits_and_length_of_each_period_net_of_tax_and_is_not_asked_while_away():
    trade(Truthful, changes=CHANGES, clock=FOUR)

    seen = {see.period: see for see in Truthful.seen if see.agent == "buyer_001"}
    told = {
        number: (market.values, market.price_max, see.ticks_per_period, market.tax_bid, market.tax_ask)
        for number, see in seen.items()
        for market in [see.markets["cpu"]]
    }
    assert told == {
        1: ((3, 2), 4, 4, 0, 0),
        2: ((Decimal("3.5"), Decimal("2.5")), Decimal("1.5"), 4, 0, 0),
        3: ((Decimal("3.25"), Decimal("2.25")), Decimal("1.5"), 2, Decimal("0.25"), 0),
    }


def test_an_own_policy_trades_as_the_shipped_one_does_while_things_change():
    own = trade(Truthful, changes=CHANGES, clock=FOUR)
    shipped = [each.event.data for each in run(wanted("truthful", changes=CHANGES, clock=FOUR))]

    def prices(found):
        return [(each.price, each.buyer, each.seller) for each in items(found, Traded)]

    assert prices(own) == prices(shipped)
    assert prices(own)
