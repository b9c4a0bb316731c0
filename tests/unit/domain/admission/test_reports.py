"""Events made of agents' reports: the envelope is econsim's own, whatever the agent wrote."""

import json
import math
from dataclasses import replace

import pytest
from factories import group, scenario
from hypothesis import given
from hypothesis import strategies as st
from requirements import requirement

from econsim.domain.admission.reports import DEPTH_MAX, REPORT_BYTES_MAX, agent_facts, report_event
from econsim.domain.agent.population import population
from econsim.domain.audit.decoding import decode
from econsim.domain.audit.envelope import Envelope
from econsim.errors import EconsimError, InvalidMessage, NotAllowed, Unavailable
from econsim.schemas.agent import CycleCompleted
from econsim.schemas.subject import Parsed
from econsim.subjects import HOSTS_OWN

ENVELOPE = Envelope("run", "salt", 7, "1970-01-01T00:00:00.000000000Z")
ROSTER = {
    agent.id: agent for agent in population(scenario(group("anna", "external"), group("bert", "external")))
}
TRACE = "0af7651916cd43dd8448eb211c80319c"


def report(payload=b"", event="slept", agent="anna", envelope=ENVELOPE, fallback="none"):
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    where = Parsed("agent", agent, event, envelope.run, agent)
    return report_event(envelope, where, body, ROSTER[agent], fallback)


def nested(depth):
    return b'{"data":' + b'{"a":' * (depth - 1) + b"{}" + b"}" * depth


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@requirement("log.envelope")
def test_the_envelope_is_econsims_own():
    event = report({"event_id": "mine", "timestamp": 1.5, "schema_version": 1, "data": {"a": 1}}).event

    assert (event.actor, event.correlation_id, event.tick) == ("anna", "run", 7)
    assert (event.type, event.occurred_at) == ("agent.slept", ENVELOPE.now)
    assert event.event_id != "mine"
    assert (event.data.said_id, event.data.said_at) == ("mine", 1.5)


@pytest.mark.parametrize("field", ["actor", "type", "occurred_at", "tick", "host", "agent", "policy"])
@requirement("subjects.reserved")
def test_an_agent_cannot_set_a_field_that_econsim_sets(field):
    with pytest.raises(InvalidMessage, match=field):
        report({field: "x"})


@given(st.dictionaries(st.text(), JSON, max_size=4))
def test_the_log_gives_any_data_back_unchanged(data):
    try:
        addressed = report({"data": data})
    except EconsimError:
        return

    assert decode(addressed.subject, addressed.json()).event.data.data == data


@requirement("isolation.enriched")
def test_econsims_facts_about_the_agent_are_added_and_the_data_is_kept():
    event = report({"causation_id": "evt_1", "trace_id": TRACE, "data": {"agent": {"policy": "x"}}}).event

    assert event.data.agent == agent_facts("run", ROSTER["anna"])
    assert event.data.agent.balance_ref == "run.anna.balance"
    assert (event.causation_id, event.trace_id) == ("evt_1", TRACE)
    assert event.data.data == {"agent": {"policy": "x"}}


def test_a_scripted_agents_host_is_named():
    assert agent_facts("run", replace(ROSTER["anna"], host=3)).host == "host_4"
    assert agent_facts("run", ROSTER["anna"]).host is None


def test_the_same_own_id_is_the_same_event_at_any_time():
    first, later = (
        report({"event_id": "x"}),
        report({"event_id": "x"}, envelope=replace(ENVELOPE, tick=8, now="later")),
    )

    assert later.event.event_id == first.event.event_id


@pytest.mark.parametrize(
    "other",
    [
        {"payload": {"event_id": "y"}},
        {"event": "woke"},
        {"agent": "bert"},
        {"envelope": replace(ENVELOPE, salt="another")},
        {"envelope": replace(ENVELOPE, run="another")},
    ],
)
def test_another_id_word_agent_run_or_salt_is_another_event(other):
    assert (
        report(**({"payload": {"event_id": "x"}} | other)).event.event_id
        != report({"event_id": "x"}).event.event_id
    )


