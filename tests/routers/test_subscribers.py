"""What every service subscribes to: no answer ever goes where an agent or a stream chose.

An event handler that replies answers whoever published with a reply subject: the stream's own acknowledgement, or a
subject a forger named. Leader tasks subscribe later; their files hold the same rule, checked by reading them.
"""

import ast
from pathlib import Path

import pytest
from source import dotted, module, package

from econsim import app, subjects
from econsim.app import EVERYTHING, Server, make
from econsim.routers import SERVICES
from econsim.schemas.subject import Subject, SubjectKind, matches
from econsim.streams import STREAMS

CAPTURED = [
    pattern.split(".") for stream in STREAMS for pattern in stream.subjects if not pattern.startswith("$")
]
# The makers of subscribers: of the routers, whose subscribers the first two tests look at, and of leaders, by row.
MAKERS = ("services.routes", "services.subscriptions")
ANSWERED = {
    row.pattern() for row in subjects.TABLE if row.kind in (SubjectKind.REQUEST, SubjectKind.OPERATOR)
}


def subscribers(service):
    """Return subject → whether it replies, of everything a service's workers listen to from the start."""
    nowhere = Server("", lambda role: Path("nowhere") / role)
    made = make(service, nowhere).context.broker.subscribers
    return {each.subject.broker_address: not each._no_reply for each in made}


def is_captured(subject):
    return any(matches(pattern, subject.split(".")) for pattern in CAPTURED)


@pytest.mark.parametrize("service", SERVICES)
def test_a_handler_of_what_a_stream_captures_never_replies(service):
    found = subscribers(service)

    assert any(map(is_captured, found))
    assert not [subject for subject, replies in found.items() if replies and is_captured(subject)]


@pytest.mark.parametrize("service", SERVICES)
def test_only_requests_of_the_table_are_answered(service):
    assert {subject for subject, replies in subscribers(service).items() if replies} <= ANSWERED


def test_no_name_of_the_composition_root_hides_the_app_of_a_service():
    assert not vars(app).keys() & {*SERVICES, EVERYTHING}


@pytest.mark.slow
def test_leader_tasks_answer_only_requests_of_the_table():
    rows = {id(row): name for name, row in vars(subjects).items() if isinstance(row, Subject)}
    names = {rows[id(row)] for row in subjects.TABLE if row.pattern() in ANSWERED}

    sources = [each for each in package() if each.name not in MAKERS]
    asked = [call for each in sources for call in subscriptions(each.tree) if not silent(call)]

    assert len(asked) >= 6
    assert {row_of(call) for call in asked} <= names


@pytest.mark.parametrize(
    "text",
    [
        "x.subscriber(consumer.deliver_subject)",
        "x.subscriber(subjects.TICKED.pattern())",
        "subscriber(subjects.TICKED)",
    ],
)
def test_an_answer_to_anything_else_is_found(text):
    (call,) = subscriptions(module(text).tree)

    assert not silent(call)
    assert row_of(call) in ("consumer", "TICKED")


def subscriptions(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and dotted(node.func).split(".")[-1] == "subscriber":
            yield node


def row_of(call):
    """Return the name of the row that is subscribed to, or whatever stands in its place."""
    first, *rest = dotted(getattr(call.args[0], "func", call.args[0])).split(".")
    return rest[0] if first == "subjects" else first


def silent(call):
    return any(each.arg == "no_reply" and getattr(each.value, "value", False) for each in call.keywords)
