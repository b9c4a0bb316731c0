"""Decisions about changes: what is refused, with its code, and what is not."""

import pytest
from requirements import requirement
from workspace_worlds import WorkspaceWorld, command

from econsim.domain.workspace import changes
from econsim.domain.workspace.chunks import FileContent, split
from econsim.errors import EconsimError
from econsim.schemas.quota import Quotas
from econsim.schemas.workspace import FILE_BYTES_MAX


@pytest.fixture
async def workspace():
    """Return a workspace with the files a (5 bytes) and d/e (3 bytes)."""
    world = WorkspaceWorld()
    worker = world.worker()
    await worker.do("write", "a", text="12345")
    await worker.do("write", "d/e", text="123")
    return world.workspace()


def code_of(decide, *arguments):
    """Return the code of a refusal, or none."""
    try:
        decide(*arguments)
    except EconsimError as error:
        return error.error_code
    return None


def write(workspace, path, size=1, limits=None, **fields):
    text = "x" * size if size < 10_000 else ""
    content = split(text.encode())[0] if text else FileContent(size, ("0" * 64,))
    return changes.write(workspace, command("write", path, text="", **fields), content, limits or Quotas())


@pytest.mark.parametrize(
    ("path", "expected", "code"),
    [
        ("a", 1, None),
        ("a", 2, "file_has_another_version"),
        ("a", 0, "file_has_another_version"),
        ("b", 0, None),
        ("b", 1, "file_has_another_version"),
        ("d", None, "path_is_a_folder"),
        ("a/b", None, "path_is_below_a_file"),
        ("d/e/f/g", None, "path_is_below_a_file"),
        ("../a", None, "path_is_invalid"),
    ],
)
@requirement("workspace.files")
def test_a_write_is_decided_by_path_and_version(workspace, path, expected, code):
    assert code_of(lambda: write(workspace, path, expected_version=expected)) == code


@pytest.mark.parametrize(
    ("path", "size", "limits", "code"),
    [
        ("b", 2, {"max_workspace_bytes": 10}, None),
        ("b", 3, {"max_workspace_bytes": 10}, "workspace_bytes_are_exceeded"),
        ("a", 7, {"max_workspace_bytes": 10}, None),
        ("a", 8, {"max_workspace_bytes": 10}, "workspace_bytes_are_exceeded"),
        ("a", 4, {"max_workspace_bytes": 1}, None),
        ("b", 1, {"max_kv_keys": 2}, "kv_keys_are_exceeded"),
        ("a", 9, {"max_kv_keys": 1}, None),
        ("b", FILE_BYTES_MAX + 1, {"max_workspace_bytes": 10**12}, "file_is_too_large"),
    ],
)
@requirement("workspace.quota")
def test_a_write_is_decided_by_the_room_that_the_quotas_leave(workspace, path, size, limits, code):
    assert code_of(lambda: write(workspace, path, size, Quotas(**limits))) == code


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"path": "a", "to": "b"}, None),
        ({"path": "a", "to": "a"}, "path_is_invalid"),
        ({"path": "a", "to": "d/e"}, "file_exists"),
        ({"path": "a", "to": "d/e", "overwrite": True}, None),
        ({"path": "a", "to": "d"}, "path_is_a_folder"),
        ({"path": "d/e", "to": "d"}, None),
        ({"path": "a", "to": "a/b"}, None),
        ({"path": "b", "to": "c"}, "file_does_not_exist"),
        ({"path": "a", "to": "b", "expected_version": 2}, "file_has_another_version"),
        ({"path": "a", "to": "../b"}, "path_is_invalid"),
    ],
)
def test_a_move_is_decided_by_both_paths(workspace, fields, code):
    assert code_of(changes.move, workspace, command("move", **fields)) == code


@pytest.mark.parametrize(
    ("fields", "limits", "code"),
    [
        ({"to": "b"}, {}, None),
        ({"to": "a", "at": 1}, {}, None),
        ({"to": "a"}, {}, "file_exists"),
        ({"to": "d/e"}, {}, "file_exists"),
        ({"to": "b", "at": 9}, {}, "version_is_not_kept"),
        ({"to": "d"}, {}, "path_is_a_folder"),
        ({"to": "../b"}, {}, "path_is_invalid"),
        ({"to": "b"}, {"max_workspace_bytes": 12}, "workspace_bytes_are_exceeded"),
    ],
)
def test_a_copy_is_decided_like_a_write_of_its_source(workspace, fields, limits, code):
    assert code_of(changes.copy, workspace, command("copy", "a", **fields), Quotas(**limits)) == code


def test_a_delete_needs_a_file_of_the_expected_version(workspace):
    decide = [command("delete", "b"), command("delete", "a", expected_version=9), command("delete", "a")]

    codes = [code_of(changes.delete, workspace, each) for each in decide]

    assert codes == ["file_does_not_exist", "file_has_another_version", None]


def test_a_refusal_says_which_version_the_file_has(workspace):
    with pytest.raises(EconsimError, match="'a' has version 1, and version 7 was expected") as refused:
        write(workspace, "a", expected_version=7)

    assert refused.value.details == {"version": "1"}


def test_long_additions_of_equal_content_are_one_command_whatever_the_file_was():
    first, later, other = (
        command(
            "write",
            "a",
            command_id="c",
            chunks=(digest * 64,),
            size=1,
            expected_version=version,
            appended=added * 64,
        )
        for digest, version, added in (("1", 0, "a"), ("2", 4, "a"), ("1", 0, "b"))
    )

    assert changes.command_digest(first) == changes.command_digest(later) != changes.command_digest(other)


def test_two_commands_that_want_different_things_have_two_digests():
    wanted = [
        command("write", "a", text="1", command_id="c"),
        command("write", "a", text="2", command_id="c"),
        command("append", "a", text="1", command_id="c"),
        command("delete", "a", command_id="c"),
    ]

    assert len({changes.command_digest(each) for each in wanted}) == 4
    assert changes.command_digest(wanted[0]) == changes.command_digest(
        wanted[0].model_copy(update={"agent_id": "ana"})
    )
