"""The simulation of a run spread over processes: its arithmetic, and that the page shows its figures."""

from dataclasses import astuple, replace

import pytest
from source import ROOT

from benchmarks.scaling import LAYOUTS, TICKS, Layout, Shares, length, speed_up, table

ALONE, SPREAD = LAYOUTS[0], Layout("each", cores=99)
NO_SERVER = replace(Shares(), server=0)


def test_one_process_does_one_thing_after_the_other():
    assert length(ALONE, NO_SERVER) == pytest.approx(TICKS * sum(astuple(NO_SERVER)))


def test_a_tick_of_spread_services_is_as_long_as_its_chain_and_the_watcher_works_beside_it():
    shares = replace(NO_SERVER, match=0, settle=0, watch=10)

    found = length(SPREAD, shares)

    assert found == pytest.approx(TICKS * (shares.clock + shares.agent + shares.admit + shares.reserve) + 10)


def test_a_book_is_settled_while_the_next_is_matched():
    shares = Shares(clock=0, agent=0, admit=0, reserve=0, match=40, settle=40, watch=0, server=0)

    assert length(SPREAD, shares, ticks=1) == pytest.approx(50)


def test_a_process_that_does_most_bounds_the_run():
    shares = replace(Shares(), watch=1_000)

    assert length(SPREAD, shares) >= TICKS * 1_000


@pytest.mark.parametrize("layout", LAYOUTS)
def test_no_more_is_done_at_once_than_there_are_cores(layout):
    assert length(layout, Shares()) >= TICKS * sum(astuple(Shares())) / layout.cores


def test_without_shards_more_market_processes_leave_the_ledger_s_share():
    many = Layout("many", cores=99, books=64, markets=64, hosts=64)
    shares = replace(NO_SERVER, watch=0)

    assert length(many, shares) >= TICKS * (shares.reserve + shares.settle)


def test_shards_lift_the_bound_of_one_ledger():
    one, four = (Layout("", cores=99, markets=4, shards=shards) for shards in (1, 4))

    assert speed_up(four) > speed_up(one)


def test_the_page_shows_what_is_simulated():
    page = (ROOT / "docs" / "operations" / "scaling.md").read_text()

    assert table() in page
    assert all(f"| {share:g} |" in page for share in astuple(Shares()))
