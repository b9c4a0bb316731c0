"""Calls in parallel processes."""

import os

import pytest

from econsim.errors import RunFailed
from econsim.evaluation.bench.pool import in_processes


@pytest.mark.slow
def test_a_process_that_is_ended_is_told_as_the_failure_of_a_run() -> None:
    with pytest.raises(RunFailed, match="a process ended in the middle of a run"):
        list(in_processes(os._exit, [(1,), (1,)], 2))
