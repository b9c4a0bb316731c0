"""Warnings about scenarios that can be run and can hardly be meant; none about those that are shipped."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from econsim.cli import app
from econsim.runs.scenario_file import names, scenario_warnings

PLAIN = """name = "a"
[clock]
periods = 2
ticks_per_period = 6
[[markets]]
resource = "cpu"
mechanism = "call_auction"
window_ticks = 3
[[agents]]
name = "b"
policy = "zi_c"
credits = 5
roles = [
  { resource = "cpu", side = "bid", values = [[3.00, 2.00]] },
]
[[agents]]
name = "s"
policy = "truthful"
roles = [
  { resource = "cpu", side = "ask", first = 1.00, last = 2.00 },
]
[[agents]]
name = "x"
policy = "scripted"
script = [
  { tick = 1, resource = "cpu", verb = "bid", order_id = "o", price = 1.00 },
  { tick = 2, resource = "cpu", verb = "cancel", order_id = "o" },
]
[[expectations]]
measure = "efficiency"
value = 99
tolerance = 1
source = "s"
"""

NOBODY_ELSE = PLAIN[: PLAIN.index('[[agents]]\nname = "x"')] + PLAIN[PLAIN.index("[[expectations]]") :]
"""The same without the scripted agent, whose limits nobody knows."""


@pytest.fixture
def warned(tmp_path):
    """Return what is doubted of a text, without the file's name."""
    path = tmp_path / "f.toml"

    def of(text):
        path.write_text(text)
        return [line.removeprefix(f"{path}, ") for line in scenario_warnings(path)]

    return of


@pytest.mark.parametrize("name", names())
def test_no_shipped_scenario_has_a_warning(name):
    assert not scenario_warnings(name)


def test_a_scenario_that_makes_sense_has_no_warning(warned):
    assert not warned(PLAIN)
    assert not warned(NOBODY_ELSE)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "[[3.00, 2.00]]",
            "[[3.005, 2.00]]",
            "line 14: agents[1].roles[1].values[1][1]: value 3.005 is off the grid",
        ),
        (
            "[[3.00, 2.00]]",
            "[[5, 2.00]]",
            "line 14: agents[1].roles[1].values[1][1]: value 5 is outside the price limits",
        ),
        (
            "first = 1.00",
            "first = 0.00",
            "line 20: agents[2].roles[1].first: cost 0 is outside the price limits",
        ),
        (
            "window_ticks = 3",
            "window_ticks = 4",
            "line 8: markets[1].window_ticks: window_ticks 4 does not fit",
        ),
        (
            "window_ticks = 3",
            "window_ticks = 9",
            "line 8: markets[1].window_ticks: window_ticks 9 is longer than a period of 6 ticks",
        ),
        (
            '"call_auction"',
            '"zi_double_auction"',
            "line 8: markets[1].window_ticks: window_ticks has no effect",
        ),
        ("periods = 2", "periods = 2\ntick_ms = 7", "line 4: clock.tick_ms: tick_ms has no effect"),
        (
            "tick = 2",
            "tick = 13",
            "line 27: agents[3].script[2].tick: tick 13 never comes: the run has at most ticks 1 to 12",
        ),
        ("tick = 1,", "tick = 0,", "line 26: agents[3].script[1].tick: tick 0 never comes"),
        (
            "price = 1.00",
            "price = 1.005",
            "line 26: agents[3].script[1].price: order 'o' of 1 at 1.005 will be refused",
        ),
        (
            "price = 1.00",
            "price = 1, quantity = 0",
            "agents[3].script[1].quantity: order 'o' of 0 at 1 will be refused",
        ),
        (
            '"cancel"',
            '"bid", price = 1',
            "line 27: agents[3].script[2].order_id: order id 'o' is used twice on 'cpu'",
        ),
        (
            'policy = "scripted"',
            'policy = "scripted"\ncount = 2',
            "agents[3].count: 2 agents follow one script",
        ),
        (
            "value = 99",
            "value = 120",
            "line 31: expectations[1].value: expectation of efficiency 120 ± 1 can never hold",
        ),
        ('"efficiency"', '"mean_price"', "mean_price 99 ± 1 can never hold; there it is 0.01 to 4"),
    ],
)
def test_each_senseless_value_is_a_warning_with_its_line(warned, old, new, message):
    assert PLAIN.count(old) == 1

    (line,) = warned(PLAIN.replace(old, new))

    assert line.startswith(message) or message in line


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "first = 1.00, last = 2.00",
            "first = 3.50, last = 4.00",
            "the highest value is 3, the lowest cost 3.5",
        ),
        (
            'side = "ask", first = 1.00, last = 2.00',
            'side = "bid", first = 1.00, last = 2.00',
            "nobody sells there",
        ),
        ("[[3.00, 2.00]]", "[[0, 0]]", "all values there, 0 to 0, are outside its price limits 0.01 to 4"),
    ],
)
def test_a_market_without_possible_trades_is_warned_of_and_so_are_its_expectations(warned, old, new, message):
    lines = warned(NOBODY_ELSE.replace(old, new))

    assert "line 6: markets[1].resource: no trade is possible on 'cpu': " in lines[0]
    assert message in lines[0]
    assert "expectation of efficiency on 'cpu', where no trade is possible" in lines[-1]


