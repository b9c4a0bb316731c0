"""Designs of studies: what they say, and what is refused with file, line, key and remedy before anything runs."""

from __future__ import annotations

from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from econsim import Policy
from econsim.errors import ScenarioError
from econsim.evaluation.studies.conditions import study_plan
from econsim.evaluation.studies.design_file import from_document, load, names, parse

DESIGN = """
scenario = "smith1962"
seeds = "1..3"

[settings]
clock.periods = 2

[treatments.base]
[treatments.few]
agents.buyer.count = 4

[grid]
"clock.ticks_per_period" = [5, 10]
"""


class Patient(Policy):
    """Quotes a price by chance."""

    def act(self, see, draws):
        return [market.quote(draws.fraction()) for market in see.markets.values()]


def planned(text):
    return study_plan(parse(text), "b")


def refusal(text):
    with pytest.raises(ScenarioError) as refused:
        planned(text)
    return str(refused.value)


def test_every_treatment_is_run_at_every_point_of_the_grid_with_every_seed() -> None:
    plan, study = planned(DESIGN)

    assert [(each.treatment, *each.values.values()) for each in study.conditions] == [
        ("base", 11, 5),
        ("base", 11, 10),
        ("few", 4, 5),
        ("few", 4, 10),
    ]
    assert [(cell.treatment, cell.seed) for cell in plan.cells[:4]] == [
        ("base clock.ticks_per_period=5", 1),
        ("base clock.ticks_per_period=5", 2),
        ("base clock.ticks_per_period=5", 3),
        ("base clock.ticks_per_period=10", 1),
    ]


def test_a_design_without_treatments_and_grid_is_one_condition() -> None:
    _, study = planned('scenario = "smith1962"\nseeds = [4, 2]')

    assert [each.name for each in study.conditions] == ["smith1962"]


TOGETHER = """
[together]
"agents.buyer.policy" = ["zi_c", "zip"]
"agents.seller.policy" = ["zi_c", "zip"]
"""


def test_paths_that_vary_together_are_points_crossed_with_the_grid() -> None:
    plan, study = planned(DESIGN + TOGETHER)

    assert [(*each.values.values(),) for each in study.conditions[:4]] == [
        (11, 5, "zi_c", "zi_c"),
        (11, 5, "zip", "zip"),
        (11, 10, "zi_c", "zi_c"),
        (11, 10, "zip", "zip"),
    ]
    assert len(plan.cells) == parse(DESIGN + TOGETHER).conditions * 3 == 24
    assert study.together == ("agents.buyer.policy", "agents.seller.policy")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (('["zi_c", "zip"]\n"agents.s', '["zip"]\n"agents.s'), "agents.seller.policy: has 2 values, and agents.buyer.policy has 1; give every path as many"),
        (('"agents.seller.policy" = ["zi_c", "zip"]', ""), "together: has one path, which varies with no other; write it below [grid]"),
        (('"agents.seller.policy" =', '"clock.ticks_per_period" ='), "line 17: together.clock.ticks_per_period: clock.ticks_per_period is in the grid too"),
        (('"agents.seller.policy" =', '"agents.buyer.count" ='), "agents.buyer.count is in the grid too"),
        (('"agents.seller.policy" = ["zi_c", "zip"]', '"agents.seller.policy" = "zip"'), "'zip' is no list"),
    ],
)  # fmt: skip
def test_paths_that_cannot_vary_together_are_refused_in_one_line(change, words) -> None:
    assert words in refusal(DESIGN + TOGETHER.replace(*change))


def test_a_measure_over_periods_fits_every_condition_that_has_it() -> None:
    wanted = 'measures = ["good alpha in last", "efficiency in 2"]\n'

    assert planned(wanted + DESIGN)[1].measures == ("good alpha in last", "efficiency in 2")
    assert "'efficiency in 3' does not fit the scenario, which has periods 1..2" in refusal(
        wanted.replace("2", "3") + DESIGN
    )


def test_python_gives_numbers_of_numpy_and_classes_of_policies_as_values() -> None:
    grid = {"agents.buyer.count": [np.int64(5)], "agents.buyer.policy": ["zi_c", Patient]}
    document = {
        "scenario": "smith1962",
        "seeds": [1],
        "settings": {"clock.periods": np.int64(2)},
        "grid": grid,
    }

    _, study = study_plan(from_document(document), "b")

    assert [each.values for each in study.conditions] == [
        {"agents.buyer.count": 5, "agents.buyer.policy": policy} for policy in ("zi_c", f"{__name__}:Patient")
    ]


def test_a_treatment_may_have_a_scenario_of_its_own(tmp_path) -> None:
    other = load_shipped_text("smith1962").replace("count = 11", "count = 3")
    (tmp_path / "other.toml").write_text(other)
    (tmp_path / "design.toml").write_text(
        'scenario = "smith1962"\nseeds = "1..2"\n[treatments.big]\n[treatments.small]\nscenario = "other.toml"\n'
    )

    plan, _ = study_plan(load(tmp_path / "design.toml"), "b")

    assert [plan.treatments[place].scenario.count('"count":3') for place in (0, 1)] == [0, 2]


