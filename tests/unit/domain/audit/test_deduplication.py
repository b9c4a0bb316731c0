"""What the log says twice is taken in once."""

from __future__ import annotations

from itertools import chain

import pytest
from run_builders import only, small_run, summed

from econsim import subjects
from econsim.domain.audit.deduplication import Deduplicator


def once(log):
    """Return the records that tell something new."""
    repeats = Deduplicator()
    return [entry for entry in log if not repeats.is_repeat(entry)]


def test_a_log_without_repeats_is_taken_in_whole():
    assert once(small_run()) == list(small_run())


@pytest.mark.parametrize("subject", [subjects.TRADE_EXECUTED, subjects.BID_ACCEPTED, subjects.TICKED])
def test_what_comes_again_under_its_number_or_id_is_left_out(subject):
    again = list(chain.from_iterable((e, e) if e.type == subject.type else (e,) for e in small_run()))

    assert len(again) == len(small_run()) + len(only(small_run(), subject))
    assert once(again) == list(small_run())


def test_a_whole_batch_that_was_published_twice_counts_once():
    tick = [
        e for e in small_run() if e.tick == 3 and e.type.startswith("market.") and "transfer" not in e.type
    ]
    end = small_run().index(tick[-1])
    log = [*small_run()[:end], *tick[:-1], *small_run()[end:]]

    assert summed(once(log)) == summed(small_run())
    assert summed(log) != summed(small_run())
