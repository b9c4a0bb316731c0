"""The hash of a stored run on its way. Catches: another hash than that of the canonical log, a hash where it cannot be known."""

from __future__ import annotations

from dataclasses import replace

import pytest
from run_builders import canonical_hash, only, shuffled, small_run, thinking_run

from econsim import subjects
from econsim.domain.audit.canonical_stream import CanonicalStream

FEW = 40
"""Facts that are held: those of a few ticks."""


def streamed(log, rows_held=FEW):
    """Return the hash of records in their order."""
    stream = CanonicalStream(rows_held)
    for entry in log:
        stream.add(entry)
    return stream.hexdigest()


def test_the_hash_is_that_of_the_canonical_log():
    for log in (small_run("zi_c"), small_run("zip"), thinking_run(), ()):
        assert streamed(log) == canonical_hash(log)


def test_what_comes_a_few_ticks_late_or_twice_changes_nothing():
    log = list(small_run())
    late = only(log, subjects.TRANSFER_POSTED)[5]
    log.remove(late)
    at = next(place for place, entry in enumerate(log) if entry.tick == late.tick + 3)

    assert streamed([*log[:at], late, *log[at - 3 :]]) == canonical_hash(small_run())


@pytest.mark.parametrize("entries_first", [True, False])
def test_entries_of_many_ticks_may_come_before_or_after_their_other_events(entries_first):
    log = small_run()
    entries = [*only(log, subjects.TRANSFER_POSTED), *only(log, subjects.TRANSFER_REFUSED)]
    others = [entry for entry in log if entry not in entries]
    bundle = (entries, others) if entries_first else (others, entries)

    assert streamed([*bundle[0], *bundle[1]], len(log) // 4) == canonical_hash(log)


def test_what_comes_too_late_makes_the_hash_unknown():
    log = small_run()

    assert streamed([*log, log[3]]) == ""
    assert streamed(shuffled(log, 1), len(log) * 9) == canonical_hash(log)


@pytest.mark.parametrize(("kind", "known"), [(subjects.PERIOD_OPENED, True), (subjects.PRICE_UPDATED, False)])
def test_a_cause_that_may_be_forgotten_makes_the_hash_unknown(kind, known):
    *log, closed = small_run()
    caused = replace(closed, causation_id=only(log, kind)[0].event_id)

    assert (streamed([*log, caused], 8) == canonical_hash([*log, caused])) is known
