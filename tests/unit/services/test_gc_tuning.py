"""Garbage collection of services: rare, because almost all objects of a run live as long as it."""

import gc

import pytest

from econsim.services.gc_tuning import ALLOCATIONS, collect_rarely


@pytest.fixture
def threshold():
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)


@pytest.mark.usefixtures("threshold")
def test_a_collection_waits_for_many_allocations():
    collect_rarely()

    assert gc.get_threshold()[0] == ALLOCATIONS > 700
    assert gc.isenabled()
