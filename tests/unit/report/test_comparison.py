"""Several runs on one page: what differs, by how much, on the same axes."""

from __future__ import annotations

import re

from run_builders import records, small_run, small_scenario, summed

from econsim.report.comparison import parameters, render_comparison
from econsim.report.format import decimal


def cells(page, label):
    """Return the cells of a row of the page's tables."""
    row = page.partition(f"<td>{label}</td>")[2].partition("</tr>")[0]
    return re.findall(r"<td[^>]*>(.*?)</td>", row)


def test_runs_are_told_apart_by_the_parameters_in_which_they_differ():
    one, two = summed(small_run()), summed(records(small_scenario(seed=9), "run_2"))

    differing = {key for key, value in parameters(one).items() if parameters(two)[key] != value}

    assert differing == {"seed"}
    assert cells(render_comparison([one, two]), "seed") == ["1", "9"]


def test_each_measure_has_its_difference_from_the_first_run():
    one, two = summed(small_run("zi_c")), summed(small_run())

    first, other, difference = cells(render_comparison([one, two]), "cpu: efficiency, %")

    measured = [100 * each.markets[0].efficiency for each in (one, two)]
    assert [first, other] == [decimal(value) for value in measured]
    assert difference == f"{measured[1] - measured[0]:+.2f}"


def test_a_market_that_one_run_lacks_has_no_difference():
    one = summed(small_run())
    other = summed(records(small_scenario(markets=[{"resource": "cpu"}, {"resource": "gpu"}]), "run_2"))

    assert cells(render_comparison([one, other]), "gpu: mean price") == ["—"] * 3


def test_runs_of_one_name_are_numbered():
    page = render_comparison([summed(small_run()), summed(small_run())])

    assert "<th>run_1 1</th><th>run_1 2</th>" in page
    assert "Nothing: the same scenario and seed." in page
