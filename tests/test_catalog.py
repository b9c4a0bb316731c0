"""The catalog holds every message: no subject in use is missing from the document.

Seen to fail: a subject taken out of the document is named by the same check, further down.
"""

from __future__ import annotations

import dataclasses
import inspect
import json
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from types import SimpleNamespace

import pytest
from factories import group, role, scenario
from pydantic import BaseModel
from requirements import requirement

from econsim import app, errors, schemas, subjects
from econsim.adapters.jetstream.order_consumers import book_consumer
from econsim.config import settings
from econsim.domain.agent.active_run import active_run
from econsim.domain.audit.envelope import Envelope
from econsim.domain.audit.event_data import EVENT_TYPES, data_class
from econsim.domain.market.book import MarketBook
from econsim.routers import SERVICES, ledger
from econsim.schemas.base import Event
from econsim.schemas.clock import RunOpened
from econsim.schemas.subject import Subject, SubjectKind
from econsim.services import asyncapi
from econsim.services.market import book
from econsim.streams import STREAMS
from econsim.subjects import TABLE

REFERENCE = Path(__file__).parents[1] / "docs/reference"
# What subjects and streams are made of is no message.
SCHEMAS = [
    m.name for m in iter_modules(schemas.__path__) if m.name not in {"subject", "subject_rows", "stream"}
]

RUN = "run_1"


def channels(document):
    """Return the channels with an address, by it."""
    return {entry["address"]: entry for entry in document["channels"].values() if entry["address"]}


def uncatalogued(patterns, document):
    """Return the subscribed patterns that no channel of the document covers."""
    known = [address.split(".") for address in channels(document)]
    return [pattern for pattern in patterns if not any(is_covered(tokens, pattern) for tokens in known)]


def is_covered(tokens, pattern):
    """Tell whether a channel's tokens are what a pattern subscribes to."""
    parts = pattern.split(".")
    return len(parts) == len(tokens) and all(
        "{" in token or part in (token, "*") for token, part in zip(tokens, parts, strict=True)
    )


@pytest.fixture(scope="module")
def document():
    return asyncapi.document()


@pytest.fixture(scope="module")
def subscribed():
    """Return every pattern the services subscribe to, those of one run's leader tasks included."""
    server = app.server_of(settings(state=Path("nowhere")))
    made = {name: app.make(name, server) for name in SERVICES}
    run = sample_run()
    market = run.data.scenario.markets[0]
    queue = book_consumer(run.name, market.resource)
    of_leaders = [
        *ledger.request_subscribers(made["ledger"].context, run, SimpleNamespace()),
        *book.book_subscribers(made["market"].context, run, MarketBook(market, 1), SimpleNamespace(), queue),
    ]
    always = [subscriber for service in made.values() for subscriber in service.context.broker.subscribers]
    subscribed_subjects = {subscriber.subject.template for subscriber in (*always, *of_leaders)}
    return sorted((subscribed_subjects - {queue.deliver_subject}) | {queue.filter_subject})


def sample_run():
    wanted = scenario(group("buyer", roles=[role("bid", first=2, last=1)]))
    envelope = Envelope(RUN, "ab", 0, "1970-01-01T00:00:00.000000000Z")
    addressed = envelope.event(subjects.RUN_OPENED, "clock", RunOpened(scenario=wanted, salt="ab"))
    return active_run(addressed.event)


@requirement("subjects.catalog")
def test_every_subscription_is_in_the_catalog(document, subscribed) -> None:
    missing = uncatalogued(subscribed, document)

    assert len(subscribed) >= 8
    assert not missing, (
        f"subscribed to, but in no channel: {missing}. Give them a row in subjects.TABLE, of a service of OWNERS."
    )


def test_a_subscription_that_is_missing_is_named(document, subscribed) -> None:
    poorer = {
        **document,
        "channels": {k: v for k, v in document["channels"].items() if k != "market.get_balance"},
    }

    assert uncatalogued(subscribed, poorer) == [subjects.GET_BALANCE.pattern(run=RUN)]


