"""The figures of a run: who has the surplus, what stands beside a line, and what a reader must know of the run."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import altair as alt
import pytest
from factories import group, role, scenario
from hypothesis import given
from hypothesis import strategies as st
from run_builders import only, records, small_run, small_scenario, summed, thinking_run

from econsim import subjects
from econsim.report.charts import LABEL_SHARE, Label, axis, line_labels
from econsim.report.figure_file import figure_csv, tables_of
from econsim.report.figures import figures
from econsim.report.html import origin, render


def of(summary, name):
    return next(each for each in figures(summary) if each.name == name)


def table(summary, figure, name):
    return dict(tables_of(of(summary, figure).chart))[name]


def test_the_surplus_of_each_side_is_what_the_ledger_paid_its_agents():
    summary = summed(small_run("zi_c"))

    for side, name in (("buyers", "buyer"), ("sellers", "seller")):
        earned = sum(holder.profit for holder in summary.holders if holder.group == name)
        assert sum(getattr(period.shares, side) for period in summary.markets[0].periods) == earned != 0


def test_who_resells_has_a_part_of_the_surplus_and_no_side():
    step = {"tick": 1, "resource": "cpu", "verb": "ask", "order_id": "s", "price": 1}
    bought = step | {"verb": "bid", "order_id": "b"}
    resold = step | {"tick": 2, "order_id": "r", "price": 3}
    wanted = step | {"tick": 2, "verb": "bid", "order_id": "w", "price": 3}
    seller = group("seller", "scripted", roles=[role("ask", values=[[0.5]])], script=[step])
    dealer = group("dealer", "scripted", script=[bought, resold])
    buyer = group("buyer", "scripted", roles=[role("bid", values=[[4]])], script=[wanted])

    (market,) = summed(records(scenario(seller, dealer, buyer, clock={"ticks_per_period": 3}))).markets

    assert market.periods[0].shares == (1_000_000, 500_000, 2_000_000)
    assert market.periods[0].surplus == 3_500_000


def test_both_sides_at_p0_have_the_most_surplus_together():
    (row, other) = table(summed(small_run()), "cpu_shares", "equilibrium")

    assert (row["surplus"], other["surplus"]) == (3.75, 3.75)


def test_the_price_path_has_every_trade_and_the_quotes_between_them():
    summary = summed(small_run())
    traded = [
        item["price"] for entry in only(small_run(), subjects.TRADE_EXECUTED) for item in entry.data["items"]
    ]

    assert [round(row["price"] * 1e6) for row in table(summary, "cpu_prices", "trades")] == traded
    quotes = table(summary, "cpu_prices", "quotes")
    assert [row["tick"] for row in quotes] == [*range(1, summary.ticks + 1)]
    assert all(row["bid"] < row["ask"] for row in quotes if row["bid"] and row["ask"])


def test_a_call_auction_shows_no_quotes():
    names = dict(tables_of(of(summed(small_run(mechanism="call_auction")), "cpu_prices").chart))

    assert "trades" in names
    assert "quotes" not in names


@given(st.lists(st.floats(0, 10), min_size=1, max_size=6))
def test_labels_stand_apart_and_in_the_order_of_their_lines(places):
    ends = axis([0, 10])

    view = line_labels([Label(str(at), at, "#000") for at in places], ends, {})

    shown = [row["at"] for row in view["data"]["values"]]
    gap = LABEL_SHARE * (ends[1] - ends[0])
    assert [row["label"] for row in view["data"]["values"]] == [str(at) for at in sorted(places)]
    assert all(after - before >= gap - 1e-9 for before, after in pairwise(shown))


@pytest.mark.parametrize("run", [small_run, thinking_run, lambda: small_run(mechanism="call_auction")])
def test_every_figure_has_data_of_its_own_and_follows_the_schema(run):
    for figure in figures(summed(run())):
        alt.Root.validate(figure.chart | {"width": 100})
        assert all(name for name, _ in tables_of(figure.chart))
        assert len(figure_csv(figure.chart).splitlines()) > 1


def test_the_csv_of_a_figure_has_a_line_for_each_row_of_each_of_its_tables():
    chart = {
        "layer": [
            {"data": {"name": "trades", "values": [{"tick": 1, "price": 2.5}]}},
            {"data": {"name": "quotes", "values": [{"tick": 1, "bid": None}]}},
            {"data": {"values": [{"label": "not data"}]}},
        ]
    }

    assert figure_csv(chart).split("\r\n") == ["table,tick,price,bid", "trades,1,2.5,", "quotes,1,,", ""]


def test_a_run_that_was_cut_short_says_so_beside_every_picture():
    summary = replace(summed(small_run()), closed=False)

    assert "not finished: period 2 of 2, tick 12" in origin(summary)
    assert '<li class="mark">not finished: period 2 of 2, tick 12</li>' in render(summary)


def test_a_run_with_external_agents_says_so_beside_every_picture():
    summary = summed(records(small_scenario("external")))

    assert "with external agents: buyer, seller" in origin(summary)


def test_a_single_run_shows_no_interval_over_its_periods_and_says_why():
    wanted = {"measure": "alpha", "value": 1, "tolerance": 1, "source": "a test"}

    page = render(summed(records(small_scenario(expectations=[wanted]))))

    assert "±" not in page.partition("<tbody>")[2].partition("</tbody>")[0].replace("1 ± 1", "")
    assert "The periods of one run follow from each other, so there is no interval." in page


CEILING = [
    {"first_period": 2, "market": "cpu", "price_ceiling": 1.5},
    {"first_period": 3, "group": "buyer", "shift": 1},
]


def test_the_equilibrium_of_each_period_stands_over_its_ticks_and_trades_beside_their_own_schedule():
    wanted = small_scenario(
        "truthful", "call_auction", clock={"periods": 4, "ticks_per_period": 2}, changes=CEILING
    )
    summary = summed(records(wanted))

    rows = table(summary, "cpu_prices", "equilibrium")
    assert [(row["from"], row["to"]) for row in rows] == [(0, 2), (2, 4), (4, 8)]
    held = [summary.markets[0].periods[place].constrained.price / 1_000_000 for place in (0, 1, 2)]
    assert [row["P0"] for row in rows] == held
    assert {row["period"] for row in table(summary, "cpu_schedule", "trades")} == {1}
    assert table(summary, "cpu_shares", "equilibrium") == []


def test_both_efficiencies_are_drawn_where_price_limits_bind_and_one_elsewhere():
    free, bound = (
        summed(
            records(small_scenario("truthful", clock={"periods": 3, "ticks_per_period": 3}, changes=changes))
        )
        for changes in ([], CEILING)
    )

    name = "constrained_efficiency_by_period"
    assert name in {each.name for each in figures(bound)}
    assert name not in {each.name for each in figures(free)}
    assert "Efficiency of what is left" in render(bound)
    assert "price_ceiling = 1.5" in render(bound)
