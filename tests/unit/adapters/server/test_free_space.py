"""Room on the disk is what a server could really store there."""

import resource
import sys

import pytest

from econsim.adapters.server.free_space import has_room


@pytest.fixture
def file_limit():
    """Set a limit on the size of files of this process for a while."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda count: resource.setrlimit(resource.RLIMIT_FSIZE, (count, hard))
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_there_is_room_if_so_many_bytes_are_free(tmp_path):
    assert has_room(tmp_path, 2**20)
    assert not has_room(tmp_path, 2**60)


@pytest.mark.skipif(sys.platform == "darwin", reason="macOS cannot reserve room for a file")
def test_free_bytes_that_this_user_may_not_take_are_no_room(tmp_path, file_limit):
    file_limit(2**19)

    assert not has_room(tmp_path, 2**20)
    assert list(tmp_path.iterdir()) == []
