"""The words of expectations, held against the catalog of events: types, and paths of fields. Pure.

A type is resolved to that of the catalog, with the market, the tool server or the agent that its long form names. An unknown
word is refused with the nearest one: an expectation of nothing would never fail.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Final

from econsim import subjects
from econsim.domain.audit.event_data import EVENT_TYPES, data_class
from econsim.domain.expectation.annotations import (
    ValueKind,
    classes,
    fields,
    fields_below,
    is_list,
    kinds,
    own_fields,
    words,
)
from econsim.errors import InvalidExpectation
from econsim.schemas.base import Message
from econsim.schemas.subject import DOMAINS, PLACE, SubjectKind

REPORTED: Final = f"{subjects.REPORTED.type.partition('.')[0]}.reported"
"""Name of the reports that external agents make under names of their own; field `action` has the report's name."""

REPORTS: Final = f"{REPORTED.partition('.')[0]}."
"""Beginning of the types of agents' reports, which may be about others than their actor."""

CATALOG: Final[Collection[str]] = dict.fromkeys(
    REPORTED if kind == subjects.REPORTED.type else kind for kind in EVENT_TYPES
).keys()
"""Types of events."""

ALIASES: Final[Mapping[str, str]] = {
    "bid_placed": subjects.BID_ACCEPTED.type,
    "ask_placed": subjects.ASK_ACCEPTED.type,
    "cognitive_cycle_started": subjects.COGNITIVE_CYCLES_STARTED.type,
    "cognitive_cycle_completed": subjects.COGNITIVE_CYCLES_COMPLETED.type,
    "llm.invoke": subjects.LLM_INVOKED.type,
    "tool.completed": subjects.TOOL_COMPLETED.type,
    "tool.failed": subjects.TOOL_FAILED.type,
}
"""Further names of types, as people say them who think of one agent or of the request."""

PLACED: Final[Mapping[str, tuple[str, str]]] = {
    ".".join(row.template.split(".")[1:3]): (row.type, row.template.split(".")[1])
    for row in subjects.TABLE
    if row.kind is SubjectKind.EVENT and not PLACE.search(".".join(row.template.split(".")[1:3]))
}
"""Second and third token of the subject of an event, such as `run.closed` → its type and second token."""

REFUSALS: Final = (subjects.ORDER_REJECTED.type, subjects.TRANSFER_REFUSED.type)
"""Types that are meant by who looks for errors: refusals are events, with their code or reason."""

ENVELOPE: Final = (
    "actor",
    "agent",
    "type",
    "tick",
    "entity",
    "action",
    "event_id",
    "causation_id",
    "occurred_at",
)
"""Fields beside the data; `agent` is the actor of the event or item, and `entity` and `action` are tokens of the subject."""

MONEY_FIELDS: Final = frozenset({"price", "cached_price", "paid", "reserved", "bid", "ask", "last"})
"""Fields of events that hold micro-credits; expectations write and read them in credits."""


_OF_LEDGER: Final = (subjects.TRANSFER_POSTED.type, subjects.TRANSFER_REFUSED.type)


@dataclass(frozen=True, slots=True)
class Look:
    """Events that a pattern looks at."""

    type: str
    """Type of the events, of the catalog."""
    entity: str = ""
    """Second token of the subject that they must have; empty for any."""
    agent: str = ""
    """Agent that they must be about; empty for any."""


def data_of(kind: str) -> type[Message]:
    """Return the class of the data of events of a type of the catalog."""
    return data_class(subjects.REPORTED.type if kind == REPORTED else kind)


def resolve(text: str) -> Look:
    """Return what the type of a pattern stands for; raises InvalidExpectation with the nearest name."""
    if found := _type_of(text):
        return Look(found)
    if text in PLACED:
        return Look(*PLACED[text])
    domain, _, rest = text.partition(".")
    entity, _, action = rest.partition(".")
    if domain in DOMAINS and entity and action:
        if domain == "agent" and (found := _type_of(action) or _type_of(f"{domain}.{action}")):
            return Look(found, agent=entity)
        if f"{domain}.{action}" in CATALOG:
            return Look(f"{domain}.{action}", entity=entity)
    raise _unknown_type(text)


def check_place(look: Look, agents: Iterable[str], entities: Iterable[str]) -> None:
    """Refuse an agent or a market that there is not; raises InvalidExpectation with the nearest name."""
    in_market = look.type.partition(".")[0] == "market" and look.type not in _OF_LEDGER
    for name, known, what in (
        (look.agent, agents, "agent"),
        (look.entity if in_market else "", entities, "market"),
    ):
        if name and name not in (names := [*known]):
            message = (
                f"there is no {what} {name!r} in this scenario; did you mean {nearest(name, names)[0]!r}?"
            )
            raise InvalidExpectation(message, name=name)


def holds_agent(kind: str, path: str) -> bool:
    """Return whether a field of events of a type always names an agent, and never a service."""
    is_trade = kind == subjects.TRADE_EXECUTED.type
    if path in ("agent", "actor"):
        return is_trade or (
            kind.partition(".")[0] == "market" and value_kind(kind, "data.agent") is ValueKind.TEXT
        )
    return (path == "data.agent" and value_kind(kind, path) is ValueKind.TEXT) or (
        is_trade and path.removeprefix("data.") in ("buyer", "seller")
    )


