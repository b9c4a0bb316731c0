"""Declared streams: they agree with the subject table and give their reasons."""

from dataclasses import fields

import pytest
from requirements import requirement

from econsim.schemas.stream import Stream
from econsim.schemas.subject import matches
from econsim.streams import ADVISORIES, AUDIT_LOG, QUEUES, STREAMS
from econsim.streams.buckets import bucket
from econsim.subjects import TABLE, TRANSFER_POSTED, TRANSFER_REFUSED

WITHOUT_REASON = {"name", "why", "reasons", "subjects", "sources"}


def captures(pattern: str, subject: str) -> bool:
    return matches(pattern.split("."), subject.split("."))


def capturing(subject: str) -> list[str]:
    return [stream.name for stream in STREAMS if any(captures(p, subject) for p in stream.subjects)]


@pytest.mark.parametrize("stream", STREAMS, ids=lambda stream: stream.name)
def test_every_field_that_is_not_the_default_has_a_reason(stream):
    defaults = Stream(name="", why="")

    chosen = {f.name for f in fields(stream) if getattr(stream, f.name) != getattr(defaults, f.name)}

    assert chosen - WITHOUT_REASON == set(stream.reasons)
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


@pytest.mark.parametrize("stream", [s for s in STREAMS if s.name.startswith("KV_")], ids=lambda s: s.name)
def test_a_bucket_is_a_stream_that_captures_its_keys(stream):
    name = stream.name.removeprefix("KV_")

    assert stream.name == bucket(name)
    assert stream.subjects == (f"$KV.{name}.>",)
    assert stream.max_msgs_per_subject > 0


@pytest.mark.parametrize("queue", sorted(QUEUES))
def test_advisories_about_every_work_queue_are_kept(queue):
    for kind in ("MAX_DELIVERIES", "MSG_TERMINATED"):
        assert capturing(f"$JS.EVENT.ADVISORY.CONSUMER.{kind}.{queue}.any") == [ADVISORIES.name]


def test_a_full_work_queue_refuses_its_publisher():
    streams = [stream for stream in STREAMS if stream.name in QUEUES]

    assert {(stream.retention, stream.discard) for stream in streams} == {("workqueue", "new")}
