"""Deduplication of commands by id, and the bound of its memory."""

from econsim.domain.admission.command_ids import CommandIds


def test_a_repeat_has_the_content_that_its_id_first_had():
    ids = CommandIds()

    assert ids.remember("run.anna.c1", "bid 1")
    assert ids.remember("run.anna.c1", "bid 1")
    assert not ids.remember("run.anna.c1", "bid 2")
    assert ids.remember("run.bert.c1", "bid 2")


def test_the_oldest_ids_are_forgotten():
    ids = CommandIds(ids_max=2)

    for id_ in ("one", "two", "three"):
        ids.remember(id_, "bid 1")

    assert [id_ in ids for id_ in ("one", "two", "three")] == [False, True, True]


def test_a_forgotten_id_may_get_other_content():
    ids = CommandIds()
    ids.remember("one", "bid 1")

    ids.forget("one")
    ids.forget("never remembered")

    assert ids.remember("one", "bid 2")
