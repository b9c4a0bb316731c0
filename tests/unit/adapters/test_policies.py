"""Policies of one's own are found beside their scenario, known by their source, and held to a time limit."""

import importlib
from functools import partial
from pathlib import Path

import pytest
from factories import group, role, scenario

from econsim import Bid, Policy
from econsim.adapters import policies
from econsim.adapters.policies import (
    LimitedPolicy,
    load,
    load_in_service,
    load_policies,
    why_not_allowed,
    with_sources,
)
from econsim.adapters.time_limit import TimeLimit
from econsim.domain.execution.in_memory import run
from econsim.errors import ScenarioError
from econsim.schemas.agent import CognitiveCyclesCompleted
from econsim.schemas.clock import Ticked
from econsim.schemas.scenario import PolicyPath

SOURCE = """
from econsim import Policy

PRICE = {price}


class Buyer(Policy):
    def act(self, see, draws):
        yield see.markets["cpu"].quote(PRICE)


class NeedsName(Buyer):
    def __init__(self, name):
        self.name = name


class Silent(Policy):
    pass


class Waiting(Policy):
    async def act(self, see, draws):
        return ()


class TakesOne(Policy):
    def act(self, see):
        return ()


def function(see, draws):
    return ()
"""


class InThisModule(Policy):
    def act(self, see, draws):
        return ()


class Endless(Policy):
    def act(self, see, draws):
        while True:
            pass


@pytest.fixture
def place(tmp_path):
    """Return a directory with a module of policies."""
    write(tmp_path, price=1)
    return tmp_path


def write(directory, name="my_policies", **values):
    (directory / f"{name}.py").write_text(SOURCE.format(**values))


def wanted(policy, **fields):
    return scenario(group("buyer", policy, roles=[role("bid", values=[[3]])]), **fields)


def digest_of(found):
    return found.policies[0].digest


def refusal(path, place):
    with pytest.raises(ScenarioError) as caught:
        load(PolicyPath(path), str(place))
    return str(caught.value)


def test_a_module_beside_the_scenario_is_loaded(place):
    found = load(PolicyPath("my_policies:Buyer"), str(place))

    assert found.made_by.__name__ == "Buyer"
    assert Path(found.made_by.act.__code__.co_filename) == place / "my_policies.py"


def test_a_module_of_a_package_is_loaded_with_what_it_imports_from_the_package(tmp_path):
    (tmp_path / "lab" / "inner").mkdir(parents=True)
    (tmp_path / "lab" / "terms.py").write_text("PRICE = 2\n")
    write(tmp_path / "lab" / "inner", "buyers", price="__import__('lab.terms').terms.PRICE")

    found = load(PolicyPath("lab.inner.buyers:Buyer"), str(tmp_path))

    assert found.made_by.act.__globals__["PRICE"] == 2


def test_modules_of_one_name_in_two_directories_do_not_mix(place, tmp_path_factory):
    other = tmp_path_factory.mktemp("other")
    write(other, price=2)

    found = [load(PolicyPath("my_policies:Buyer"), str(each)) for each in (place, other, place)]

    assert [each.made_by.act.__globals__["PRICE"] for each in found] == [1, 2, 1]
    assert found[0].digest == found[2].digest != found[1].digest


def test_a_class_of_a_module_that_is_loaded_already_is_itself():
    found = wanted(InThisModule)

    assert load(found.agents[0].policy).made_by is InThisModule


@pytest.mark.parametrize(
    ("path", "what"),
    [
        ("my_polices:Buyer", "no module 'my_polices' in .*did you mean 'my_policies'"),
        ("no.such.thing:Buyer", "no module 'no'"),
        ("my_policies:Buyers", "no class 'Buyers'; did you mean 'Buyer'"),
        ("my_policies:Qqq", "it has Buyer, NeedsName, Silent, Waiting, TakesOne"),
        ("my_policies:function", "no class that derives from econsim.Policy"),
        ("my_policies:PRICE", "no class that derives from econsim.Policy"),
        ("my_policies:NeedsName", "needs arguments to be made; give each a default"),
        ("my_policies:Silent", r"no method act\(self, see, draws\)"),
        ("my_policies:TakesOne", r"no method act\(self, see, draws\)"),
        ("my_policies:Waiting", "act is async"),
    ],
)
def test_what_is_no_policy_is_refused_with_the_remedy(place, path, what):
    with pytest.raises(ScenarioError, match=what):
        load(PolicyPath(path), str(place))


