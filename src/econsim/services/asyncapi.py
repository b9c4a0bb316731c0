"""The catalog: one AsyncAPI 3.0.0 document of every subject and message, made from the subject table.

FastStream documents the subscribers of a broker when it is built; services also subscribe run by run, so
the table is the source, and a test compares every subscription with it. Written from the owners' side:
they send events and deliveries, and receive commands and requests.
"""

from __future__ import annotations

import json
from functools import cache
from importlib import import_module
from importlib.metadata import version
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any, Final, Literal, Self

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from econsim import schemas
from econsim.errors import NotFound
from econsim.schemas.admission import EntryRefused
from econsim.schemas.base import ErrorReply, Event
from econsim.schemas.json_schema import DocumentedJsonSchema
from econsim.schemas.subject import ANSWERED, OWNERS, PUBLISHED, Subject, SubjectKind
from econsim.subjects import TABLE

VERSION: Final = version("econsim")
"""Version of the package, as it is installed."""

if TYPE_CHECKING:
    from faststream._internal.broker import BrokerUsecase
    from faststream.asgi.handlers import HttpHandler
    from faststream.specification.schema import Contact, License

Json = dict[str, Any]
"""A JSON object."""

TITLE: Final = "econsim"
"""Title of the document."""

DESCRIPTION: Final = (
    "Markets of agents over NATS. Subjects are `<domain>.<entity>.<action>.<run>[.<agent>]`: events have four "
    "tokens, commands, requests and deliveries five; the last token of a command or request is its sender, "
    "put there by the server. Money is in micro-credits. Unknown fields are refused."
)
"""Description of the document."""

SERVICE_DESCRIPTIONS: Final = {
    "market": "Order books: takes orders, matches and settles them, publishes prices.",
    "ledger": "Accounts: the one writer of money and goods, and its journal.",
    "cognition": "Calls of language models: reserves the price, asks a provider, records and settles.",
    "clock": "Runs, periods and ticks: opens, paces and closes them.",
    "agent": "Hosts of scripted agents.",
    "executor": "Whole runs of scripted agents, executed by one worker in bundles of ticks.",
    "admission": "The gateway of external agents: checks, counts and stores their messages.",
    "mcp": "The gateway to outside tools: checks, limits, reserves, calls, records and settles.",
    "admin": "Decisions of operators: quotas and dead letters; publishes every message that no handler could finish.",
    "workspace": "Files of agents: chunks by digest, versions, and an event for each change.",
    "trace": "Spans of runs, made from the log, and all spans on their way to a collector.",
    "social": "Questions to people and agents, messages between agents, and delegated tasks with their payment.",
    "metrics": "Figures of the server, of all services and of open runs, exported for Prometheus.",
}
"""Service → its description; every service of `OWNERS` has one."""

PLACES: Final = {
    "run": "Id of the run; also the correlation id of everything in it.",
    "agent": "Agent that sends the message, or receives a delivery; the host of a host's report.",
    "resource": "Resource that the market trades.",
    "operator": "Operator that sends the request, a person at the command line; the name in the credentials.",
    "event": "Name of an agent's own event, in the past tense.",
    "operation": "Operation of a service that is still to come.",
    "server": "Name of the external tool server.",
    "service": "Service that tells of itself.",
    "entity": "Second token of the subject that the span is about.",
    "worker": "Name of the process of the service, which no other has.",
}
"""Variable token of a subject → its description."""

_NAMED: Final = (SubjectKind.ENTRY, SubjectKind.DELIVERY, SubjectKind.BROADCAST)
"""Kinds whose channels end with the kind's name, because an event or command has the same type."""


def document(*services: str) -> Json:
    """Return the document of the subjects of some services, by default all; raises NotFound for an unknown service."""
    if unknown := [name for name in services if name not in OWNERS]:
        message = f"there is no service {unknown[0]!r}; the services are {', '.join(OWNERS)}"
        raise NotFound(message)
    owners = [owner for owner in OWNERS if owner in services or not services]
    parts = [] if len(owners) == len(OWNERS) else owners
    rows = [row for row in TABLE if row.owner in owners]
    models = _models(rows)
    places = sorted({place for row in rows for place in row.places})
    return {
        "asyncapi": "3.0.0",
        "id": ":".join(["urn:econsim", *parts]),
        "info": {
            "title": " ".join([TITLE, *parts]),
            "version": VERSION,
            "description": DESCRIPTION,
            "tags": [{"name": owner, "description": SERVICE_DESCRIPTIONS[owner]} for owner in owners],
        },
        "defaultContentType": "application/json",
        "servers": {
            "nats": {
                "host": "127.0.0.1:4222",
                "protocol": "nats",
                "description": "The embedded server, on a port of its own, or a cluster named with --nats. "
                "Each service and agent has a creds file of its own.",
            }
        },
        "channels": {name: channel for row in rows for name, channel in _channels(row)},
        "operations": {f"{row.owner}.{_verb(row)}.{channel_name(row)}": _operation(row) for row in rows},
        "components": {
            "parameters": {place: {"description": PLACES[place]} for place in places},
            "messages": {name: _message(name, model) for name, model in sorted(models.items())},
            "schemas": _schemas(models),
        },
    }


