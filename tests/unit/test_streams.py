"""What `streams` declares agrees with the subject table and says why."""

from dataclasses import fields

import pytest
from requirements import requirement

from econsim.streams import AUDIT_LOG, STREAMS, Stream, book_consumer
from econsim.subjects import TABLE, TRANSFER_POSTED, TRANSFER_REFUSED

SPOKEN_FOR = {"name", "why", "reasons", "subjects", "sources"}


def covers(pattern: str, subject: str) -> bool:
    parts, tokens = pattern.split("."), subject.split(".")
    return len(parts) == len(tokens) and all(p in ("*", t) for p, t in zip(parts, tokens, strict=True))


def capturing(subject: str) -> list[str]:
    return [stream.name for stream in STREAMS if any(covers(p, subject) for p in stream.subjects)]


@pytest.mark.parametrize("stream", STREAMS, ids=lambda stream: stream.name)
def test_gives_a_reason_for_every_field_that_is_not_the_default(stream):
    defaults = Stream(name="", why="")

    chosen = {f.name for f in fields(stream) if getattr(stream, f.name) != getattr(defaults, f.name)}

    assert chosen - SPOKEN_FOR == set(stream.reasons)
    assert stream.why.endswith(".")


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.template)
@requirement("pubsub.critical_in_stream")
def test_every_subject_is_captured_by_the_stream_the_table_names_and_no_other(row):
    concrete = row(**dict.fromkeys(row.places, "x1"))

    assert capturing(concrete) == ([row.stream] if row.stream else [])


def test_the_ledgers_journal_arrives_under_the_tables_subjects():
    renamed = [subject for _, subject in AUDIT_LOG.sources[0].renames]

    assert renamed == [
        row.template.replace("{run}", "{{wildcard(1)}}") for row in (TRANSFER_POSTED, TRANSFER_REFUSED)
    ]


def test_a_book_hears_its_own_commands_only():
    consumer = book_consumer("run1", "cpu")

    assert covers(consumer.filter_subject, "market.cpu.place_bid.run1.alice")
    assert not covers(consumer.filter_subject, "market.gpu.place_bid.run1.alice")
    assert not covers(consumer.filter_subject, "market.cpu.place_bid.run2.alice")