@pytest.mark.parametrize("name", ["statistics", "econsim"])
def test_a_module_under_a_name_of_python_or_econsim_is_refused_and_takes_no_place(tmp_path, name):
    write(tmp_path, name, price=1)

    assert f"{name}.py has the name of a module of Python or econsim" in refusal(f"{name}:Buyer", tmp_path)
    assert not hasattr(importlib.import_module(name), "Buyer")


@pytest.mark.parametrize("source", ["1 / 0", "def f(:", "import no_such_module", "raise SystemExit(3)"])
def test_a_module_that_cannot_be_imported_is_refused_with_its_error(tmp_path, source):
    (tmp_path / "broken.py").write_text(source)

    assert "importing its module raised" in refusal("broken:Buyer", tmp_path)


def test_a_run_whose_policy_has_another_source_has_another_digest(place):
    before = with_sources(wanted("my_policies:Buyer"), place)
    write(place, price=2)
    after = with_sources(wanted("my_policies:Buyer"), place)

    assert digest_of(before) != digest_of(after)
    with pytest.raises(
        ScenarioError, match="source of policy my_policies:Buyer has changed since the run was opened"
    ):
        load_policies(before)
    assert {*load_policies(after)} == {"my_policies:Buyer"}


def test_a_changed_module_of_the_package_changes_the_digest(tmp_path):
    (tmp_path / "lab").mkdir()
    write(tmp_path / "lab", "buyers", price=1)
    before = with_sources(wanted("lab.buyers:Buyer"), tmp_path)
    (tmp_path / "lab" / "helper.py").write_text("A = 1\n")

    assert digest_of(before) != digest_of(with_sources(wanted("lab.buyers:Buyer"), tmp_path))


def test_a_class_without_a_file_is_known_by_its_code():
    def made(text):
        names = {"__name__": "__notebook__", "Policy": Policy}
        exec(f"class Own(Policy):\n    def act(self, see, draws):\n        return [{text}]", names)
        return policies.class_digest(names["Own"])

    assert made("1") == made("1") != made("2")


def failures(found, loaded):
    events = [each.event.data for each in run(found, policies=loaded)]
    return {
        item.agent: item.failure
        for data in events
        if isinstance(data, CognitiveCyclesCompleted)
        for item in data.items
    }, sum(isinstance(data, Ticked) for data in events)


def test_a_service_runs_policies_from_where_it_is_allowed_and_sets_other_agents_aside(place):
    found = with_sources(wanted("my_policies:Buyer", clock={"ticks_per_period": 3}), place)

    allowed, ticks = failures(found, load_in_service(found, place.parent))
    refused, _ = failures(found, load_in_service(found, place / "elsewhere"))

    assert (allowed, ticks) == ({}, 3)
    assert f"start it with ECONSIM_POLICIES={place}" in refused["buyer_001"]
    assert "buyer_001" in failures(found, load_in_service(found, None))[0]


def test_only_scenarios_with_policies_of_their_own_need_a_permission(place):
    found = with_sources(wanted("my_policies:Buyer"), place)

    assert "runs no policies from" in why_not_allowed(found, None)
    assert why_not_allowed(found, place) == why_not_allowed(wanted("zip"), None) == ""


def test_a_service_sets_agents_aside_whose_policy_has_another_source_than_the_run(place):
    found = with_sources(wanted("my_policies:Buyer", clock={"ticks_per_period": 3}), place)
    write(place, price=2)

    why, ticks = failures(found, load_in_service(found, place))

    assert "has changed since the run was opened" in why["buyer_001"]
    assert ticks == 3


def test_a_policy_that_decides_for_too_long_is_set_aside_and_the_run_goes_on(monkeypatch):
    monkeypatch.setattr(policies, "LIMIT", TimeLimit(0.2))

    why, ticks = failures(
        wanted("mine:Endless", clock={"ticks_per_period": 3}),
        {"mine:Endless": partial(LimitedPolicy, Endless)},
    )

    assert "took longer than 0.2 s, so this run does not repeat by its seed" in why["buyer_001"]
    assert ticks == 3


@pytest.mark.parametrize("returned", [None, Bid("cpu", 1)])
def test_a_policy_that_returns_no_list_is_told_what_to_return(returned):
    class Alone(Policy):
        def act(self, see, draws):
            return returned

    why, _ = failures(wanted("mine:Alone"), {"mine:Alone": partial(LimitedPolicy, Alone)})

    assert "act returned " in why["buyer_001"]
    assert "return a list of decisions, which may be empty, or yield them" in why["buyer_001"]
