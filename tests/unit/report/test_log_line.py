"""A line of a log for people: in order, with its run and agent, and never more than text."""

import json

import pytest

from econsim.report.log_line import parse_log_line


def line(**fields):
    return parse_log_line("market", json.dumps({"time": "2026-01-01T00:00:00.000000+00:00", **fields}))


def test_a_line_shows_what_it_is_about() -> None:
    found = line(level="warning", message="late", run="r1", agent="ana", logger="x")

    assert found.display_text() == "2026-01-01T00:00:00.000000 warning market    late  run=r1 agent=ana"


def test_an_exception_is_shown_below_its_line() -> None:
    found = line(level="error", message="failed", exception="Traceback\n  ValueError")

    assert found.display_text().splitlines()[1:] == ["    Traceback", "      ValueError"]


def test_a_line_that_is_no_json_is_an_error_of_the_time_before() -> None:
    found = parse_log_line("market", "Traceback (most recent call last):", "2026")

    assert (found.level, found.time) == ("error", "2026")
    assert found.display_text().endswith("market    Traceback (most recent call last):")


@pytest.mark.parametrize("text", ["\x1b[2J", '{"message": "\\u001b[2J", "level": "info"}', '["a"]', "7"])
def test_no_line_steers_the_terminal(text) -> None:
    assert parse_log_line("market", text).display_text().isprintable()


def test_levels_are_ordered() -> None:
    assert line(level="warning").is_at_least("info")
    assert not line(level="info").is_at_least("warning")
