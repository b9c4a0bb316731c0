"""Values of a scenario replaced by their path: what is set, what is refused and with which words, and which expectations are left."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest
from factories import group, role, scenario
from hypothesis import given
from hypothesis import strategies as st

from econsim.adapters.policies import with_sources
from econsim.errors import InvalidMessage, ScenarioError
from econsim.runs import scenario_file
from econsim.runs.overrides import apply_overrides
from econsim.runs.settings import parse_setting, setting_paths, with_settings
from econsim.schemas.expectation import INVARIANTS

GENESIS = scenario_file.load("genesis")
SMALL = scenario(
    group("lab", roles=[role("bid", first="3", last="1")], count=4),
    group("mine", roles=[role("ask", first="1", last="3")], count=4),
)


@pytest.mark.parametrize(
    ("text", "setting"),
    [
        ("markets.cpu.tick_size=0.05", ("markets.cpu.tick_size", 0.05)),
        ("agents.lab.policy=zip", ("agents.lab.policy", "zip")),
        (" seed = 7 ", ("seed", 7)),
        ('agents.lab.policy="own.traders:Mine"', ("agents.lab.policy", "own.traders:Mine")),
        ("agents.lab.policy=own.traders:Mine", ("agents.lab.policy", "own.traders:Mine")),
        ("a.values=[[3.0, 2.5], [1]]", ("a.values", [[3.0, 2.5], [1]])),
        ("on=true", ("on", True)),
        ("seeds=1..200", ("seeds", "1..200")),
        ("a=1\nb=2", ("a", "1\nb=2")),
    ],
)
def test_a_setting_is_a_path_and_a_value_of_toml_or_else_text(text, setting) -> None:
    assert parse_setting(text) == setting


@pytest.mark.parametrize("text", ["", "seed", "=3", "seed=", "a=[1", 'a="b', "a={b", "a=" + "[" * 5_000])
def test_what_is_no_setting_is_refused(text) -> None:
    with pytest.raises(InvalidMessage, match=r"write PATH=VALUE|no value of TOML"):
        parse_setting(text)


@given(st.text(max_size=40))
def test_any_text_is_a_setting_or_refused(text) -> None:
    try:
        path, _ = parse_setting(text)
    except InvalidMessage:
        return
    assert path


def test_values_are_set_by_the_names_of_markets_groups_and_roles() -> None:
    changed = with_settings(
        SMALL,
        {"markets.cpu.tick_size": 0.05, "markets.cpu.price_min": 0.05, "agents.lab.roles.cpu.first": 3.5}
        | {"agents.mine.count": 9, "clock.periods": 3, "seed": 5},
    )

    lab, mine = changed.agents
    assert (changed.markets[0].tick_size, changed.markets[0].price_min) == (50_000, 50_000)
    assert (lab.roles[0].first, lab.roles[0].last, mine.count) == (3_500_000, 1_000_000, 9)
    assert (changed.clock.periods, changed.seed) == (3, 5)


def test_a_table_that_the_scenario_leaves_out_can_be_set() -> None:
    changed = with_settings(SMALL, {"agents.lab.policy": "llm", "agents.lab.thinking.every_ticks": 4})

    assert changed.agents[0].thinking.every_ticks == 4
    assert with_settings(SMALL, {"cognition.record_text": False}).cognition.record_text is False


@pytest.mark.parametrize("name", scenario_file.names())
def test_every_value_of_a_shipped_scenario_set_to_itself_changes_nothing(name) -> None:
    found = scenario_file.load(name)
    document = found.model_dump(mode="json")
    paths = setting_paths(found)

    assert with_settings(found, {path: document[path] for path in paths if path in document}) == found
    assert len(paths) == len(set(paths))


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("markets.cpu.tick_siz", 1, "did you mean 'markets.cpu.tick_size'"),
        ("markets.cpo.tick_size", 1, "did you mean 'markets.cpu.tick_size'"),
        ("tick_size", 1, "did you mean 'markets.cpu.tick_size'"),
        ("lab.count", 1, "did you mean 'agents.lab.count'"),
        ("markets.cpu", 1, "markets.cpu: is a table; set one of its keys: "),
        ("markets", 1, "is a table; set one of its keys: cpu"),
        ("", 1, "paths begin with agents, changes, clock"),
        ("\x1b[31m", 1, r"'\x1b[31m' is no setting of this scenario"),
        ("name", "x", "is no setting"),
        ("expectations", [], "is no setting"),
        ("markets.cpu.tick_size", "cheap", "markets.cpu.tick_size: 'cheap' is not an amount of credits"),
        ("markets.cpu.tick_size", 0.03, "price_min 0.01 is below tick_size 0.03"),
        ("agents.lab.count", 0, "agents.lab.count: 0 is too small; write a number from 1 to 20000"),
        ("agents.lab.count", 1.5, "agents.lab.count: 1.5 is no whole number"),
        ("agents.lab.count", [2], "agents.lab.count: [2] is no whole number"),
        ("agents.lab.policy", "zap", "did you mean 'zi"),
        ("agents.lab.roles.cpu.values", [[1, 2]], "first stands beside values"),
        ("agents.lab.roles.cpu.values", [["x"]], "agents.lab.roles.cpu.values: 'x' is not an amount"),
        ("clock.periods", float("nan"), "clock.periods: nan is no whole number"),
        ("markets.cpu.mechanism", "call", "markets.cpu.mechanism: 'call' is not one of the words"),
        ("agents.lab.thinking.memory", 1, "thinking is given to zi_c agents"),
        ("agents.lab.thinking", 1, "is a table"),
        ("markets.cpu.lot_size", 2, "use lot_size = 1"),
    ],
)
def test_a_wrong_setting_is_refused_in_one_line_with_its_remedy(path, value, words) -> None:
    with pytest.raises(ScenarioError) as refused:
        with_settings(SMALL, {path: value})

    assert words in str(refused.value)
    assert "\n" not in str(refused.value)


def test_expectations_are_of_the_scenarios_own_values() -> None:
    other = with_settings(GENESIS, {"markets.cpu.tick_size": 0.02, "markets.cpu.price_min": 0.02})

    assert {each.form for each in other.expectations} <= INVARIANTS
    assert sum(other.unjudged.values()) == len(GENESIS.expectations) - len(other.expectations) > 0
    assert with_settings(GENESIS, {"seed": 9}).expectations == GENESIS.expectations
    assert with_settings(GENESIS, {"clock.periods": 1}) == apply_overrides(GENESIS, periods=1)


def test_reasons_of_settings_and_options_add_up() -> None:
    other = with_settings(GENESIS, {"clock.ticks_per_period": 5})

    assert apply_overrides(other, periods=1).unjudged == other.unjudged


CHANGING = scenario(
    group("lab", roles=[role("bid", first="3", last="1")], count=4),
    group("mine", roles=[role("ask", first="1", last="3")], count=4),
    clock={"periods": 9},
    changes=[
        {"first_period": 2, "last_period": 6, "market": "cpu", "price_ceiling": 1.5},
        {"first_period": 8, "market": "cpu", "tax": 0.5},
    ],
)


def test_a_change_is_set_by_its_number_and_the_market_s_tax_by_its_name() -> None:
    changed = with_settings(
        CHANGING,
        {"changes.1.price_ceiling": 2, "changes.2.tax_side": "ask", "markets.cpu.tax_account": "city"},
    )

    ceiling, tax = changed.changes
    assert (ceiling.price_ceiling, tax.tax_side, changed.markets[0].tax_account) == (2_000_000, "ask", "city")


def test_numbers_of_numpy_and_decimals_are_those_of_a_file() -> None:
    numbers = {"agents.lab.count": np.int64(3), "markets.cpu.tick_size": np.float64(0.5), "seed": np.uint8(7)}
    plain = {"agents.lab.count": 3, "markets.cpu.tick_size": 0.5, "seed": 7}
    same = {"markets.cpu.price_min": 0.5, "markets.cpu.price_max": 4}

    assert with_settings(SMALL, numbers | {"markets.cpu.tax": Decimal("0.25")} | same) == with_settings(
        SMALL, plain | {"markets.cpu.tax": 0.25} | same
    )


def test_a_shorter_run_has_the_changes_that_it_comes_to() -> None:
    shortened = with_settings(CHANGING, {"clock.periods": np.int64(5)})

    assert shortened.changes == apply_overrides(CHANGING, periods=5).changes
    assert len(shortened.changes) == 1


def test_changes_are_set_as_a_whole_too() -> None:
    changed = with_settings(SMALL, {"changes": [{"first_period": 1, "market": "cpu", "tax": 0.5}]})

    assert changed.in_period(1).markets[0].tax == 500_000


def test_a_setting_that_is_wrong_in_a_period_alone_is_refused() -> None:
    with pytest.raises(ScenarioError, match="floor"):
        with_settings(CHANGING, {"changes.1.price_floor": 1.75})


def test_a_policy_that_a_setting_names_is_in_the_record_with_its_digest_and_one_that_it_replaces_is_not(
    tmp_path,
) -> None:
    source = "from econsim import Policy\n\n\nclass Quiet(Policy):\n    def act(self, see, draws):\n        return ()\n"
    (tmp_path / "quiet_by_setting.py").write_text(source)

    own = with_settings(SMALL, {"agents.lab.policy": "quiet_by_setting:Quiet"}, tmp_path)
    seeded = with_settings(own, {"seed": 4})
    back = with_settings(own, {"agents.lab.policy": "zi_c"})

    assert own == with_sources(own, tmp_path)
    assert [each.policy for each in own.policies] == ["quiet_by_setting:Quiet"]
    assert (seeded.policies, seeded.policies_from) == (own.policies, str(tmp_path))
    assert (back.policies, back.policies_from) == ((), "")
    with pytest.raises(ScenarioError, match=r"agents\.lab\.policy: .*no module 'quite_by"):
        with_settings(SMALL, {"agents.lab.policy": "quite_by_setting:Quiet"}, tmp_path)