def test_every_subject_is_in_the_table() -> None:
    constants = [value for value in vars(subjects).values() if isinstance(value, Subject)]
    groups = (*subjects.ORDER_OUTCOME, *subjects.ENTER_ORDER.values())

    missing = [row.template for row in (*constants, *groups) if row not in TABLE]

    assert not missing


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.template)
@requirement("subjects.catalog")
def test_every_subject_has_schema_owner_description_and_stream(row: Subject, document) -> None:
    channel = channels(document)[row.template]

    (message,) = channel["messages"].values()
    name = message["$ref"].rpartition("/")[2]
    assert document["components"]["messages"][name]["payload"]["$ref"] == f"#/components/schemas/{name}"
    bare = document["components"]["messages"][name]["contentType"] == "application/octet-stream"
    assert bare or "properties" in document["components"]["schemas"][name], (
        f"{name} is no message with fields"
    )
    assert channel["x-nats"]["owner"] in SERVICES
    assert channel["summary"].endswith(".")
    assert channel["x-nats"]["stream"] in {None, *(stream.name for stream in STREAMS)}
    assert set(channel["parameters"]) == set(row.places)


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.template)
def test_every_answered_subject_names_a_value_and_an_error(row: Subject, document) -> None:
    (operation,) = [
        o
        for o in document["operations"].values()
        if o["channel"]["$ref"].endswith(f"/{asyncapi.channel_name(row)}")
    ]

    answered = row.kind in (SubjectKind.ENTRY, SubjectKind.REQUEST, SubjectKind.OPERATOR)
    refusal = "EntryRefused" if row.kind is SubjectKind.ENTRY else "ErrorReply"
    assert ("reply" in operation) == answered == bool(row.reply)
    if answered:
        messages = [message["$ref"].rpartition("/")[2] for message in operation["reply"]["messages"]]
        assert messages == list(dict.fromkeys([row.reply, refusal]))


def test_the_streams_say_which_subjects_they_capture() -> None:
    """The stream a row names owns the row's subjects, or copies them from elsewhere; no other does."""
    patterns = {stream.name: stream.subjects for stream in STREAMS}

    for row in TABLE:
        capturing = {
            name
            for name, owned in patterns.items()
            for pattern in owned
            if covers_all(pattern, row.pattern())
        }
        assert capturing == ({row.stream} if row.stream else set()), row.template


def covers_all(owned, pattern):
    tokens = owned.split(".")
    return is_covered([token if token != "*" else "{any}" for token in tokens], pattern)


def test_every_reference_in_the_document_leads_somewhere(document) -> None:
    for reference in references(document):
        found = document
        for step in reference.removeprefix("#/").split("/"):
            found = found[step]
        assert found is not None, reference


def references(value):
    if isinstance(value, dict):
        if "$ref" in value:
            yield value["$ref"]
        for part in value.values():
            yield from references(part)
    elif isinstance(value, list):
        for part in value:
            yield from references(part)


def test_every_event_can_be_read_as_its_channel_says(document) -> None:
    events = [row for row in TABLE if row.kind is SubjectKind.EVENT]

    for row in events:
        assert channels(document)[row.template]["x-nats"]["kind"] == SubjectKind.EVENT
        assert asyncapi.payload(row) is Event[data_class(row.type)]
    assert {row.type for row in events} == EVENT_TYPES


@pytest.mark.parametrize("module", SCHEMAS)
def test_every_message_is_frozen_and_refuses_unknown_fields(module: str) -> None:
    made = [
        part
        for part in vars(import_module(f"econsim.schemas.{module}")).values()
        if inspect.isclass(part) and part.__module__ == f"econsim.schemas.{module}"
    ]

    for part in made:
        if issubclass(part, BaseModel):
            assert part.model_config["frozen"], part
            assert part.model_config["extra"] == "forbid", part
        elif dataclasses.is_dataclass(part):
            # Those of the hot path are held immutable by type checkers alone.
            assert part.__dataclass_params__.frozen or part.__hash__ is not None, part
            assert part.__pydantic_config__["extra"] == "forbid", part


def test_every_schema_refuses_unknown_fields(document) -> None:
    open_ = [
        name
        for name, schema in document["components"]["schemas"].items()
        if "properties" in schema and schema.get("additionalProperties") is not False
    ]

    assert not open_


def test_a_message_that_does_not_exist_is_named() -> None:
    with pytest.raises(errors.NotFound, match="'Nonsense'"):
        asyncapi.model_named("Nonsense")


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_documents_its_own_subjects_only(service: str) -> None:
    own = channels(asyncapi.document(service))

    assert set(own) == {row.template for row in TABLE if row.owner == service}


@requirement("subjects.catalog")
def test_the_published_document_is_current(document) -> None:
    """Write it anew with `make catalog`."""
    published = REFERENCE / "asyncapi.json"

    assert published.read_text(encoding="utf-8") == asyncapi.to_json(document)


def test_the_published_table_is_current() -> None:
    """Write it anew with `make catalog`."""
    published = REFERENCE / "subjects.md"

    assert published.read_text(encoding="utf-8") == asyncapi.table_page()


@pytest.mark.slow
@pytest.mark.parametrize("name", [app.EVERYTHING, "market"])
def test_faststream_generates_the_same_document(name: str, tmp_path: Path) -> None:
    made = tmp_path / "asyncapi.json"
    command = [sys.executable, "-m", "faststream", "docs", "gen", f"econsim.app:{name}", "-o", str(made)]

    subprocess.run(command, check=True, capture_output=True, cwd=tmp_path)

    wanted = asyncapi.document() if name == app.EVERYTHING else asyncapi.document(name)
    assert json.loads(made.read_text(encoding="utf-8")) == wanted
