"""Figures of a connection: templates as labels, counts, and histograms."""

import pytest

from econsim.adapters.nats.figures import OTHER, Figures, template_of
from econsim.schemas.metrics import BOUNDS_S, CounterName, TimingName
from econsim.schemas.subject import matches
from econsim.subjects import TABLE


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.template)
def test_a_subject_has_the_template_of_a_row_that_takes_it(row) -> None:
    """Agents choose the names of their reports, so some subjects fit two rows."""
    concrete = row(**dict.fromkeys(row.places, "x1"))
    patterns = {each.template: each.pattern().split(".") for each in TABLE}

    assert template_of(row.pattern()) in patterns
    assert matches(patterns[template_of(concrete)], concrete.split("."))


def test_what_is_in_no_table_has_one_label() -> None:
    assert {template_of("$JS.API.INFO"), template_of("a.b"), template_of("x")} == {OTHER}


def test_labels_do_not_grow_with_agents() -> None:
    labels = {template_of(f"market.cpu.get_book.run.agent_{number}") for number in range(500)}

    assert labels == {"market.{resource}.get_book.{run}.{agent}"}


def test_a_counter_is_reported_by_its_labels() -> None:
    figures = Figures()

    figures.count(CounterName.REFUSALS, code="a")
    figures.count(CounterName.REFUSALS, 2, code="b")
    figures.count(CounterName.REFUSALS, code="a")

    counted = [(each.labels, each.value) for each in figures.report().counters if each.value]
    assert counted == [({"code": "a"}, 2), ({"code": "b"}, 2)]


def test_a_time_is_in_the_first_bucket_whose_bound_it_does_not_exceed() -> None:
    figures = Figures()
    timing = figures.timing(TimingName.ROUND_TRIP, subject="x")

    for seconds in (0.0, BOUNDS_S[0], BOUNDS_S[1], BOUNDS_S[-1] + 1):
        timing.note(seconds)

    (found,) = figures.report().timings
    assert found.counts == (2, 1, *(0 for _ in BOUNDS_S[2:]), 1)
    assert found.total_s == pytest.approx(BOUNDS_S[0] + BOUNDS_S[1] + BOUNDS_S[-1] + 1)


def test_a_timing_without_a_time_is_not_reported() -> None:
    figures = Figures()

    figures.timing(TimingName.HANDLING, subject="x")

    assert figures.report().timings == ()
