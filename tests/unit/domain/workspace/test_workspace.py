"""The fold of a workspace: files, versions, commands and chunks in use, and what is forgotten."""

import pytest
from requirements import requirement
from workspace_worlds import WorkspaceWorld

from econsim.domain.workspace.kinds import VERSIONS_MAX
from econsim.errors import NotFound


@pytest.fixture
def world():
    return WorkspaceWorld()


@pytest.fixture
def worker(world):
    return world.worker()


@requirement("workspace.files")
async def test_each_change_makes_a_version_and_the_one_before_can_be_read(world, worker):
    for text in ("one", "two", "three"):
        await worker.do("write", "a", text=text)

    found = world.workspace()
    assert found.version_of("a").version == 3
    assert [version.version for version in found.earlier["a"]] == [1, 2]
    assert (found.used_bytes, found.paths) == (5, ["a"])


async def test_a_move_leaves_nothing_at_the_old_path(world, worker):
    await worker.do("write", "a/b", text="one")
    await worker.do("move", "a/b", to="c")

    found = world.workspace()
    assert (found.paths, found.is_folder("a"), found.used_bytes) == (["c"], False, 3)
    assert found.version_of("c").version == 2
    assert found.version_of("a/b", at=1).content == found.version_of("c").content


async def test_a_deleted_file_is_not_there_and_its_versions_are(world, worker):
    await worker.do("write", "a", text="one")
    await worker.do("delete", "a")

    with pytest.raises(NotFound, match="is deleted; until it is collected, its versions can be read: 1"):
        world.workspace().version_of("a")
    assert world.workspace().version_of("a", at=1).content.size == 3


async def test_a_version_that_never_was_is_not_found(world, worker):
    await worker.do("write", "a", text="one")

    with pytest.raises(NotFound) as refused:
        world.workspace().version_of("a", at=2)
    assert refused.value.error_code == "version_is_not_kept"


async def test_a_worker_that_was_there_knows_what_one_that_starts_folds_when_versions_drop_out(world, worker):
    for number in range(VERSIONS_MAX + 8):
        await worker.do("write", "a", text=str(number))
    await worker.do("write", "b", text="b")

    known, folded = worker.workspaces.of(world.run.name, "ana").workspace, world.workspace()
    assert known.earlier == folded.earlier
    assert len(folded.earlier["a"]) == VERSIONS_MAX - 1
    assert known.commands == folded.commands
    assert [
        name for name in world.chunks.chunks if known.names_chunk(name[1]) != folded.names_chunk(name[1])
    ] == []


async def test_a_deletion_that_was_collected_does_not_count_among_those_of_its_path(world, worker):
    known = worker.workspaces.of(world.run.name, "ana").workspace

    async def delete_again(times):
        for _ in range(times):
            await worker.do("write", "a", text="x")
            await worker.do("delete", "a")

    await delete_again(5)
    world.limits = world.limits.model_copy(update={"max_workspace_bytes": 0})
    for _ in range(2):
        await worker.collector().look()
    world.limits = world.limits.model_copy(update={"max_workspace_bytes": 100})
    await delete_again(VERSIONS_MAX - 4)

    assert known.commands == world.workspace().commands


async def test_commands_are_known_as_long_as_their_records(world, worker):
    for path, rounds in (("a", VERSIONS_MAX + 2), ("b", 1)):
        for _ in range(rounds):
            await worker.do("write", path, text="x")
            await worker.do("delete", path)
    world.limits = world.limits.model_copy(update={"max_workspace_bytes": 0})
    known = worker.workspaces.of(world.run.name, "ana").workspace
    assert known.commands == world.workspace().commands

    for _ in range(3):
        await worker.collector().look()

    assert known.commands == world.workspace().commands
    assert "b" not in {done.changed.path for done in known.commands.values()}


async def test_a_chunk_is_in_use_as_long_as_a_version_has_it(world, worker):
    await worker.do("write", "a", text="same")
    await worker.do("copy", "a", to="b")
    await worker.do("delete", "a")

    ((_, name),) = world.chunks.chunks
    assert world.workspace().names_chunk(name)


async def test_folding_a_record_twice_changes_nothing(world, worker):
    await worker.do("write", "a", text="one")
    found = world.workspace()

    for entry in world.records.entries:
        found.evolve(entry)

    assert (found.used_bytes, found.paths, dict(found.earlier)) == (3, ["a"], {})
