"""Dead letters without a server: their content, their safe printing, and their selection on the command line."""

import json

import pytest
import typer
from dirty_equals import IsPartialDict
from typer.testing import CliRunner

from econsim import errors
from econsim.adapters.jetstream import dead_letters, direct_get
from econsim.adapters.jetstream.dead_letters import DeadLetter, parse_dead_letter
from econsim.adapters.jetstream.direct_get import StoredMessage
from econsim.cli import app
from econsim.cli.dead_letters import (
    LetterFilter,
    age,
    letter_filter,
    letter_text,
    outcome_line,
    payload_text,
    printable,
)
from econsim.schemas.admin import LetterDone
from econsim.schemas.names import NO_RUN
from econsim.services.admin.dead_letter_collector import EXHAUSTED, TERMINATED, parse_advisory

SAID = {
    "type": "io.nats.jetstream.advisory.v1.max_deliver",
    "stream": "tasks",
    "consumer": "worker",
    "stream_seq": 7,
    "deliveries": 3,
}


def letter(subject="market.cpu.place_bid.run_1.anna", **fields):
    return DeadLetter(4, subject, b"{}", "2026-11-22T10:00:00.5Z", **fields)


@pytest.mark.parametrize(
    ("subject", "run"),
    [
        ("market.cpu.place_bid.run_1.anna", "run_1"),
        ("mcp.request.search.run_1.anna", "run_1"),
        ("market.cpu.place_bid.Odd!.anna", NO_RUN),
        (f"market.cpu.place_bid.{'r' * 60}.anna", NO_RUN),
        ("unknown.tasks", NO_RUN),
    ],
)
def test_a_letter_is_about_the_run_its_subject_names(subject, run):
    assert letter(subject).run == run


def test_a_message_of_the_stream_is_a_letter_whoever_put_it_there():
    found = parse_dead_letter(
        StoredMessage(4, "dead_letter.odd", b"x", "", {"dead-letter-code": "c", "trace": "t"})
    )

    assert (found.subject, found.code, found.origin, found.headers) == ("odd", "c", ":", {"trace": "t"})


@pytest.mark.parametrize(
    ("found", "code"),
    [
        (letter(lacks="its headers"), "letter_is_not_whole"),
        (letter("system.nothing.here.run_1.anna"), "subject_has_no_queue"),
        (letter("market.cpu.trade_executed.run_1"), "subject_has_no_queue"),
    ],
)
def test_what_is_not_whole_or_has_no_queue_is_not_put_back(found, code):
    with pytest.raises(errors.Refused) as refusal:
        dead_letters._check(found)

    assert refusal.value.error_code == code


class Recorder:
    """Stands where JetStream would: keeps what is published."""

    async def publish(self, subject, payload, headers):
        self.subject, self.payload, self.headers = subject, payload, headers


async def test_a_letter_has_the_messages_own_headers_and_where_it_came_from():
    out = Recorder()
    message = StoredMessage(
        7, "a.b", b"x", "", {"trace": "t", "dead-letter-code": "old", "dead-letter-retry-of": "3"}
    )

    await dead_letters.store_as_dead_letter(
        out, "tasks", message, dead_letters.DeadLetterReason("c", "two\n lines", "me")
    )

    assert (out.subject, out.payload) == ("dead_letter.a.b", b"x")
    assert out.headers == IsPartialDict(
        {"Nats-Msg-Id": "tasks:7", "trace": "t", "dead-letter-code": "c", "dead-letter-retry-of": "3"}
    )
    assert out.headers["dead-letter-reason"] == "two lines"
    assert "dead-letter-lacks" not in out.headers


async def test_what_is_too_large_to_be_stored_again_is_cut_and_says_so():
    out = Recorder()
    message = StoredMessage(7, "a.b", b"x" * dead_letters.MESSAGE_BYTES_MAX, "", {"big": "h" * 20_000})

    await dead_letters.store_as_dead_letter(
        out, "tasks", message, dead_letters.DeadLetterReason("c", "r", "me")
    )

    assert len(out.payload) == dead_letters.PAYLOAD_BYTES_MAX
    assert "big" not in out.headers
    assert out.headers["dead-letter-lacks"].startswith("all but the first")


def test_the_servers_own_headers_are_not_the_senders():
    assert direct_get.own_headers({"Nats-Msg-Id": "1", "trace": "t"}) == {"trace": "t"}


def test_headers_are_read_as_the_server_keeps_them():
    block = "NATS/1.0\r\nNats-Msg-Id: a:1\r\ndead-letter-reason: one: two → three\r\nempty:\r\n\r\n"

    assert dict(direct_get._pairs(block)) == {
        "Nats-Msg-Id": "a:1",
        "dead-letter-reason": "one: two → three",
        "empty": "",
    }


