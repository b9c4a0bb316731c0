"""A scenario with options of the command line instead of its own values."""

from __future__ import annotations

import pytest
from factories import group, scenario

from econsim.errors import InvalidMessage, ScenarioError
from econsim.runs import scenario_file
from econsim.runs.overrides import (
    LIVE_TICK_MS,
    ExternalOption,
    apply_overrides,
    check_externals,
    external_option,
    why_not_in_memory,
)
from econsim.schemas.expectation import INVARIANTS
from econsim.schemas.scenario import Mode

GENESIS = scenario_file.load("genesis")


def test_without_options_nothing_changes() -> None:
    assert apply_overrides(GENESIS) == GENESIS


def test_an_external_agent_is_dealt_a_hundred_credits() -> None:
    external = apply_overrides(GENESIS, externals=["ana"]).agents[-1]

    assert (external.name, external.policy, external.credits) == ("ana", "external", 100_000_000)


@pytest.mark.parametrize(
    ("text", "deadline_ms"), [("ana", None), ("ana:30s", 30_000), ("ana:500ms", 500), ("ana:0s", 0)]
)
def test_an_external_agent_may_be_named_with_its_deadline(text, deadline_ms) -> None:
    assert external_option(text) == ExternalOption("ana", deadline_ms)


@pytest.mark.parametrize("text", ["ana:", "ana:soon", "ana:-1s", "ana:601s", "ana:5s:5s", "ana:30"])
def test_a_deadline_that_is_none_is_refused_with_what_would_be_right(text) -> None:
    with pytest.raises(InvalidMessage, match=r"write NAME|600s at most"):
        external_option(text)


def test_a_deadline_of_years_is_told_what_a_tick_waits_at_most() -> None:
    with pytest.raises(InvalidMessage, match="600s at most"):
        external_option("ana:99999999s")


def test_expectations_of_periods_that_are_not_reached_are_left_out() -> None:
    short = apply_overrides(GENESIS, periods=1)

    assert {e.measure for e in GENESIS.measures} - {e.measure for e in short.measures} == {"alpha"}


@pytest.mark.parametrize(
    ("options", "left_out"),
    [
        ({}, {}),
        ({"externals": ["ana"]}, {"an external agent takes part": 6}),
        ({"real_time": True}, {"the run is in real time": 6}),
        ({"periods": 1}, {"the run does not come to their periods": 1}),
        (
            {"periods": 1, "externals": ["ana"]},
            {"an external agent takes part": 5, "the run does not come to their periods": 1},
        ),
    ],
)
def test_what_is_not_judged_is_counted_with_its_reason(options, left_out) -> None:
    assert apply_overrides(GENESIS, **options).unjudged == left_out


def test_real_time_expects_what_holds_of_any_run_alone() -> None:
    live = apply_overrides(GENESIS, real_time=True)

    assert live.clock.mode is Mode.REAL_TIME
    assert [each.form for each in live.expectations] == ["conservation", "limit_prices", "costs"]


@pytest.mark.parametrize(
    ("externals", "said"),
    [
        (["ana", "ana"], "'ana' is given 2 times"),
        (["lab_007"], "'lab_007' is an agent or group"),
        (["lab"], "'lab' is an agent or group"),
    ],
)
def test_an_external_agent_needs_a_name_of_its_own(externals, said) -> None:
    with pytest.raises(ScenarioError, match=said):
        check_externals(GENESIS, externals)


def test_a_provider_replaces_the_offers_of_every_model_at_their_first_prices():
    offers = [{"provider": "dear", "input_price": 9}, {"provider": "rules", "input_price": 1}]
    models = [{"name": name, "offers": offers} for name in ("default", "large")]
    wanted = scenario(group("thinker", "llm"), cognition={"models": models})

    found = apply_overrides(wanted, provider="live")

    replaced = [(offer.provider, offer.input_price) for m in found.cognition.models for offer in m.offers]
    assert replaced == [("live", 9_000_000)] * 2


def test_a_provider_of_a_scenario_without_models_offers_the_default_one():
    found = apply_overrides(scenario(group("thinker", "llm")), provider="live")

    assert [(m.name, m.offers[0].provider) for m in found.cognition.models] == [("default", "live")]


def test_live_tools_have_no_recorded_answers_and_only_what_holds_of_any_run_is_expected() -> None:
    market = scenario_file.load("tool_market")

    found = apply_overrides(market, live_tools=True)

    assert (market.tools[0].answers != (), [tool.answers for tool in found.tools]) == (True, [(), ()])
    assert {each.form for each in found.expectations} <= INVARIANTS
    assert sum(found.unjudged.values()) == len(market.expectations) - len(found.expectations) > 0
    assert why_not_in_memory(found) == (
        "has tools without recorded answers (search_nodes, get-sum), and in memory no server is asked"
    )


def test_the_studio_has_the_tool_whose_recorded_answer_is_compared_with_its_server() -> None:
    assert scenario_file.load("studio").tools == scenario_file.load("tool_market").tools[:1]


def test_live_people_have_no_scripted_ones_and_time_to_answer() -> None:
    found = apply_overrides(scenario_file.load("studio"), live_people=True)

    assert (found.people, found.measures) == ((), ())
    assert (found.clock.mode, found.clock.tick_ms) == (Mode.REAL_TIME, LIVE_TICK_MS)


def test_live_people_of_a_scenario_without_scripted_ones_are_refused() -> None:
    with pytest.raises(ScenarioError, match="--live-people does nothing; leave it out"):
        apply_overrides(GENESIS, live_people=True)


def test_live_tools_of_a_scenario_without_recorded_answers_are_refused() -> None:
    with pytest.raises(ScenarioError, match="--live-tools does nothing; leave it out"):
        apply_overrides(GENESIS, live_tools=True)


def test_changes_of_periods_that_a_shorter_run_does_not_come_to_are_left_out():
    wanted = scenario(
        group("a"),
        clock={"periods": 5},
        changes=[
            {"first_period": 1, "last_period": 4, "market": "cpu", "tax": 0.1},
            {"first_period": 5, "market": "cpu", "tax": 0.2},
        ],
    )

    (left,) = apply_overrides(wanted, periods=3).changes

    assert (left.first_period, left.last_period, left.tax) == (1, None, 100_000)