def test_without_an_id_each_report_is_one_of_its_own():
    assert report(fallback="a").event.event_id != report(fallback="b").event.event_id
    assert report(fallback="a").event.data.said_id is None


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"agent_id": "bert"}, "agent_id_does_not_match_subject"),
        ({"correlation_id": "another"}, "correlation_id_does_not_match_subject"),
    ],
)
def test_nobody_speaks_for_another_agent_or_run(fields, code):
    with pytest.raises(NotAllowed) as refused:
        report(fields)

    assert refused.value.error_code == code
    assert report({"agent_id": "anna", "correlation_id": "run"})


@pytest.mark.parametrize(
    "payload",
    [
        b"\xff",
        b"null",
        b"[]",
        b"{",
        b'{"data":[]}',
        b'{"data":{"a":NaN}}',
        b'{"data":{"a":[{"b":-Infinity}]}}',
        b'{"data":{"a":1e999}}',
        b'{"data":{"a":"\\ud800"}}',
        b'{"data":{"a":' + b"1" * 5_000 + b"}}",
        b'{"data":' + b"[" * 9_000,
        b'{"timestamp":NaN}',
        b'{"timestamp":"1"}',
        b'{"event_id":"a b"}',
        b'{"event_id":""}',
        b'{"schema_version":2}',
        b'{"trace_id":"xyz"}',
        nested(DEPTH_MAX + 1),
    ],
)
def test_an_invalid_report_is_refused(payload):
    with pytest.raises(InvalidMessage):
        report(payload)


def test_a_report_of_the_largest_size_and_depth_is_taken():
    padding = b" " * (REPORT_BYTES_MAX - len(nested(DEPTH_MAX)))

    addressed = report(nested(DEPTH_MAX) + padding)

    assert decode(addressed.subject, addressed.json()).event.data == addressed.event.data
    with pytest.raises(InvalidMessage) as refused:
        report(nested(DEPTH_MAX) + padding + b" ")
    assert refused.value.error_code == "message_is_too_large"


def test_of_a_key_given_twice_the_last_counts():
    assert report(b'{"data":{"a":1,"a":2}}').event.data.data == {"a": 2}


def test_an_answer_to_a_tick_keeps_nothing_but_the_tick():
    addressed = report(
        {"event_id": "x", "data": {"tick": 7, "agents": 99, "limits": {"cpu": 1}}}, "cycle_completed"
    )

    assert addressed.event.data == CycleCompleted(tick=7, agents=1)
    assert (addressed.event.tick, addressed.event.type, addressed.event.actor) == (
        7,
        "agent.cycle_completed",
        "anna",
    )


def test_a_tick_is_answered_once_whatever_the_report_is_called():
    first, again = (report({"event_id": id_, "data": {"tick": 7}}, "cycle_completed") for id_ in ("x", "y"))

    assert first.event.event_id == again.event.event_id
    assert report({"data": {"tick": 6}}, "cycle_completed").event.event_id != first.event.event_id


@pytest.mark.parametrize("tick", [None, -1, 1.0, True, "7", math.inf, [7], 2**53, 10**400])
def test_an_answer_without_a_valid_tick_is_refused(tick):
    with pytest.raises(InvalidMessage, match="data"):
        report({"data": {"tick": tick}}, "cycle_completed")


@pytest.mark.parametrize(
    ("data", "wrong"),
    [({}, "is missing"), ({"tick": -1}, "0 on, not -1"), ({"tick": "1"}, '0 on, not "1"')],
)
def test_a_tick_that_is_wrong_is_not_called_missing(data, wrong):
    with pytest.raises(InvalidMessage, match=f"data.tick: .*{wrong}$"):
        report({"data": data}, "cycle_completed")


def test_an_answer_to_an_unknown_tick_may_be_sent_again_later():
    answer = {"data": {"tick": 9}}

    with pytest.raises(Unavailable, match="tick 9 has not opened") as early:
        report(answer, "cycle_completed")

    assert early.value.retry_after_ms
    assert report(answer, "cycle_completed", envelope=replace(ENVELOPE, tick=8)).event.tick == 9
    assert report(answer, "cycle_completed", envelope=replace(ENVELOPE, tick=0)).event.tick == 9


@pytest.mark.parametrize("name", sorted(HOSTS_OWN))
def test_a_report_may_not_have_the_name_of_an_event_of_hosts(name):
    with pytest.raises(NotAllowed, match="give the report another name") as refused:
        report(event=name)

    assert refused.value.error_code == "event_name_is_reserved"
