"""Events as lines of JSON and as CloudEvents, read by the package of the CloudEvents project."""

from __future__ import annotations

import json
import tracemalloc
from contextlib import suppress
from dataclasses import replace
from datetime import datetime

import pytest
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from run_builders import small_run, small_scenario

from econsim.domain.audit.facts import record
from econsim.domain.execution.in_memory import run
from econsim.report.beancount import beancount_file
from econsim.report.event_lines import cloud_event_line, event_file, event_line


@pytest.fixture(scope="module")
def stored():
    """Return the records of a run as they stand in the log."""
    return [record(each.subject, each.json()) for each in run(small_scenario("zi_c"), "run_1", "ab")]


def test_a_line_has_all_of_the_event_whether_it_was_read_as_text_or_as_objects(stored):
    lines = [json.loads(event_line(entry)) for entry in stored]

    assert lines == [json.loads(event_line(entry)) for entry in small_run("zi_c")]
    assert lines[5] == {
        "subject": stored[5].subject,
        **json.loads([*run(small_scenario("zi_c"), "run_1", "ab")][5].json()),
    }


def test_every_line_is_a_cloud_event(stored):
    for place, entry in enumerate(stored, 1):
        event = JSONFormat().read(CloudEvent, cloud_event_line(entry, place))

        assert event.get_attributes() == {
            "specversion": "1.0",
            "id": entry.event_id,
            "source": f"econsim:/runs/run_1/{entry.actor}",
            "type": entry.type,
            "subject": entry.subject,
            "time": datetime.fromisoformat(entry.occurred_at[:26] + "+00:00"),
            "datacontenttype": "application/json",
            "sequence": f"{place:010}",
            "tick": entry.tick,
            "correlationid": "run_1",
        } | ({"causationid": entry.causation_id} if entry.causation_id else {})
        assert event.get_data() == entry.data


def test_cloud_events_of_text_and_of_objects_are_the_same(stored):
    assert [json.loads(cloud_event_line(entry, 1)) for entry in stored] == [
        json.loads(cloud_event_line(entry, 1)) for entry in small_run("zi_c")
    ]


def test_a_trace_id_is_an_attribute_of_its_cloud_event(stored):
    traced = replace(stored[5], trace_id="4bf92f3577b34da6a3ce929d0e0e4736")

    assert json.loads(cloud_event_line(traced, 1))["traceid"] == traced.trace_id


def test_cloud_events_that_are_ordered_by_sequence_are_in_the_order_of_the_run(stored, tmp_path):
    path = tmp_path / "events.jsonl"
    with event_file(path, cloud_event_line) as lines:
        for entry in stored:
            lines.add(entry)

    events = sorted(map(json.loads, path.read_text().splitlines()), key=lambda event: event["sequence"])

    assert [event["id"] for event in events] == [entry.event_id for entry in stored]


def test_ids_are_unique_within_their_source(stored):
    events = [json.loads(cloud_event_line(entry, 1)) for entry in stored]

    assert len({(event["source"], event["id"]) for event in events}) == len(stored)


def test_a_file_has_a_line_for_each_event(stored, tmp_path):
    with event_file(tmp_path / "new" / "events.jsonl") as lines:
        for entry in stored:
            lines.add(entry)

    assert lines.count == len((tmp_path / "new" / "events.jsonl").read_text().splitlines()) == len(stored)


def test_after_an_error_the_file_is_as_it_was(stored, tmp_path):
    path = tmp_path / "events.jsonl"
    path.write_text("old")

    with suppress(ZeroDivisionError), event_file(path) as lines:
        lines.add(stored[0])
        raise ZeroDivisionError

    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("written", [event_file, beancount_file])
def test_memory_does_not_grow_with_the_length_of_the_run(written, tmp_path):
    path, log = tmp_path / "file", small_run("zi_c")

    tracemalloc.start()
    with written(path) as file:
        for _ in range(100):
            for entry in log:
                file.add(entry)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak < path.stat().st_size / 10
