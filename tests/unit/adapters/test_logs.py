"""Lines of JSON: what Loki needs of each, and nothing that steers a terminal."""

import json
import logging
import sys

import pytest
from opentelemetry import trace
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags
from requirements import requirement

from econsim.adapters.logs import JsonLines, configure_log


@pytest.fixture
def line():
    """Return a function that formats a record; the work is that of a run's agent."""
    formatter = JsonLines(lambda: {"service": "market", "run": "r1", "agent": "ana"})

    def formatted(message, *given, error=None):
        record = logging.LogRecord("econsim.x", logging.WARNING, "x.py", 1, message, given, error)
        return formatter.format(record)

    return formatted


@requirement("operations.logs")
def test_a_line_names_time_level_run_agent_and_message(line) -> None:
    found = json.loads(line("order %s is late", 7))

    assert found.pop("time").endswith("+00:00")
    assert found == {
        "level": "warning",
        "logger": "econsim.x",
        "message": "order 7 is late",
        "service": "market",
        "run": "r1",
        "agent": "ana",
    }


@requirement("operations.logs")
def test_a_line_within_a_span_has_its_ids(line) -> None:
    context = SpanContext(0xABC, 0xDEF, is_remote=False, trace_flags=TraceFlags(1))

    with trace.use_span(NonRecordingSpan(context)):
        found = json.loads(line("x"))

    assert (found["trace_id"], found["span_id"]) == (f"{0xABC:032x}", f"{0xDEF:016x}")


def test_an_exception_is_in_its_line(line) -> None:
    try:
        int("no such thing")
    except ValueError:
        text = line("failed", error=sys.exc_info())

    assert "\n" not in text
    assert "no such thing" in json.loads(text)["exception"]


def test_what_an_agent_wrote_cannot_steer_a_terminal(line) -> None:
    text = line("%s", "\x1b[2J\x9b31m\u202enice")

    assert text.isascii()
    assert text.isprintable()
    assert json.loads(text)["message"] == "\x1b[2J\x9b31m\u202enice"


@pytest.fixture
def root():
    """Let a test configure the log of this process."""
    logger, framework = logging.getLogger(), logging.getLogger("faststream")
    kept = list(logger.handlers), logger.level, list(framework.handlers), framework.propagate
    yield logger
    for handler in {*logger.handlers} - {*kept[0]}:
        handler.close()
    logger.handlers[:], framework.handlers[:], framework.propagate = kept[0], kept[2], kept[3]
    logger.setLevel(kept[1])


def test_a_file_has_lines_of_json_and_the_terminal_text(root, tmp_path, capsys) -> None:
    configure_log("text", "info", lambda: {"service": "market"}, tmp_path / "market.log")

    logging.getLogger("econsim.x").info("one")
    logging.getLogger("econsim.x").debug("two")

    (line,) = (tmp_path / "market.log").read_text().splitlines()
    assert json.loads(line)["service"] == "market"
    assert capsys.readouterr().err == "one\n"
