"""Groups become agents: ids, hosts, values; and what no agent may be called."""

import pytest
from factories import group, role, scenario

from econsim.domain.agent.population import host_name, population, schedule
from econsim.errors import ScenarioError
from econsim.schemas.scenario import Scenario


def test_ids_are_numbered_and_sort_as_made():
    agents = population(scenario(group("miner", count=12)))

    assert [agents[0].id, agents[11].id] == ["miner_001", "miner_012"]


def test_ids_grow_wider_with_the_count():
    agents = population(scenario(group("miner", count=1000)))

    assert agents[0].id == "miner_0001"


def test_a_single_external_agent_keeps_its_groups_name():
    agents = population(scenario(group("my-bot", policy="external")))

    assert [(a.id, a.host) for a in agents] == [("my-bot", None)]


def test_hosts_hold_contiguous_ranges_of_nearly_equal_size():
    agents = population(
        scenario(group("a", count=5), group("bot", policy="external"), group("b", count=5), hosts=3)
    )

    hosts = [a.host for a in agents if a.host is not None]

    assert hosts == sorted(hosts)
    assert sorted(hosts.count(h) for h in range(3)) == [3, 3, 4]


def test_hosts_are_named_from_one():
    assert [host_name(index) for index in range(2)] == ["host_1", "host_2"]


def test_lists_of_values_are_used_in_turn():
    agents = population(scenario(group("a", count=3, roles=[role("bid", values=[[3, 2], [1]])])))

    assert [a.roles[0].values for a in agents] == [
        (3_000_000, 2_000_000),
        (1_000_000,),
        (3_000_000, 2_000_000),
    ]


def test_first_and_last_are_joined_evenly():
    agents = population(scenario(group("a", count=11, roles=[role("bid", first=3.25, last=0.75)])))

    assert [a.roles[0].values for a in agents] == [(3_250_000 - 250_000 * i,) for i in range(11)]


def test_values_between_first_and_last_are_rounded_to_the_tick_size():
    agents = population(scenario(group("a", count=4, roles=[role("ask", first=1, last=2, units=2)])))

    assert [a.roles[0].values for a in agents][1:3] == [(1_330_000,) * 2, (1_670_000,) * 2]


def test_values_are_never_rounded_beyond_first_and_last():
    market = {"resource": "cpu", "tick_size": 0.7, "price_min": 0.7, "price_max": 0.7}
    buyers = group("a", count=3, roles=[role("bid", first=0.4, last=0.4)])

    agents = population(scenario(buyers, markets=[market]))

    assert [a.roles[0].values for a in agents] == [(400_000,)] * 3


def test_a_schedule_has_the_best_units_first():
    buyers = group("a", count=2, roles=[role("bid", values=[[1], [3]])])
    sellers = group("b", count=2, roles=[role("ask", values=[[2], [1]])])

    assert schedule(population(scenario(buyers, sellers)), "cpu") == (
        (3_000_000, 1_000_000),
        (1_000_000, 2_000_000),
    )


@pytest.mark.parametrize(
    "name", ["treasury", "clearing_cpu", "clock", "operator", "market", "ledger", "host_1"]
)
def test_names_of_the_system_are_refused(name):
    with pytest.raises(ScenarioError, match="reserved for the system; rename group"):
        population(scenario(group(name, policy="external")))


def test_ids_that_outgrow_a_name_are_refused():
    with pytest.raises(ScenarioError, match="longer than 48 characters; shorten"):
        population(scenario(group("a" * 46)))


def test_ids_made_twice_are_refused():
    with pytest.raises(ScenarioError, match="'a_001' is used twice"):
        population(scenario(group("a"), group("a_001", policy="external")))


def test_traders_of_single_units_need_lots_of_one():
    dealt = scenario(group("a", roles=[role("bid", values=[[1]])])).model_dump()
    dealt["markets"] = [{**dealt["markets"][0], "lot_size": 5}]

    with pytest.raises(ScenarioError, match="use lot_size = 1"):
        population(Scenario.model_validate(dealt))


@pytest.mark.parametrize(
    ("units", "count", "market", "message"),
    [
        (
            101,
            1,
            {},
            "quotes for all its 101 units at once in call auction 'cpu', but open_orders_max is 100",
        ),
        (10, 11, {"book_orders_max": 100}, "quote for 110 units at once in call auction 'cpu'; at most 100"),
        (100, 201, {}, "quote for 20100 units at once in call auction 'cpu'; at most 20000"),
    ],
)
def test_more_units_than_a_call_takes_quotes_for_are_refused(units, count, market, message):
    buyers = group("a", count=count, roles=[role("bid", first=1, last=1, units=units)])
    call = {"resource": "cpu", "mechanism": "call_auction", **market}

    with pytest.raises(ScenarioError, match=message):
        population(scenario(buyers, markets=[call]))
