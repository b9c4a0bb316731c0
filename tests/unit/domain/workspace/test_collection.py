"""Garbage: what a mark condemns and what it never does."""

import pytest
from workspace_worlds import WorkspaceWorld

from econsim.domain.workspace.collection import MARKED_MAX, Horizon, chunks_without_version, is_clean, mark
from econsim.schemas.quota import Quotas

FAR = Horizon(10**9, 10**9)


@pytest.fixture
def world():
    return WorkspaceWorld()


@pytest.fixture
def worker(world):
    return world.worker()


async def test_only_chunks_without_a_version_and_past_the_horizon_are_condemned(world, worker):
    await worker.do("write", "a", text="one")
    ((_, used),) = world.chunks.chunks

    found = mark(world.workspace(), {used: 1, "old.1": 5, "young.1": 6}, Quotas(), Horizon(5, 0))

    assert [(each.name, each.place) for each in found.condemned] == [("old.1", 5)]


async def test_the_oldest_versions_go_first_until_the_rest_has_room(world, worker):
    for text in ("1234", "123", "12", "1"):
        await worker.do("write", "a", text=text)

    found = mark(world.workspace(), {}, Quotas(max_workspace_bytes=5), FAR)

    assert found.forgotten == (1,)


async def test_versions_of_deleted_files_are_bounded_in_number(world, worker):
    for number in range(15):
        await worker.do("write", f"f{number}", text="x")
        await worker.do("delete", f"f{number}")

    found = mark(world.workspace(), {}, Quotas(max_kv_keys=1), FAR)

    assert len(found.forgotten) == 5


async def test_a_deletion_is_forgotten_only_after_what_it_hides(world, worker):
    await worker.do("write", "a", text="one")
    await worker.do("delete", "a")
    workspace, none = world.workspace(), Quotas(max_workspace_bytes=0)

    first = mark(workspace, {}, none, FAR)
    await world.records.delete(1)

    assert first.forgotten == (1,)
    assert mark(world.workspace(), {}, none, FAR).forgotten == (2,)


async def test_there_is_no_mark_when_there_is_nothing_to_delete(world, worker):
    await worker.do("write", "a", text="one")

    assert mark(world.workspace(), {}, Quotas(), FAR) is None
    assert mark(world.workspace(), {"x.1": 9}, Quotas(max_workspace_bytes=0), Horizon(8, 0)) is None


async def test_a_mark_goes_on_counting_where_the_newest_change_was(world, worker):
    await worker.do("write", "a", text="one")
    await worker.do("delete", "a")

    found = mark(world.workspace(), {}, Quotas(max_workspace_bytes=0), FAR)

    assert found.version == 2


async def test_chunks_of_a_version_are_never_among_those_without(world, worker):
    await worker.do("write", "a", text="one")
    ((_, used),) = world.chunks.chunks

    assert chunks_without_version(world.workspace(), {used, "x.1"}) == ["x.1"]


async def test_records_that_are_younger_than_the_horizon_are_left(world, worker):
    for text in ("1", "2", "3"):
        await worker.do("write", "a", text=text)

    assert mark(world.workspace(), {}, Quotas(max_workspace_bytes=0), Horizon(0, 1)).forgotten == (1,)


async def test_a_mark_has_a_bound_of_its_own(world, worker):
    for number in range(MARKED_MAX + 20):
        await worker.do("write", f"f{number % 10}", text="x")
    names = {f"x{number}.1" for number in range(MARKED_MAX + 1)}

    found = mark(world.workspace(), {}, Quotas(max_workspace_bytes=0), FAR)

    assert len(found.forgotten) == len(chunks_without_version(world.workspace(), names)) == MARKED_MAX


async def test_a_workspace_is_not_clean_while_a_deletion_hides_nothing(world, worker):
    await worker.do("write", "a", text="one")
    await worker.do("delete", "a")
    assert is_clean(world.workspace(), (), Quotas())

    await world.records.delete(1)

    assert not is_clean(world.workspace(), (), Quotas())
