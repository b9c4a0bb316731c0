"""Chunks that were put and are in no file yet: known for a while, bounded by the quota."""

import pytest
from requirements import requirement

from econsim.domain.workspace.uploads import FRESH_S, Upload, Uploads
from econsim.errors import QuotaExceeded


@pytest.fixture
def uploads():
    found = Uploads()
    found.add("run.ana", "a.60", Upload(place=3, size=60, put_s=100.0))
    return found


def take(uploads, prefix, size, limit, now_s):
    """Take the room of a chunk, and give it back as if its put had failed."""
    with uploads.room(prefix, size, limit, now_s):
        pass


def test_a_chunk_is_known_while_it_is_fresh(uploads):
    assert uploads.place("run.ana", "a.60", 100.0) == 3
    assert uploads.place("run.ana", "a.60", 100.0 + FRESH_S) is None
    assert uploads.place("run.bob", "a.60", 100.0) is None


@requirement("workspace.quota")
def test_chunks_without_a_file_have_twice_the_room_of_files(uploads):
    take(uploads, "run.ana", 40, 50, 101.0)
    take(uploads, "run.bob", 41, 50, 101.0)
    with pytest.raises(QuotaExceeded) as refused:
        take(uploads, "run.ana", 41, 50, 101.0)

    assert refused.value.retry_after_ms == 299_000


def test_chunks_that_a_file_has_take_no_room(uploads):
    uploads.settle("run.ana", ["a.60", "other.1"])

    take(uploads, "run.ana", 100, 50, 101.0)


def test_chunks_that_are_given_up_take_no_room(uploads):
    take(uploads, "run.ana", 100, 50, 100.0 + FRESH_S)


def test_a_chunk_that_is_put_again_counts_once(uploads):
    uploads.add("run.ana", "a.60", Upload(place=4, size=60, put_s=101.0))

    take(uploads, "run.ana", 40, 50, 102.0)
    assert uploads.place("run.ana", "a.60", 102.0) == 4


def test_chunks_that_are_given_up_are_forgotten_with_the_next_put_of_anybody(uploads):
    uploads.add("run.bob", "b.1", Upload(place=4, size=1, put_s=101.0))

    take(uploads, "run.cid", 1, 50, 100.0 + FRESH_S)

    assert uploads.place("run.ana", "a.60", 100.0) is None
    assert uploads.place("run.bob", "b.1", 101.0) == 4


def test_the_wait_is_that_for_the_agents_own_oldest_chunk(uploads):
    uploads.add("run.bob", "b.90", Upload(place=4, size=90, put_s=150.0))

    with pytest.raises(QuotaExceeded) as refused:
        take(uploads, "run.bob", 20, 50, 160.0)
    assert refused.value.retry_after_ms == 290_000


def test_chunks_that_are_being_put_take_room(uploads):
    with uploads.room("run.bob", 60, 50, 101.0):
        with pytest.raises(QuotaExceeded):
            take(uploads, "run.bob", 41, 50, 101.0)
        take(uploads, "run.bob", 40, 50, 101.0)

    take(uploads, "run.bob", 100, 50, 101.0)