def check_agents(kind: str, path: str, operands: Iterable[object], agents: Iterable[str]) -> None:
    """Refuse an agent that there is not, in a field that names one; raises InvalidExpectation with the nearest name."""
    if holds_agent(kind, path):
        names = [*agents]
        for name in operands:
            if isinstance(name, str) and name not in names:
                message = (
                    f"{path} is compared with {name!r}, and there is no such agent in this scenario; "
                    f"did you mean {nearest(name, names)[0]!r}?"
                )
                raise InvalidExpectation(message, name=name)


def check_field(kind: str, path: str) -> None:
    """Refuse a path that events of this type do not have; raises InvalidExpectation with the nearest name."""
    first, *below = segments(path)
    if first in ENVELOPE and not path.startswith("data."):
        if below:
            message = f"{path!r} is no field: {first} has no fields below it"
            raise InvalidExpectation(message, name=path)
        return
    known = fields(data_of(kind))
    at, rest = kind, [first, *below]
    while rest and known is not None:
        name = rest.pop(0)
        if name not in known:
            extra = () if at != kind else ENVELOPE
            raise _unknown_field(path, at, (*known, *extra))
        at, annotation = name, known[name]
        known = fields_below(annotation)
        if rest and is_list(annotation):
            known = _fields_of_entry(path, at, rest.pop(0), annotation)
        elif rest and None not in kinds(annotation):
            message = f"{path!r} is no field: {at} has no fields below it"
            raise InvalidExpectation(message, name=path)


def value_kind(kind: str, path: str) -> ValueKind | None:
    """Return the kind of values that a field of events of a type has; none if that cannot be told, or it has several."""
    first = segments(path)[0]
    if first in ENVELOPE and not path.startswith("data."):
        return ValueKind.NUMBER if first == "tick" else ValueKind.TEXT
    # Money of a scenario is a number in its schema, and text where it is written.
    if first == "scenario":
        return None
    found = set(kinds(_annotation(kind, path)))
    return found.pop() if len(found) == 1 else None


def check_words(kind: str, path: str, operands: Iterable[object]) -> None:
    """Refuse a word that a field never has, where its words are a closed set; raises InvalidExpectation with the nearest one."""
    if segments(path)[0] in ENVELOPE and not path.startswith("data."):
        return
    known = words(_annotation(kind, path))
    for word in operands if known else ():
        if isinstance(word, str) and word not in known:
            message = f"{path} is never {word!r}; did you mean {nearest(word, known)[0]!r}? It is one of {', '.join(sorted(known))}"
            raise InvalidExpectation(message, name=path)


def _annotation(kind: str, path: str) -> object:
    """Return the annotation of a field of events of a type; none if it is not known."""
    known, annotation = fields(data_of(kind)), None
    for name in segments(path):
        if known is None or name not in known:
            return None
        annotation = known[name]
        known = fields_below(annotation)
    return annotation


def segments(path: str) -> list[str]:
    """Return the names of a path; `data.` at its beginning may be left out."""
    return path.removeprefix("data.").split(".")


def is_money(path: str) -> bool:
    """Return whether a field holds an amount of money; amounts of transfers are told by their asset instead."""
    return segments(path)[-1] in MONEY_FIELDS


def nearest(word: str, known: Iterable[str], count: int = 1) -> list[str]:
    """Return the known words that are most like a word; the best one even if it is not much like it."""
    names = list(known)
    return get_close_matches(word, names, n=count, cutoff=0.5) or get_close_matches(
        word, names, n=1, cutoff=0.0
    )


def _fields_of_entry(path: str, at: str, number: str, annotation: object) -> dict[str, Any] | None:
    """Return the fields of an entry of a list; refuses a path that does not say which, as it would never be met."""
    if not number.isdecimal():
        message = f"{path!r} is no field: {at} is a list, whose entries are {at}.0, {at}.1 and so on"
        raise InvalidExpectation(message, name=path)
    found = classes(annotation)
    return own_fields(found[0]) if len(found) == 1 else None


def _type_of(text: str) -> str:
    """Return the type that a short or full name stands for; empty if none does."""
    if text in CATALOG:
        return text
    if text in ALIASES:
        return ALIASES[text]
    found = [kind for kind in CATALOG if kind.partition(".")[2] == text]
    return found[0] if len(found) == 1 else ""


def _unknown_type(text: str) -> InvalidExpectation:
    last = text.rpartition(".")[2]
    by_action = {kind.partition(".")[2]: kind for kind in CATALOG}
    words = nearest(last, [*by_action, *ALIASES], 2)
    near = list(dict.fromkeys(by_action.get(each) or ALIASES[each] for each in words))
    if last in ("error", "refused", "rejected"):
        near = list(REFUSALS)
    message = f"{text!r} is no event of the catalog; did you mean {' or '.join(map(repr, near))}?"
    return InvalidExpectation(message, name=text)


def _unknown_field(path: str, where: str, known: Iterable[str]) -> InvalidExpectation:
    names = sorted({*known})
    near = get_close_matches(segments(path)[-1], names, n=1, cutoff=0.6)
    remedy = f"did you mean {near[0]!r}?" if near else f"its fields are {', '.join(names)}"
    return InvalidExpectation(f"{path!r} is no field of {where}; {remedy}", name=path)