def channel_name(row: Subject) -> str:
    """Return the name of a subject's channel: its type, and its kind if several kinds have that type."""
    return f"{row.type}.{row.kind.value}" if row.kind in _NAMED else row.type


def payload(row: Subject) -> type[BaseModel]:
    """Return the model of a subject's messages, envelope included; raises NotFound if there is none."""
    model = model_named(row.message)
    return Event[model] if row.kind in PUBLISHED else model  # type: ignore[valid-type]  # made at run time


@cache
def model_named(name: str) -> type[BaseModel]:
    """Return the message of this name from `econsim.schemas`; raises NotFound if there is none."""
    for module in iter_modules(schemas.__path__):
        found = getattr(import_module(f"{schemas.__name__}.{module.name}"), name, None)
        if isinstance(found, type) and issubclass(found, BaseModel):
            return found
    message = f"subjects.TABLE names a message {name!r} that is not in econsim.schemas"
    raise NotFound(message)


def to_json(value: Json) -> str:
    """Return a document as the text of a file."""
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def table_page() -> str:
    """Return the page docs/reference/subjects.md: every subject in a table."""
    head = (
        "# Subjects\n\nMade from `econsim.subjects.TABLE` with `econsim catalog --table`; a test keeps it current. "
        "The messages are in [asyncapi.json](asyncapi.json).\n\n"
    )
    lines = [
        "| subject | kind | owner | an agent calls it | message | reply | stream | description |",
        "| --- " * 8 + "|",
    ]
    for row in TABLE:
        reply = f"`{row.reply}`" if row.reply else ""
        short = f"`{row.short}`" if row.short else ""
        cells = (
            f"`{row.template}`",
            row.kind.value,
            row.owner,
            short,
            f"`{_component(payload(row))}`",
            reply,
        )
        lines.append(f"| {' | '.join((*cells, row.stream, row.description))} |")
    return head + "\n".join(lines) + "\n"


class Catalog:
    """The catalog as FastStream takes it: what `faststream docs gen econsim.app:<service>` writes."""

    def __init__(self, *services: str) -> None:
        """Document the subjects of these services."""
        self.title = TITLE
        self.description: str | None = DESCRIPTION
        self.version: str | None = VERSION
        self.contact: Contact | Json | None = None
        self.license: License | Json | None = None
        self._services = services

    def add_broker(self, broker: BrokerUsecase[Any, Any, Any], /) -> Self:  # noqa: ARG002 - FastStream's signature
        """Ignore the broker: the subject table has more than a broker knows."""
        return self

    def add_http_route(self, path: str, handler: HttpHandler) -> Self:  # noqa: ARG002 - FastStream's signature
        """Ignore the route: no service speaks HTTP."""
        return self

    def to_specification(self) -> Specification:
        """Return the document."""
        return Specification(document(*self._services))


class Specification:
    """A document in the forms FastStream asks for."""

    def __init__(self, value: Json) -> None:
        """Wrap a document."""
        self._value = value

    @property
    def title(self) -> str:
        """Return the document's title."""
        return str(self._value["info"]["title"])

    def to_jsonable(self) -> Json:
        """Return the document as JSON objects."""
        return self._value

    def to_json(self) -> str:
        """Return the document as JSON text."""
        return to_json(self._value)

    def to_yaml(self) -> str:
        """Return the document as YAML, which JSON is."""
        return to_json(self._value)


