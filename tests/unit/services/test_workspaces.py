"""Workspaces that one worker keeps: so many, the one unused longest goes first, and none that is being changed."""

import pytest
from workspace_worlds import WorkspaceWorld

from econsim.errors import CorruptLog
from econsim.ports import StoredEntry
from econsim.services import workspaces


@pytest.fixture
def kept(monkeypatch):
    monkeypatch.setattr(workspaces, "WORKSPACES_MAX", 2)
    return WorkspaceWorld().worker().workspaces


def test_the_workspace_that_was_unused_longest_is_forgotten(kept):
    ana, bob = kept.of("run", "ana"), kept.of("run", "bob")
    kept.of("run", "ana")

    kept.of("run", "cid")

    assert kept.of("run", "ana") is ana
    assert kept.of("run", "bob") is not bob


async def test_a_workspace_that_is_being_changed_is_not_forgotten(kept):
    ana, bob = kept.of("run", "ana"), kept.of("run", "bob")

    async with ana.changing:
        kept.of("run", "cid")

    assert kept.of("run", "ana") is ana
    assert kept.of("run", "bob") is not bob


def test_a_record_that_cannot_be_read_is_named(kept):
    with pytest.raises(CorruptLog, match=r"the record run\.ana\.written\.00 at revision 7 cannot be read"):
        kept.of("run", "ana").evolve(StoredEntry("run.ana.written.00", b"{}", 7))
