"""Benchmarks as tables: sides take turns, ratios are of one round, a count that differs fails and says what to do."""

from __future__ import annotations

import sys

import pytest

from benchmarks import __main__ as command
from benchmarks import counts, page
from benchmarks.options import Options
from benchmarks.sides import Reading, Side, compare, spend
from benchmarks.table import Line, markdown


def test_sides_take_turns_and_change_who_begins():
    order = []

    def side(name, values):
        return Side(name, lambda: order.append(name) or Reading(next(values), 1.0, 2.0))

    (line,) = compare("cost", "µs", [side("ours", iter([1, 2, 4])), side("theirs", iter([10, 10, 10]))], 3)

    assert order == ["ours", "theirs", "theirs", "ours", "ours", "theirs"]
    assert line.pair_ratios == [10, 5, 2.5]
    assert line.cells()[7] == "5 (2.5 … 10)"


def test_each_other_side_has_a_line_and_a_side_alone_has_one():
    sides = [Side(name, lambda: Reading(1, 1, 1)) for name in "abc"]

    assert [line.beside for line in compare("cost", "µs", sides, 1)] == ["b", "c"]
    assert [line.beside for line in compare("cost", "µs", sides[:1], 1)] == [""]


@pytest.mark.parametrize(
    ("goal", "holds"),
    [({"at_most": 3}, True), ({"at_least": 4}, False), ({"exactly": 3}, True), ({"exactly": 3.001}, False)],
)
def test_a_goal_is_held_by_the_median(goal, holds):
    assert Line("cost", "µs", [9, 3, 1], **goal).holds is holds


def test_processor_time_is_that_of_a_command_and_of_what_it_waits_for():
    burn = "import time\nwhile time.process_time() < 0.2: pass"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {burn!r}])"

    assert spend([sys.executable, "-c", parent]).cpu_s >= 0.2


def test_a_command_that_fails_is_an_error_with_its_words():
    with pytest.raises(RuntimeError, match="status 3: so it is"):
        spend([sys.executable, "-c", "import sys; print('so it is'); sys.exit(3)"])


def test_a_count_that_differs_ends_with_1_and_says_how_to_accept_it(monkeypatch, capsys):
    monkeypatch.setattr(counts, "run", lambda _: [Line("bytes", "", [5], exactly=4, remedy=counts.REMEDY)])
    monkeypatch.setattr(sys, "argv", ["benchmarks", "counts"])

    assert command.main() == 1
    assert "bytes: 5, goal = 4: a change altered" in capsys.readouterr().out


def test_a_missed_goal_that_depends_on_the_machine_is_told_and_ends_with_0(monkeypatch, capsys):
    monkeypatch.setattr(counts, "run", lambda _: [Line("a tick", "s", [5], at_most=4)])
    monkeypatch.setattr(sys, "argv", ["benchmarks", "counts"])

    assert command.main() == 0
    assert "a tick: 5, goal ≤ 4" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nothing"], "no suite 'nothing'"),
        (["--rounds", "0"], "at least 1"),
        (["--bse", "there"], "give the folder of a checkout"),
        (["counts", "--against", "HEAD"], "compare builds"),
    ],
)
def test_a_wrong_option_is_refused_before_anything_is_measured(monkeypatch, capsys, words, said):
    monkeypatch.setattr(sys, "argv", ["benchmarks", *words])

    with pytest.raises(SystemExit):
        command.main()
    assert said in capsys.readouterr().err


def test_the_page_has_a_place_for_every_suite_and_each_keeps_the_others(monkeypatch, tmp_path):
    written = tmp_path / "page.md"
    written.write_text(page.PAGE.read_text())
    monkeypatch.setattr(page, "PAGE", written)
    for suite in command.SUITES:
        page.write_tables(suite, [Line(f"cost of {suite}", "µs", [1, 2])])

    assert all(f"| cost of {suite} | 1.5 | 1 … 2 | µs |" in written.read_text() for suite in command.SUITES)


def test_a_table_leaves_out_what_no_line_has():
    assert markdown([Line("cost", "µs", [1])]) == (
        "| measured | median | range | unit |\n| --- | --- | --- | --- |\n| cost | 1 |  | µs |\n"
    )


def test_options_of_one_build_measure_it_alone():
    assert [build.name for build in Options().builds] == ["this build"]


@pytest.mark.parametrize(("theirs", "met"), [([24, 25], "yes"), ([23, 24], "no")])
def test_a_goal_of_a_ratio_is_held_by_the_medians(theirs, met):
    values = iter(theirs)
    ours = Side("ours", lambda: Reading(3, 1, 1))

    (line,) = compare("cost", "µs", [ours, Side("theirs", lambda: Reading(next(values), 1, 1), 8)], 2)

    assert line.cells()[8:10] == ("ratio ≥ 8", met)