def load_shipped_text(name):
    from importlib.resources import files

    return files("econsim.runs.scenarios").joinpath(f"{name}.toml").read_text()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("[5, 10]", "[]"), "line 13: grid.clock.ticks_per_period: has no values"),
        (('"clock.ticks_per_period" = [5, 10]', ""), "line 12: grid: has no path; leave it out"),
        (("[5, 10]", "5"), "5 is no list; write the values in brackets"),
        (("[5, 10]", "[5, 5]"), "5 stands there twice"),
        (("[5, 10]", "[5, 5.5]"), "line 13: grid.clock.ticks_per_period: clock.ticks_per_period: 5.5 is no whole"),
        (("[5, 10]", str(list(range(1, 3_000)))), "has 5,998 conditions: treatments by points of the grid; at most 1,000"),
        (('"1..3"', '"1..90000"'), "has 360,000 runs: 4 conditions by seeds; at most 100,000"),
        (('"1..3"', '"1..9999999"'), "names more than 1,000,000 seeds"),
        (('"1..3"', '"1,2,1"'), "line 3: seeds: '1,2,1' names seed 1 twice"),
        (('"1..3"', "[1, 1]"), "names seed 1 twice"),
        (('"1..3"', "[1.5]"), "1.5 is no seed"),
        (('"1..3"', "[]"), "names no seeds"),
        (('"1..3"', "true"), "names no seeds"),
        (('seeds = "1..3"', ""), "seeds: is missing; add a line seeds"),
        (('scenario = "smith1962"', ""), "scenario: is missing"),
        (('"smith1962"', '"smith1963"'), "did you mean 'smith1962'"),
        (('"smith1962"', "7"), "scenario: 7 is no text"),
        (("agents.buyer.count = 4", "agents.buyer.cont = 4"), "line 10: treatments.few.agents.buyer.cont: 'agents.buyer.cont' is no setting of this scenario; did you mean 'agents.buyer.count'"),
        (("agents.buyer.count = 4", ""), "'few clock.ticks_per_period=5' is the same as 'base clock.ticks_per_period=5'"),
        (("agents.buyer.count = 4", "agents.buyer.count = 11"), "is the same as"),
        (("agents.buyer.count = 4", "clock.ticks_per_period = 4"), "clock.ticks_per_period is in the grid too"),
        (("agents.buyer.count = 4", "seed = 4"), "seeds are no setting of a study"),
        (("clock.periods = 2", "clock.ticks_per_period = 2"), "is set elsewhere too"),
        (("clock.periods = 2", "clock.mode = 'real_time'"), 'has mode = "real_time", and in memory no time passes'),
        (("[treatments.few]", '[treatments."Few Buyers"]'), "'Few Buyers' is no name; use 1 to"),
        (("[treatments.few]", '[treatments."\\u001b[31m"]'), r"'\x1b[31m' is no name"),
        (("[treatments.few]", '[treatments.""]'), "'' is no name"),
        (("[treatments.few]", "[treatmens.few]"), "did you mean 'treatments'"),
        (("[grid]", "["), "line 12: is not TOML"),
        (("[settings]", 'name = "My Study"\n[settings]'), "'My Study' is no name"),
        (("[settings]", 'measures = ["efficency"]\n[settings]'), "did you mean 'efficiency'"),
        (("[settings]", "measures = 3\n[settings]"), "3 are no measures"),
        (("[settings]", 'measures = ["efficiency", "efficiency"]\n[settings]'), "'efficiency' stands there twice"),
    ],
)  # fmt: skip
def test_a_wrong_design_is_refused_in_one_line(change, words) -> None:
    assert DESIGN.count(change[0]) == 1

    found = refusal(DESIGN.replace(*change))

    assert words in found
    assert "\n" not in found
    assert found.isprintable()


def test_a_grid_of_a_million_points_is_refused_before_any_is_made() -> None:
    grid = "\n".join(f'"clock.p{n}" = {[*range(10)]}' for n in range(6))

    assert "has 1,000,000 conditions" in refusal(f'scenario = "smith1962"\nseeds = "1"\n[grid]\n{grid}')


@pytest.mark.parametrize("source", ["", "\0", "nowhere.toml", ".", "[/x]"])
def test_a_file_that_is_none_is_refused(source) -> None:
    with pytest.raises(ScenarioError):
        load(source)


def test_tables_in_tables_without_end_are_refused() -> None:
    deep = ".".join(["a"] * 5_000)

    assert "tables within tables" in refusal(f'scenario = "smith1962"\nseeds = "1"\n[settings]\n{deep} = 1')


@given(st.recursive(st.none() | st.integers() | st.text(max_size=5) | st.floats(), lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3), max_leaves=6))  # fmt: skip
def test_whatever_python_gives_is_a_design_or_refused(value) -> None:
    for key in ("seeds", "settings", "treatments", "grid", "together", "measures", "name", "scenario"):
        document = {"scenario": "smith1962", "seeds": "1..2", "settings": {}} | {key: value}
        with suppress(ScenarioError):
            study_plan(from_document(document), "b")


def test_a_path_that_the_design_varies_cannot_be_set_beside_it() -> None:
    design = parse(DESIGN)

    assert design.with_settings({"clock.periods": 3}).settings["clock.periods"].value == 3
    with pytest.raises(ScenarioError, match=r"agents\.buyer\.count is varied by design\.toml"):
        design.with_settings({"agents.buyer.count": 3})


@pytest.mark.parametrize("name", names())
def test_every_shipped_design_can_be_planned(name) -> None:
    plan, study = study_plan(load(name), "b")

    assert len(plan.cells) == len(study.conditions) * len({cell.seed for cell in plan.cells})
