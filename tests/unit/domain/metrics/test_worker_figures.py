"""Figures of workers: each worker's own, and none of one that is gone."""

import pytest

from econsim.domain.metrics.worker_figures import SILENT_S, WORKERS, WorkerFigures
from econsim.schemas.metrics import (
    BOUNDS_S,
    CounterFigure,
    CounterName,
    FiguresReported,
    TimingFigure,
    TimingName,
)


def refusals(count, **given):
    counter = CounterFigure(name=CounterName.REFUSALS, labels={"code": "late"}, value=count)
    return FiguresReported(counters=(counter,), **given)


def samples(figures, name, now_s=0.0):
    found = {family.name: family for family in figures.families(now_s)}
    return [(dict(labels), value) for _, labels, value in found[name].samples] if name in found else []


@pytest.fixture
def figures():
    made = WorkerFigures()
    made.take("market", "market-1", refusals(3), 0.0)
    made.take("market", "market-2", refusals(5), 0.0)
    return made


def test_each_worker_has_figures_of_its_own(figures) -> None:
    own = [(labels["worker"], value) for labels, value in samples(figures, "econsim_refusals")]

    assert own == [("market-1", 3), ("market-2", 5)]
    assert samples(figures, WORKERS) == [({"service": "market"}, 2)]


def test_a_later_report_replaces_an_earlier_one(figures) -> None:
    figures.take("market", "market-1", refusals(4), 1.0)

    assert [value for _, value in samples(figures, "econsim_refusals")] == [4, 5]


def test_a_worker_that_stops_or_is_silent_disappears_and_its_service_has_none(figures) -> None:
    figures.take("market", "market-1", refusals(9, is_last=True), 1.0)
    after_one = samples(figures, WORKERS, 1.0)

    assert after_one == [({"service": "market"}, 1)]
    assert samples(figures, WORKERS, SILENT_S) == [({"service": "market"}, 0)]
    assert samples(figures, "econsim_refusals", SILENT_S) == []


def test_buckets_add_up_to_the_count() -> None:
    figures = WorkerFigures()
    counts = (1, *(0 for _ in BOUNDS_S[1:]), 2)
    timing = TimingFigure(name=TimingName.ROUND_TRIP, labels={}, counts=counts, total_s=30.5)
    figures.take("market", "market-1", FiguresReported(timings=(timing,)), 0.0)

    (family,) = [each for each in figures.families(0.0) if each.kind == "histogram"]

    assert [value for suffix, _, value in family.samples if suffix != "_bucket"] == [3, 30.5]
    buckets = [(labels["le"], value) for suffix, labels, value in family.samples if suffix == "_bucket"]
    assert (buckets[0], buckets[-2], buckets[-1]) == (("0.0005", 1), ("5", 1), ("+Inf", 3))
