"""Changes that make no sense: an error or a warning with line, key and remedy."""

import pytest

from econsim.errors import ScenarioError
from econsim.runs.scenario_file import parse, scenario_warnings

BASE = """name = "x"
clock = { periods = 4, ticks_per_period = 10 }
markets = [{ resource = "good", price_max = 4.0 }]
[[agents]]
name = "buyer"
policy = "zi_c"
roles = [{ resource = "good", side = "bid", first = 3.0, last = 1.0 }]
[[agents]]
name = "seller"
policy = "zi_c"
roles = [{ resource = "good", side = "ask", first = 1.0, last = 3.0 }]
"""
LINE = BASE.count("\n") + 1
"""Line of the first change."""


def text(*changes):
    return BASE + "".join(f"[[changes]]\n{change.replace('; ', chr(10))}\n" for change in changes)


@pytest.mark.parametrize(
    ("changes", "line", "said"),
    [
        (["first_period = 5; market = 'good'; tax = 0.1"], 1, "the run has 4; its periods are 1 to 4"),
        (["first_period = 2; market = 'goood'; tax = 0.1"], 2, "did you mean 'good'?"),
        (["first_period = 2; group = 'byer'; shift = 0.1"], 2, "did you mean 'buyer'?"),
        (["first_period = 2; group = 'buyer'; resource = 'good'; present = true"], 3, "leave it out"),
        (["first_period = 2; market = 'good'; price_floor = 3; price_ceiling = 2"], 4, "at most the ceiling"),
        (["first_period = 2; market = 'good'; price_ceiling = 2.005"], 3, "off the grid of 0.01"),
        (["first_period = 2; market = 'good'; tax = 5"], 3, "nobody could pay it; tax less"),
        (["first_period = 2; market = 'good'; price_max = 2"], 3, "did you mean 'price_ceiling'?"),
        (["first_period = 2; tax = 0.1"], 2, "say which market it is of"),
        (["first_period = 2; market = 'good'; shift = 0.1"], 3, "shift is no key of market 'good'"),
        (["first_period = 3; last_period = 2; until = 'ticks'"], 2, "swap them"),
        (["first_period = 2"], 1, "changes nothing"),
        (["first_period = 2; group = 'seller'; first = 2; values = [[1]]"], 4, "two schedules"),
        (["first_period = 2; group = 'seller'; values = [[2, 1]]"], 0, "put the best unit first"),
        (
            ["first_period = 2; market = 'good'; tax = 0.1", "first_period = 3; market = 'good'; tax = 0.2"],
            7,
            "tax of market 'good' is changed twice in periods 3 to 4",
        ),
        (
            [
                "first_period = 1; group = 'seller'; first = 1",
                "first_period = 4; group = 'seller'; units = 2",
            ],
            7,
            "changed twice in period 4",
        ),
    ],
)
def test_an_impossible_change_is_an_error_at_its_line(changes, line, said):
    with pytest.raises(ScenarioError) as caught:
        parse(text(*changes), "f.toml")

    assert said in str(caught.value)
    assert caught.value.details["line"] == str(LINE + line)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("first_period = 2; market = 'good'; tax = 2.5", "in periods 2 to 4 no trade is possible on 'good'"),
        ("first_period = 2; last_period = 2; group = 'seller'; present = false", "in period 2 no trade is"),
        ("first_period = 4; group = 'seller'; shift = 2", "in period 4 cost 5 is outside the price limits"),
        ("first_period = 4; group = 'seller'; shift = 0.005", "is off the grid of 0.01"),
    ],
)
def test_a_change_that_is_probably_a_mistake_is_a_warning_at_its_line(tmp_path, change, said):
    file = tmp_path / "f.toml"
    file.write_text(text(change))

    found = scenario_warnings(file)

    assert said in found[0]
    assert f"line {LINE}: changes[1]" in found[0]


def test_a_ceiling_below_the_values_of_some_is_no_mistake(tmp_path):
    file = tmp_path / "f.toml"
    file.write_text(text("first_period = 2; market = 'good'; price_ceiling = 2"))

    assert scenario_warnings(file) == ()


def test_changes_that_do_not_overlap_may_follow_each_other():
    found = parse(
        text(
            "first_period = 2; last_period = 2; market = 'good'; tax = 0.1",
            "first_period = 3; market = 'good'; tax = 0.2",
        )
    )

    assert [found.in_period(period).markets[0].tax for period in range(1, 5)] == [
        0,
        100_000,
        200_000,
        200_000,
    ]