def test_buyers_that_cannot_pay_for_one_unit_are_warned_of(warned):
    (line,) = warned(NOBODY_ELSE.replace("credits = 5", "credits = 0.50"))

    assert line.startswith(
        "line 12: agents[1].credits: agents of group 'b' have 0.5 credits each and need at least 1"
    )


CODED = """name = "a"
hosts = 2
[clock]
ticks_per_period = 4
[[markets]]
resource = "cpu"
[[agents]]
name = "b"
policy = "zip"
count = 2
credits = 9
roles = [ { resource = "cpu", side = "bid", values = [[3.00, 2.00], [2.50]] } ]
[[agents]]
name = "s"
policy = "zip"
count = 2
roles = [ { resource = "cpu", side = "ask", first = 1.00, last = 2.00, units = 2 } ]
[[agents]]
name = "e"
policy = "external"
credits = 5
roles = [ { resource = "cpu", side = "bid", first = 3.00, last = 3.00 } ]
"""


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("[2.50]]", "[2.50], [1]]", "line 12: agents[1].roles[1].values: 3 lists of values for 2 agents of group 'b': the last 1 is nobody's"),
        ("units = 2", "units = 5", "line 17: agents[2].roles[1].units: an agent has 5 units and one order a tick, and a period has 4 ticks"),
        ("credits = 9", "credits = 2.5", "line 11: agents[1].credits: agents of group 'b' have 2.5 credits each and cannot bid 3, what a unit"),
        ("credits = 5", "credits = 0.001", "line 21: agents[3].credits: agents of group 'e' have 0.001 credits each and need at least 0.01"),
        ("hosts = 2", "hosts = 9", "line 2: hosts: 9 hosts for 4 agents: 5 have none"),
    ],
)  # fmt: skip
def test_what_can_never_happen_is_warned_of(warned, old, new, message):
    assert not warned(CODED)
    assert CODED.count(old) == 1

    (line,) = warned(CODED.replace(old, new))

    assert line.startswith(message)


@pytest.mark.parametrize(
    ("step", "message"),
    [
        ('verb = "bid", order_id = "p", price = 3, quantity = 40', "costs 120, and the agent has 100"),
        ('verb = "ask", order_id = "p", price = 3', "asks for 1 of 'cpu', and the agent is dealt 0"),
    ],
)
def test_scripted_orders_without_the_means_are_warned_of(warned, step, message):
    alone = f'[[agents]]\nname = "y"\npolicy = "scripted"\nscript = [ {{ tick = 1, resource = "cpu", {step} }} ]\n'

    (line,) = warned(PLAIN.replace("[[expectations]]", f"{alone}[[expectations]]"))

    assert message in line


