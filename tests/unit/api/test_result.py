"""A result's tables are those of `econsim export`, readable by every library of Arrow data, and its figures those of the report."""

from __future__ import annotations

from decimal import Decimal

import duckdb
import polars as pl
import pytest
from run_builders import small_scenario

import econsim
from econsim.domain.audit.facts import as_record
from econsim.domain.execution import in_memory
from econsim.errors import InvalidMessage, NotFound, SetupError
from econsim.report.export import export
from econsim.report.format import plural
from econsim.report.table_definitions import TABLES
from econsim.schemas.types import MICROS_PER_CREDIT


@pytest.fixture(scope="module")
def result():
    return econsim.run("genesis", periods=2)


@pytest.fixture(scope="module")
def exported(result, tmp_path_factory):
    folder = tmp_path_factory.mktemp("tables")
    export(result.records, folder)
    return folder


@pytest.mark.parametrize("name", TABLES)
def test_a_table_is_the_one_of_the_export(result, exported, name):
    table = result.table(name)

    parquet = duckdb.sql(f"FROM '{exported / name}.parquet'")
    assert table.columns == tuple(parquet.columns)
    assert [tuple(row.values()) for row in table] == parquet.fetchall()


def test_records_read_after_the_run_are_those_of_its_events():
    scenario = small_scenario("zi_c")

    read_at_once = [as_record(event) for event in in_memory.run(scenario)]

    later = econsim.run(scenario).records
    assert [(each.event_id, each.data) for each in later] == [
        (each.event_id, each.data) for each in read_at_once
    ]


def test_polars_and_pandas_read_the_same_rows(result):
    frame, exact = result.trades.to_polars(), result.trades.to_pandas(exact=True)

    assert frame.rows(named=True) == result.trades.rows() == exact.to_dict("records")
    assert frame.schema["price_credits"] == pl.Decimal(25, 6)


def test_floats_of_pandas_are_the_credits_and_whole_numbers_stay_whole(result):
    quotes = result.quotes.to_pandas()

    assert quotes.dtypes[["tick", "bid", "bid_credits"]].astype(str).to_dict() == {
        "tick": "int64",
        "bid": "Int64",
        "bid_credits": "float64",
    }
    known = quotes.dropna(subset="bid")
    assert (known.bid_credits * MICROS_PER_CREDIT).round().astype("int64").equals(known.bid.astype("int64"))


def test_any_reader_of_arrow_data_takes_a_table_again_and_again(result):
    assert [pl.DataFrame(result.agents).height, pl.DataFrame(result.agents).height] == [
        len(result.agents)
    ] * 2


def test_credits_are_exact_decimals_beside_micro_credits(result):
    for micros, credits_ in zip(result.trades["price"], result.trades["price_credits"], strict=True):
        assert credits_ * MICROS_PER_CREDIT == micros
        assert isinstance(credits_, Decimal)


@pytest.mark.parametrize("by", ["side", "group"])
def test_the_parts_of_the_surplus_add_up_to_that_of_the_report(result, by):
    rows = result.surplus(by=by)

    realised = sum(period.surplus for market in result.figures.markets for period in market.periods)
    assert sum(rows["surplus"]) == realised > 0
    assert sum(rows["surplus_credits"]) == Decimal(realised) / MICROS_PER_CREDIT


def test_each_side_gains_what_its_traders_earn(result):
    gains = dict.fromkeys(("buyers", "sellers", "others"), 0)
    for row in econsim.run(small_scenario("zip")).surplus(by="side"):
        gains[row["side"]] += row["surplus"]

    profits = dict.fromkeys(gains, 0)
    for agent in econsim.run(small_scenario("zip")).figures.holders:
        profits[f"{agent.group}s"] += agent.profit
    assert gains == profits


def test_periods_are_those_of_the_report(result):
    found = {(row["resource"], row["period"], row["efficiency"]) for row in result.periods}

    assert found == {(m.resource, p.number, p.efficiency) for m in result.figures.markets for p in m.periods}


