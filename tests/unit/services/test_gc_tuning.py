"""Garbage collection: rare, because almost all objects of a run live as long as it, and none at the end of a command."""

import gc
import sys
from types import ModuleType

import pytest

from econsim.services.gc_tuning import ALLOCATIONS, collect_no_more, collect_rarely


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


@pytest.mark.parametrize("loaded", [(), ("duckdb",)])
def test_a_command_ends_without_a_collection_unless_duckdb_would_call_that_a_leak(monkeypatch, loaded):
    monkeypatch.delitem(sys.modules, "duckdb", raising=False)
    for name in loaded:
        monkeypatch.setitem(sys.modules, name, ModuleType(name))

    collect_no_more()
    kept = gc.get_freeze_count()
    gc.unfreeze()

    assert bool(kept) is not bool(loaded)
