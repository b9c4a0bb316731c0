"""Answers about a workspace: pages of a listing, facts, lines."""

import pytest
from workspace_worlds import WorkspaceWorld

from econsim.domain.workspace import views
from econsim.errors import InvalidMessage
from econsim.schemas.workspace import ListFiles, SearchFiles, StatFile

PATHS = ("a", "b/1", "b/2", "b0", "c")


@pytest.fixture
async def workspace():
    world = WorkspaceWorld()
    worker = world.worker()
    for path in reversed(PATHS):
        await worker.do("write", path, text=path)
    return world.workspace()


def paths(workspace, **fields):
    found = views.list_files(workspace, ListFiles(**fields))
    return [file.path for file in found.files], found.next


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({}, (list(PATHS), None)),
        ({"under": "b"}, (["b/1", "b/2"], None)),
        ({"under": "b/"}, (["b/1", "b/2"], None)),
        ({"limit": 2}, (["a", "b/1"], "b/1")),
        ({"limit": 2, "after": "b/1"}, (["b/2", "b0"], "b0")),
        ({"under": "b", "after": "b/1"}, (["b/2"], None)),
        ({"under": "b", "after": "a"}, (["b/1", "b/2"], None)),
        ({"after": "c"}, ([], None)),
        ({"under": "nothing"}, ([], None)),
    ],
)
def test_files_are_listed_by_path_in_pages(workspace, fields, found):
    assert paths(workspace, **fields) == found


def test_a_folder_that_breaks_a_rule_is_refused(workspace):
    with pytest.raises(InvalidMessage):
        paths(workspace, under="../b")


async def test_facts_name_the_versions_the_newest_first():
    world = WorkspaceWorld()
    worker = world.worker()
    for text in ("1", "22", "333"):
        await worker.do("write", "a", text=text)

    facts = views.stat(world.workspace(), StatFile(path="a"))

    assert (facts.version, facts.size) == (3, 3)
    assert [(each.version, each.size) for each in facts.earlier] == [(2, 2), (1, 1)]


@pytest.mark.parametrize(("ignore_case", "lines"), [(False, [2]), (True, [1, 2])])
def test_lines_that_contain_a_text_have_their_numbers(workspace, ignore_case, lines):
    request = SearchFiles(text="buy", ignore_case=ignore_case)

    found = views.matching_lines(workspace.version_of("a"), "Buy\nbuy x\nsell", request)

    assert [match.line for match in found] == lines
