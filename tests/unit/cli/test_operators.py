"""Events about operators without a server: decoded, described and counted; and the arguments of `econsim quota`."""

import pytest
import typer
from run_builders import canonical_hash
from typer.testing import CliRunner

from econsim import subjects
from econsim.cli import app
from econsim.cli.quota import quota_update
from econsim.domain.audit.causality import CausalGraph
from econsim.domain.audit.decoding import decode
from econsim.domain.audit.describe import SENTENCES, describe
from econsim.domain.audit.envelope import Envelope
from econsim.domain.audit.facts import facts
from econsim.errors import InvalidMessage
from econsim.schemas.admin import (
    Commanded,
    ConnectionChanged,
    LetterBuried,
    LetterDropped,
    LetterRetried,
    QuotaChanged,
    TrustChanged,
    run_or_none,
)
from econsim.schemas.admission import AgentFacts, Reported
from econsim.schemas.clock import RunClosed
from econsim.schemas.names import NO_RUN
from econsim.schemas.quota import Quotas, QuotaUpdate
from econsim.schemas.subject import SubjectKind
from econsim.services.operator_audit import SUMMARY_LENGTH_MAX, note_command_run, summary

STAMP = Envelope("run_1", "ab", 0, "1970-01-01T00:00:00.000000000Z")
ANNA = AgentFacts(policy="external", host=None, balance_ref="run_1.anna.balance")
REPORT = Reported(agent=ANNA, data={"buyer": "me"})

COMMANDED = STAMP.event(
    subjects.COMMANDED,
    "admin",
    Commanded(operator="eve", command="quota.set", code="done", summary='{"run":"run_1"}'),
)
TOLD = [
    COMMANDED,
    STAMP.event(
        subjects.QUOTA_CHANGED,
        "eve",
        QuotaChanged(agent=None, update=QuotaUpdate(max_order_rate=5), quotas=Quotas(max_order_rate=5)),
    ),
    STAMP.event(
        subjects.TRUST_CHANGED,
        "eve",
        TrustChanged(who="anna", change="agent_thrown_out", reason="it shouted"),
    ),
    STAMP.event(
        subjects.LETTER_BURIED,
        "admin",
        LetterBuried(sequence=4, subject="a.b", code="c", reason="r", handler="server", origin="tasks:7"),
    ),
    STAMP.event(
        subjects.LETTER_RETRIED, "eve", LetterRetried(sequence=4, subject="a.b", stream="tasks", stored=9)
    ),
    STAMP.event(subjects.LETTER_DROPPED, "eve", LetterDropped(sequence=4, subject="a.b")),
    STAMP.event(subjects.CONNECTION_CHANGED, "admin", ConnectionChanged(agent="anna", connected=True)),
]


@pytest.mark.parametrize("addressed", TOLD, ids=lambda addressed: addressed.subject)
def test_events_about_operators_are_decoded_and_described_in_a_sentence(addressed):
    (fact,) = facts(addressed)

    assert decode(addressed.subject, addressed.json()).event.model_dump() == addressed.event.model_dump()
    assert describe(fact) != fact.type


def test_every_event_of_the_subject_table_has_a_sentence():
    events = [row for row in subjects.TABLE if row.kind is SubjectKind.EVENT and row is not subjects.REPORTED]

    missing = [row.type for row in events if row.type.partition(".")[2] not in SENTENCES]

    assert not missing


@pytest.mark.parametrize(("connected", "told"), [(True, "connected"), (False, "disconnected")])
def test_the_sentence_about_a_connection_names_the_agent(connected, told):
    changed = ConnectionChanged(agent="anna", connected=connected)
    (fact,) = facts(STAMP.event(subjects.CONNECTION_CHANGED, "admin", changed))

    assert describe(fact) == f"agent anna {told}"