def test_random_traders_without_limits_can_trade_at_a_loss(warned):
    apart = NOBODY_ELSE.replace("first = 1.00, last = 2.00", "first = 3.50, last = 4.00")

    assert not warned(apart.replace('"zi_c"', '"zi_u"').replace('"truthful"', '"zi_u"'))


def test_more_units_than_can_be_traded_are_not_expected(warned):
    many = NOBODY_ELSE.replace('"efficiency"', '"trades_per_period"')

    assert "99 ± 1 can never hold; there it is 0 to 1" in warned(many)[0]


@pytest.mark.parametrize("words", [("check",), ("run", "--transport", "memory")])
def test_warnings_are_shown_once_and_change_no_exit_code(tmp_path, words):
    path = tmp_path / "f.toml"
    path.write_text(
        PLAIN.replace("[[3.00, 2.00]]", "[[3.005, 2.00]]")
        .replace("value = 99", "value = 50")
        .replace("tolerance = 1", "tolerance = 50")
    )

    shown = CliRunner().invoke(app, ["--state", str(tmp_path), words[0], str(path), *words[1:]])

    assert shown.exit_code == 0, shown.output
    assert shown.stderr.count("warning: ") == 1
    assert "value 3.005 is off the grid" in shown.stderr


def test_of_many_warnings_the_first_are_shown(tmp_path):
    path = tmp_path / "f.toml"
    rows = ", ".join(f"{2 + i / 1000:.3f}" for i in range(29, 0, -1) if i % 10)
    path.write_text(PLAIN.replace("[[3.00, 2.00]]", f"[[{rows}]]"))

    shown = CliRunner().invoke(app, ["check", str(path)])

    assert shown.stderr.count("warning: ") == 20
    assert "and 7 warnings more" in shown.stderr


THOUGHTFUL = PLAIN.replace(
    'policy = "zi_c"\n', 'policy = "llm"\nthinking = { max_tokens = 300, every_ticks = 3 }\n'
)


@pytest.mark.parametrize(
    ("before", "after", "doubt"),
    [
        (
            "every_ticks = 3",
            "every_ticks = 7",
            "line 12: agents[1].thinking.every_ticks: every_ticks 7 is longer than a period of 6 ticks: agents think at its first tick alone; use at most 6",
        ),
        (
            "max_tokens = 300",
            "max_tokens = 10_000",
            "line 13: agents[1].credits: agents of group 'b' have 5 credits each, and one thought of 10000 tokens may cost more than 6: they never think; deal them more, or lower max_tokens or the price",
        ),
    ],
)
def test_a_group_that_hardly_thinks_is_doubted(warned, before, after, doubt):
    assert warned(THOUGHTFUL) == []

    assert warned(THOUGHTFUL.replace(before, after)) == [doubt]


TRADE = 'event = { type = "trade_executed" }'


@pytest.mark.parametrize(
    ("text", "key", "effect"),
    [
        (f'form = "happens"\n{TRADE}\nwithin', "within", "nothing is ever late by it"),
        (f'form = "never"\n{TRADE}\nwithin', "within", "it is about the whole run"),
        (f'form = "at_most"\n{TRADE}\ntimes = 1\nper', "per", "it is about the whole run"),
        (f'form = "at_least"\n{TRADE}\ntimes = 1\nper', "per", "no window ends, so it is always vacuous"),
        ('form = "stable"\nkey = "cpu.price"\nband = 1\nlasting', "lasting", "it always fails"),
    ],
)
def test_a_bound_longer_than_the_run_is_told_with_what_it_means(warned, text, key, effect):
    table = f"{PLAIN}[[expectations]]\n{text} = {{ ticks = "

    assert not warned(table + "12 }\n")
    (found,) = warned(table + "13 }\n")
    assert (
        f"expectations[2].{key}: {key} is 13 ticks, the run has 12 at most: {effect}; give at most 12"
        in found
    )