def test_figures_are_those_of_the_report(result):
    alphas = [p.alpha for m in result.figures.markets for p in m.periods if p.alpha is not None]

    assert result.efficiency == result.figures.efficiency
    assert result.alpha == pytest.approx(sum(alphas) / len(alphas))
    assert result.is_as_expected == result.figures.is_as_expected


def test_a_report_is_written_where_it_is_wanted(result, tmp_path):
    path = result.report(tmp_path / "new" / "report.html")

    assert result.hash in path.read_text()


def test_a_notebook_shows_figures_and_pictures(result):
    page = result._repr_html_()

    assert page.count("<svg") == len(result.figures.markets)
    assert "http-equiv" not in page
    assert "<script" not in page
    assert result.figure("cpu_prices")._repr_svg_().startswith("<svg")


def test_a_long_table_shows_its_first_and_last_rows(result):
    page = result.events._repr_html_()

    assert page.count("<tr>") == 12
    assert plural(len(result.events), "row") in page


@pytest.mark.parametrize(
    ("ask", "error", "reason"),
    [
        (lambda run: run.table("trade"), NotFound, "the tables are runs, periods, trades"),
        (lambda run: run.trades["prise"], NotFound, "its columns are run, seed, scenario"),
        (lambda run: run.surplus(by="agent"), InvalidMessage, "write by='side' or by='group'"),
        (lambda run: run.figure("gpu_prices"), NotFound, "its figures are efficiency"),
    ],
    ids=["table", "column", "division", "figure"],
)
def test_what_a_result_has_not_is_refused_with_what_it_has(result, ask, error, reason):
    with pytest.raises(error, match=reason):
        ask(result)


@pytest.mark.parametrize("given", [5, None, ["efficiency"]])
@pytest.mark.parametrize("method", ["measure", "table", "figure", "market", "agent"])
def test_what_is_no_name_is_refused_as_such(result, method, given):
    with pytest.raises(InvalidMessage, match="give its name as text"):
        getattr(result, method)(given)


@pytest.mark.parametrize("wanted", [{"kind": 5}, {"actor": ["lab_001"]}])
def test_facts_are_asked_for_by_names(result, wanted):
    with pytest.raises(InvalidMessage, match="give its name as text"):
        result.facts(**wanted)


def test_a_report_that_cannot_be_written_says_why_and_what_to_do(result, tmp_path):
    (tmp_path / "file").write_text("")

    for path in (tmp_path, tmp_path / "file" / "report.html"):
        with pytest.raises(SetupError, match=r"cannot be written to .*give the path of a file"):
            result.report(path)


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_a_library_that_is_not_there_is_named_with_its_remedy(result, monkeypatch, library):
    monkeypatch.setitem(__import__("sys").modules, library, None)

    with pytest.raises(SetupError, match=f"install it with `pip install {library}`"):
        getattr(result.trades, f"to_{library}")()


def test_surplus_by_side_goes_by_the_values_of_each_period():
    changes = [{"first_period": 2, "group": "buyer", "shift": 1}]
    wanted = small_scenario("truthful", clock={"periods": 2, "ticks_per_period": 3}, changes=changes)

    found = econsim.run(wanted)

    rows = found.surplus(by="group")
    for day in found.figures.markets[0].periods:
        assert sum(row["surplus"] for row in rows if row["period"] == day.number) == day.surplus


def test_a_measure_goes_by_its_name_in_designs(result):
    last = result.market("cpu").periods[-1]

    assert result.measure("efficiency") == 100 * result.efficiency
    assert result.measure("cpu alpha in last") == last.alpha
    with pytest.raises(
        NotFound, match=r"'cpu alpha in 9' does not fit the scenario, which has periods 1\.\."
    ):
        result.measure("cpu alpha in 9")


def test_whatever_a_result_holds_shows_itself_in_a_line(result):
    market = result.market("cpu")

    for each in (
        result,
        result.figures,
        market,
        market.trades,
        result.records[3],
        result.scenario.definition,
    ):
        assert len(repr(each)) < 300
    assert str(result.scenario.definition) == repr(result.scenario.definition)
