"""Paths: those that follow the rules, and the sentence about each that does not."""

import pytest
from requirements import requirement

from econsim.domain.workspace.paths import check_folder, check_path, parents, path_key
from econsim.errors import InvalidMessage


@pytest.mark.parametrize(
    "path", ["a", "notes/day_1.md", "a/b/c", ".hidden", "ein Name/ä.txt", "a..b", "x" * 128]
)
def test_a_path_that_follows_the_rules_is_taken(path):
    assert check_path(path) == path


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("", "is empty"),
        ("/etc/passwd", "begins with a slash"),
        ("../bob/a", "'..' as a name"),
        ("a/../b", "'..' as a name"),
        ("./a", "'.' as a name"),
        ("a//b", "'' as a name"),
        ("a/", "'' as a name"),
        ("a\\b", "the character '\\\\'"),
        ("C:/a", "the character ':'"),
        ("a*", "the character '*'"),
        ("a\x00b", "nobody sees"),
        ("a\nb", "nobody sees"),
        ("a\u202eb", "nobody sees"),
        ("a\u200bb", "nobody sees"),
        ("e\u0301", "composed form"),
        (" a", "a space at an end"),
        ("a. ", "a space at an end"),
        ("a.", "a full stop at its end"),
        ("x" * 129, "more than 128 bytes"),
        ("/".join(["a"] * 17), "more than 16 names"),
        ("/".join(["ä" * 40] * 7), "more than 512 bytes"),
    ],
)
@requirement("workspace.files")
def test_a_path_that_breaks_a_rule_is_refused_with_the_rule(path, reason):
    with pytest.raises(InvalidMessage) as refused:
        check_path(path)

    assert reason in str(refused.value)
    assert refused.value.error_code == "path_is_invalid"


def test_a_folder_is_the_prefix_of_what_is_below_it():
    assert [check_folder(name) for name in ("", "a", "a/b/")] == ["", "a/", "a/b/"]


def test_parents_are_the_folders_from_the_outside_in():
    assert parents("a/b/c.md") == ["a", "a/b"]


def test_two_paths_have_two_keys():
    keys = {path_key(path) for path in ("a", "b", "a/b", "A", "a.b")}

    assert len(keys) == 5
    assert all(len(key) == 32 for key in keys)