@pytest.mark.parametrize(
    ("operator", "summary", "told"),
    [
        (
            "operator",
            '{"run":"r","agent":null,"update":{"deadline_ms":5}}',
            "operator asked for quota.set: done; run r, update deadline_ms 5",
        ),
        ("eve", '{"agent":null, "run": "r…', "operator eve asked for quota.set: done; run r…"),
        ("eve", "no JSON", "operator eve asked for quota.set: done; no JSON"),
    ],
)
def test_a_command_is_described_in_plain_words(operator, summary, told):
    command = Commanded(operator=operator, command="quota.set", code="done", summary=summary)
    (fact,) = facts(STAMP.event(subjects.COMMANDED, "admin", command))

    assert describe(fact) == told


def test_events_about_operators_change_neither_a_runs_hash_nor_its_causes():
    closed = STAMP.event(subjects.RUN_CLOSED, "clock", RunClosed(ticks=1, periods=1, journal_sequence=0))

    assert canonical_hash([closed, *TOLD]) == canonical_hash([closed])
    assert not CausalGraph(TOLD).findings()


@pytest.mark.parametrize("action", ["thought", "trade_executed", "opened"])
def test_an_agents_own_event_is_a_report_whatever_its_name(action):
    addressed = STAMP.event(subjects.REPORTED, "anna", REPORT, agent="anna", event=action)
    event = addressed.event.model_copy(update={"type": f"agent.{action}"})
    reported = type(addressed)(addressed.subject, event)
    (fact,) = facts(reported)

    assert decode(reported.subject, reported.json()).event.data == REPORT
    assert describe(fact) == f"anna reports {action}"
    assert not CausalGraph([reported]).findings()


def test_an_agents_event_that_is_no_report_stays_unread():
    with pytest.raises(InvalidMessage):
        decode("agent.anna.thought.run_1", COMMANDED.json())


@pytest.mark.parametrize(
    ("payload", "text"),
    [
        (b'{"run":"r",\n "agent":"a"}', '{"run":"r", "agent":"a"}'),
        (b"\x1b[2J\xff", "[2J�"),
        (b"", ""),
    ],
)
def test_a_command_is_summed_up_on_one_printable_line(payload, text):
    assert summary(payload) == text


@pytest.mark.parametrize("payload", [b"x" * 201, b"\xc3\xa4" * 10**6, b" " * 900 + b"x"])
def test_a_long_command_is_cut(payload):
    assert summary(payload).endswith("…")
    assert len(summary(payload)) <= SUMMARY_LENGTH_MAX


@pytest.mark.parametrize("name", ["Odd!", "", "a.b", "r" * 49, "run\n"])
def test_what_cannot_be_a_run_stands_for_none(name):
    assert run_or_none(name) == NO_RUN


def test_outside_of_a_command_nothing_is_noted():
    assert note_command_run("run_1") is None


def test_limits_are_given_as_name_and_value():
    assert quota_update(["max_order_rate=5", "max_kv_keys=0"]) == QuotaUpdate(max_order_rate=5, max_kv_keys=0)


@pytest.mark.parametrize(
    ("limit", "says"),
    [
        ("max_orders=5", "the limits are max_publish_rate, "),
        ("max_order_rate", "a whole number"),
        ("max_order_rate=-1", "-1 is too small; write a number from 0 upwards"),
        ("max_order_rate=1.5", "a whole number"),
        (f"max_order_rate={2**60}", "max_order_rate: "),
    ],
)
def test_a_limit_that_is_not_one_is_refused_with_what_would_be(limit, says):
    with pytest.raises(typer.BadParameter, match=says):
        quota_update([limit])


def test_a_limit_given_twice_is_refused():
    with pytest.raises(typer.BadParameter, match="twice"):
        quota_update(["max_order_rate=5", "max_order_rate=6"])


def test_an_unknown_limit_ends_with_two():
    shown = CliRunner().invoke(app, ["quota", "set", "last", "max_orders=5"])

    assert shown.exit_code == 2


@pytest.mark.parametrize("command", ["show", "set"])
def test_every_command_explains_itself(command):
    shown = CliRunner().invoke(app, ["quota", command, "--help"])

    assert shown.exit_code == 0
    assert f"econsim quota {command}" in shown.output