def test_the_server_says_that_a_message_was_delivered_too_often():
    said = parse_advisory(json.dumps(SAID).encode())

    assert said.origin == "tasks:7"
    assert said.verdict.code == EXHAUSTED
    assert "worker of tasks never acknowledged it, delivered 3 times" in said.reason


def test_the_server_says_that_a_message_was_terminated_and_why():
    kind = "io.nats.jetstream.advisory.v1.terminated"

    said = parse_advisory(json.dumps(SAID | {"type": kind, "reason": "no such tool"}).encode())

    assert said.verdict.code == TERMINATED
    assert said.reason.endswith("terminated it, delivered 3 times: no such tool")


@pytest.mark.parametrize(
    "payload",
    [b"{", b"[]", b"7", b"{}", b"\xff", json.dumps(SAID | {"stream": "audit_log"}).encode()],
)
def test_what_is_no_advisory_about_a_work_queue_is_passed_over(payload):
    assert parse_advisory(payload) is None


def test_json_is_shown_indented_and_the_rest_as_it_is():
    assert payload_text(b'{"a":1}') == '{\n  "a": 1\n}'
    assert payload_text(b"{not json") == "{not json"


@pytest.mark.parametrize(
    "payload", [b"\x1b[2J\x07", b'"\\u001b[2J\\ud800\\u202e"', b"\xff\x00\x9b", b"[" * 100_000]
)
def test_nothing_in_a_payload_reaches_the_terminal_that_it_would_obey(payload):
    shown = payload_text(payload)

    assert all(sign.isprintable() or sign == "\n" for sign in shown)
    assert shown.encode()
    assert len(shown) < 6_000


def test_a_long_payload_is_cut_and_counted():
    assert payload_text(b"x" * 5_000).endswith("x\n… and 1,000 more characters")


def test_a_letter_tells_where_it_came_from_and_what_it_lacks():
    shown = letter_text(letter(code="c", reason="[red]r\x1b", origin="tasks:7", lacks="its headers"))

    assert "origin    tasks:7" in shown
    assert "lacks     its headers" in shown
    assert "reason    [red]r\\x1b" in shown


@pytest.mark.parametrize(
    ("now_s", "words"),
    [(0, "0 s"), (59, "59 s"), (60, "1 min"), (7_200, "2 h"), (200_000, "2 d"), (-5, "0 s")],
)
def test_age_is_shown_in_its_largest_unit(now_s, words):
    assert age("1970-01-01T00:00:00.123456789Z", now_s) == words


def test_what_cannot_be_printed_is_written_out():
    assert printable("a\tb\x9b→") == "a\\tb\\x9b→"


def test_a_choice_is_sequences_or_all_narrowed():
    assert letter_filter([3, 3, 1], None, None, everything=False) == LetterFilter((3, 1))
    assert letter_filter(None, "r", "c", everything=True) == LetterFilter((), "r", "c")


@pytest.mark.parametrize(
    ("sequences", "run", "everything"),
    [(None, None, False), ([1], None, True), ([1], "r", False), ([], "r", False)],
)
def test_a_choice_that_is_none_or_two_is_refused(sequences, run, everything):
    with pytest.raises(typer.BadParameter):
        letter_filter(sequences, run, None, everything=everything)


def test_letters_are_narrowed_by_sequence_run_and_code():
    found = letter(code="c")

    assert LetterFilter().fits(found)
    assert LetterFilter((4,), "run_1", "c").fits(found)
    assert not any(
        each.fits(found) for each in (LetterFilter((5,)), LetterFilter(run="r"), LetterFilter(code="d"))
    )


def test_what_was_done_is_a_sentence():
    back = LetterDone(sequence=4, subject="a.b", stream="tasks", stored=9)

    assert outcome_line(back) == "letter 4 went back to a.b: message 9 of tasks"
    assert outcome_line(LetterDone(sequence=4, subject="a.b")) == "letter 4 to a.b was dropped"


@pytest.mark.parametrize("command", ["list", "show", "retry", "drop"])
def test_every_command_explains_itself(command):
    shown = CliRunner().invoke(app, ["dead-letters", command, "--help"])

    assert shown.exit_code == 0
    assert f"econsim dead-letters {command}" in shown.output


@pytest.mark.parametrize("args", [["drop"], ["retry", "1", "--all"], ["retry", "x"], ["show", "0"]])
def test_a_wrong_command_line_ends_with_two(args):
    assert CliRunner().invoke(app, ["dead-letters", *args]).exit_code == 2
