"""Directories econsim makes are closed to others, also those above the one that was asked for."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from econsim.adapters.clock import unix_seconds
from econsim.identity.trust_root import Trust
from econsim.runs.stored_hash import store_hash, stored_hash


@pytest.fixture(autouse=True)
def nothing_masked() -> Iterator[None]:
    """Work where the umask hides nothing."""
    before = os.umask(0)
    yield
    os.umask(before)


def open_to_others(directory: Path) -> list[Path]:
    return [path for path in (directory, *directory.rglob("*")) if path.stat().st_mode & 0o077]


def test_the_hash_of_a_run_is_kept_where_nobody_else_may_look(tmp_path: Path) -> None:
    state = tmp_path / "state"

    store_hash(state, "demo", "opening", "abc")

    assert stored_hash(state, "demo", "opening") == "abc"
    assert open_to_others(state) == []


def test_credentials_are_written_into_new_directories_of_ones_own(tmp_path: Path) -> None:
    trust = Trust.open(tmp_path / "state", unix_seconds)

    trust.grant("ada", "observer", tmp_path / "new" / "people" / "ada.creds")

    assert open_to_others(tmp_path / "new") == []
