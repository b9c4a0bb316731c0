"""Telling a repeated command from another under the same id."""

from econsim.domain.admission import command_ids
from econsim.domain.admission.command_ids import CommandIds


def test_an_id_stands_for_what_it_was_first_used_for():
    ids = CommandIds()

    assert ids.note("run.anna.c1", "bid 1")
    assert ids.note("run.anna.c1", "bid 1")
    assert not ids.note("run.anna.c1", "bid 2")
    assert ids.note("run.bert.c1", "bid 2")


def test_the_oldest_ids_are_forgotten(monkeypatch):
    monkeypatch.setattr(command_ids, "COMMANDS_REMEMBERED_MAX", 2)
    ids = CommandIds()

    for id_ in ("one", "two", "three"):
        ids.note(id_, "bid 1")

    assert [id_ in ids for id_ in ("one", "two", "three")] == [False, True, True]