def _channels(row: Subject) -> list[tuple[str, Json]]:
    """Return the channel of a subject, and the one of its replies if it is answered."""
    name, message = channel_name(row), _component(payload(row))
    channel: Json = {
        "address": row.template,
        "summary": row.description,
        "servers": [_ref("servers", "nats")],
        "messages": {message: _ref("components", "messages", message)},
        "parameters": {place: _ref("components", "parameters", place) for place in row.places},
        "tags": [{"name": row.owner}],
        "x-nats": _nats(row),
    }
    if row.kind not in ANSWERED:
        return [(name, channel)]
    answers = _answers(row)
    reply: Json = {
        "address": None,
        "summary": f"Replies to the requester's inbox for {row.template}: a value or an error, never silence.",
        "messages": {answer: _ref("components", "messages", answer) for answer in answers},
        "tags": [{"name": row.owner}],
    }
    return [(name, channel), (f"{name}.reply", reply)]


def _answers(row: Subject) -> tuple[str, ...]:
    """Return the names of a subject's replies: a value, or an error."""
    refusal = EntryRefused if row.kind is SubjectKind.ENTRY else ErrorReply
    return tuple(dict.fromkeys((_component(model_named(row.reply)), _component(refusal))))


def _nats(row: Subject) -> Json:
    """Return the NATS properties of a subject."""
    return {
        "pattern": row.pattern(),
        "kind": row.kind.value,
        "owner": row.owner,
        "stream": row.stream or None,
        "short": row.short or None,
        "answered_by": "stream"
        if row.kind is SubjectKind.COMMAND
        else row.owner
        if row.kind in ANSWERED
        else None,
    }


def _verb(row: Subject) -> str:
    return "send" if row.kind in (*PUBLISHED, SubjectKind.SPAN) else "receive"


def _operation(row: Subject) -> Json:
    name = channel_name(row)
    operation: Json = {
        "action": _verb(row),
        "channel": _ref("channels", name),
        "summary": row.description,
        "messages": [_ref("channels", name, "messages", _component(payload(row)))],
        "tags": [{"name": row.owner}],
    }
    if row.kind in ANSWERED:
        answers = _answers(row)
        operation["reply"] = {
            "address": {"location": "$message.header#/reply", "description": "The NATS reply subject."},
            "channel": _ref("channels", f"{name}.reply"),
            "messages": [_ref("channels", f"{name}.reply", "messages", answer) for answer in answers],
        }
    return operation


def _models(rows: list[Subject]) -> dict[str, type[BaseModel]]:
    """Return every message of some subjects by its name in the document."""
    found = [payload(row) for row in rows] + [model_named(row.reply) for row in rows if row.reply]
    if any(row.reply for row in rows):
        found += [ErrorReply, EntryRefused]
    return {_component(model): model for model in found}


def _component(model: type[BaseModel]) -> str:
    """Return a model's name in the document: an event's ends with `Event`, as its alias in the schemas."""
    return f"{_data(model).__name__}Event" if issubclass(model, Event) else model.__name__


def _data(model: type[BaseModel]) -> Any:  # noqa: ANN401 - pydantic knows it only at run time
    """Return the model of a message's content: of an event its data, else the message itself."""
    annotation: Any = model.model_fields["data"].annotation if issubclass(model, Event) else model
    return annotation


def _message(name: str, model: type[BaseModel]) -> Json:
    enveloped = issubclass(model, Event)
    message: Json = {
        "name": name,
        "title": name,
        "summary": " ".join((_data(model).__doc__ or "").split()),
        "contentType": getattr(model, "content_type", "application/json"),
        "payload": _ref("components", "schemas", name),
    }
    if enveloped:
        message["correlationId"] = {
            "location": "$message.payload#/correlation_id",
            "description": PLACES["run"],
        }
    return message


def _schemas(models: dict[str, type[BaseModel]]) -> Json:
    """Return the JSON schemas of models and everything they hold, by name."""
    mode: Literal["validation"] = "validation"
    wanted = [(model, mode) for model in models.values()]
    _, schema = models_json_schema(
        wanted, ref_template="#/components/schemas/{model}", schema_generator=DocumentedJsonSchema
    )
    text = json.dumps(schema.get("$defs", {}))
    for name, model in models.items():
        made = model.__name__.replace("[", "_").replace("]", "_")
        text = text.replace(f'/{made}"', f'/{name}"').replace(f'"{made}": ', f'"{name}": ')
    found: Json = json.loads(text)
    for name in models:
        found[name]["title"] = name
    return dict(sorted(found.items()))


def _ref(*path: str) -> Json:
    return {"$ref": "#/" + "/".join(path)}
