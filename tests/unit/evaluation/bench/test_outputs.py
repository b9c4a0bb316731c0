"""Outputs of a batch: JUnit XML as CI systems read it, Parquet tables, a picture."""

from xml.etree.ElementTree import fromstring

import duckdb
from bench_builders import plan, result
from requirements import requirement

from econsim.evaluation.bench.junit import junit_xml
from econsim.evaluation.bench.picture import comparison_svg
from econsim.evaluation.bench.tables import write_tables


def test_what_does_not_hold_is_a_failure_and_what_cannot_be_decided_an_error() -> None:
    runs = [result(1), result(2, "fails", 2), result(3, "vacuous", 3), result(4, "undecidable", 4)]

    found = fromstring(junit_xml("b", runs))

    assert found.attrib | {"name": ""} == {"name": "", "tests": "4", "failures": "2", "errors": "1"}
    assert [case.get("type") for case in found.iter("failure")] == ["fails", "vacuous"]
    assert next(found.iter("failure")).text == "FAILS  it trades"


def test_a_run_that_ended_early_is_an_error_though_its_expectations_hold() -> None:
    found = fromstring(junit_xml("b", [result(1, failure="the \x00 ledger refused")]))

    assert found.get("errors") == "1"


def test_characters_that_nobody_sees_are_shown() -> None:
    found = fromstring(junit_xml("b", [result(1, failure="a\x1b[2Jb\u202ec\ud800d\n")]))

    assert next(found.iter("error")).get("message") == "a\ufffd[2Jb\ufffdc\ufffdd\n"


def test_tables_have_a_row_for_each_run_verdict_and_period(tmp_path) -> None:
    period = {
        "market": "cpu",
        "period": 1,
        "efficiency": None,
        "alpha": 1.5,
        "mean_price": 2.0,
        "volume": 3,
        "surplus": 1.0,
    }
    runs = [result(number, seed=number, measures={"cpu alpha": 1.5}, periods=(period,)) for number in (1, 2)]

    write_tables(plan(), runs, tmp_path)

    def rows(query):
        return duckdb.sql(query.format(tmp_path)).fetchall()

    assert rows("select cell, seed, treatment, passed, cpu_alpha from '{}/cells.parquet' order by 1") == [
        (1, 1, "test", True, 1.5),
        (2, 2, "test", True, 1.5),
    ]
    assert rows("select count(*), any_value(outcome) from '{}/verdicts.parquet'") == [(2, "holds")]
    assert rows("select market, period, efficiency, volume from '{}/periods.parquet' limit 1") == [
        ("cpu", 1, None, 3)
    ]


@requirement("benchmark.visual")
def test_a_comparison_has_a_panel_for_each_measure_and_a_dot_for_each_run() -> None:
    runs = [result(number, seed=number, measures={"cpu alpha": 1.0 * number}) for number in (1, 2, 3)]

    drawn = comparison_svg("A and B", {"A": runs, "B": runs})

    assert "cpu alpha" in drawn
    assert drawn.count('aria-roledescription="circle"') == 6
