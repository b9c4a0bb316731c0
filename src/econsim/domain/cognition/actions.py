"""The actions in a model's answer: the schema that the answer must follow, and its reading into orders. Pure.

Prices are decimal text in credits, exactly as the observation shows them. A model copies text; a conversion to a number
of ticks is arithmetic, which small models get wrong. A JSON number is refused by the schema on purpose: limits on
numbers are not kept by every model, those on the digits of a text are. The grid and the limits of the market are
checked here, each action by itself, and a wrong action is left out with a sentence that the model can read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

from econsim.domain.cognition.answer_text import brief_text, json_values, whole_number
from econsim.domain.cognition.observation import AgentObservation, ObservedMarket
from econsim.schemas.model_call import CallPosition
from econsim.schemas.money import format_credits, parse_credits
from econsim.schemas.orders import Action, Verb
from econsim.schemas.types import QUANTITY_MAX

ACTIONS_MAX: Final = 16
"""Actions in one answer that are read."""

ACTIONS_ASKED_MAX: Final = 8
"""Actions in one answer that the schema allows: small models write as many as they may, and so many fit into 300 tokens."""

ACTIONS_PER_MARKET: Final = 2
"""Actions that the schema allows for each market: a cancel, and the order in its place."""

MEMORY_LENGTH_MAX: Final = 500
"""Characters of the note that a model leaves for its next thought."""

_PRICE: Final = re.compile(r"\$?\s*([0-9]{1,12}(\.[0-9]{1,12})?)\s*(cr|credits?)?\s*", re.IGNORECASE)
_FIELDS_OF_VERB: Final = ("verb", "action", "side", "type")
_VERBS: Final = {
    "bid": Verb.BID,
    "buy": Verb.BID,
    "ask": Verb.ASK,
    "sell": Verb.ASK,
    "offer": Verb.ASK,
    "cancel": Verb.CANCEL,
}
_PASSES: Final = frozenset({"hold", "none", "pass", "wait"})


@dataclass(frozen=True, slots=True)
class ParsedActions:
    """The reading of a model's answer."""

    actions: Mapping[str, tuple[Action, ...]] = field(default_factory=dict)
    """Resource → actions on its market, in the order of the answer."""
    memory: str | None = None
    """Note for the next thought; None if the answer has none."""
    refusals: tuple[str, ...] = ()
    """Sentence about each action that was left out, and about what was cut."""


def asked_actions_max(markets: int) -> int:
    """Return the number of actions that the schema of an answer allows on so many markets."""
    return min(ACTIONS_ASKED_MAX, ACTIONS_PER_MARKET * markets)


def answer_schema(observation: AgentObservation) -> dict[str, Any]:
    """Return the JSON Schema of an answer with actions; without cancels for an agent that has no open order."""
    resources = tuple(market.resource for market in observation.markets)
    return action_schema(resources, has_orders=any(market.orders for market in observation.markets))


@lru_cache(maxsize=64)
def action_schema(resources: tuple[str, ...], *, has_orders: bool = True) -> dict[str, Any]:
    """Return the JSON Schema of actions on these markets, with cancels if the agent has open orders; always the same object."""
    resource = {"type": "string", "enum": [*resources]}
    order = {
        "verb": {"type": "string", "enum": [Verb.BID.value, Verb.ASK.value]},
        "resource": resource,
        "price": {"type": "string", "pattern": r"^[0-9]{1,4}(\.[0-9]{1,6})?$"},
        "quantity": {"type": "integer", "minimum": 1, "maximum": QUANTITY_MAX},
    }
    cancel = {
        "verb": {"type": "string", "enum": [Verb.CANCEL.value]},
        "resource": resource,
        "order_id": {"type": "string", "pattern": r"^[a-z0-9][a-z0-9_.-]{0,112}$"},
    }
    forms = [_closed_object(order, [*order]), _closed_object(cancel, [*cancel])]
    actions = {
        "type": "array",
        "maxItems": asked_actions_max(len(resources)),
        "items": {"anyOf": forms if has_orders else forms[:1]},
    }
    memory = {"type": "string", "maxLength": MEMORY_LENGTH_MAX}
    return _closed_object({"actions": actions, "memory": memory}, ["actions"])


def parse_actions(text: str, observation: AgentObservation, ordinal: int = 1) -> ParsedActions:
    """Return the actions in an answer to the call of this ordinal, as orders of the observing agent.

    Never raises: a text without actions gives none, with a sentence. Order ids derive from the position of the call and
    the place in the answer, so that a repeat of the thought gives the same orders.
    """
    found = _answer(json_values(text))
    if found is None:
        return ParsedActions(refusals=("the answer has no JSON object with a list of actions",))
    rows, note = found
    position = CallPosition(observation.agent, observation.tick, ordinal)
    actions: dict[str, list[Action]] = {}
    refusals: list[str] = []
    for place, row in enumerate(rows[:ACTIONS_MAX]):
        try:
            if (read := _action(row, observation, _order_id(position, place))) is not None:
                actions.setdefault(read[0], []).append(read[1])
        except ValueError as refusal:
            refusals.append(f"action {place + 1} is left out: {refusal}")
    if len(rows) > ACTIONS_MAX:
        refusals.append(
            f"the answer has {len(rows)} actions; those after the first {ACTIONS_MAX} are left out"
        )
    memory = _memory(note, refusals)
    return ParsedActions({name: tuple(each) for name, each in actions.items()}, memory, tuple(refusals))


def _closed_object(properties: dict[str, Any], required: list[str]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }


def _answer(values: list[object]) -> tuple[list[object], object] | None:
    """Return the rows of actions and the note among the JSON values of an answer; None without any.

    A model that thinks aloud answers last, so the last value with a list of actions counts. Without one, every object
    with a verb is an action.
    """
    for value in reversed(values):
        rows = value.get("actions") if isinstance(value, dict) else value
        if isinstance(rows, dict):
            rows = [rows]
        if isinstance(value, dict) and isinstance(rows, list):
            return rows, value.get("memory")
        if isinstance(rows, list) and rows and isinstance(rows[0], dict):
            return rows, None
    single = [value for value in values if isinstance(value, dict) and "verb" in value]
    return ([*single], single[-1].get("memory")) if single else None


def _memory(note: object, refusals: list[str]) -> str | None:
    if not isinstance(note, str) or not note.strip():
        return None
    if len(note) > MEMORY_LENGTH_MAX:
        refusals.append(
            f"memory has {len(note)} characters; those after the first {MEMORY_LENGTH_MAX} are cut"
        )
    return note[:MEMORY_LENGTH_MAX]


def _order_id(position: CallPosition, place: int) -> str:
    return f"{position.agent}-{position.cycle}-{position.ordinal}-{place}"


# The readers below raise ValueError with the reason why one action is left out.


def _action(row: object, observation: AgentObservation, order_id: str) -> tuple[str, Action] | None:
    """Return the resource and the order of one action; None for an action that does nothing."""
    if not isinstance(row, dict):
        message = f"{brief_text(row)} is not an object with verb, resource, price and quantity"
        raise ValueError(message)  # noqa: TRY004 - the reason why an action is left out, like the others
    verb = _verb(row)
    if verb is None:
        return None
    market = _market(row, observation)
    if verb is Verb.CANCEL:
        return market.resource, Action(verb, observation.agent, _own_order(row, market))
    price, quantity = _price(row, market), _quantity(row, market)
    return market.resource, Action(verb, observation.agent, order_id, price, quantity)


def _verb(row: Mapping[str, object]) -> Verb | None:
    said = next((row[name] for name in _FIELDS_OF_VERB if name in row), None)
    word = said.strip().lower() if isinstance(said, str) else ""
    if word in _PASSES:
        return None
    if word not in _VERBS:
        message = f"verb {brief_text(said)} is none of bid, ask and cancel"
        raise ValueError(message)
    return _VERBS[word]


def _market(row: Mapping[str, object], observation: AgentObservation) -> ObservedMarket:
    said = row.get("resource")
    name = said.strip().lower() if isinstance(said, str) else None
    if name is None and len(observation.markets) == 1:
        return observation.markets[0]
    market = None if name is None else observation.market(name)
    if market is None:
        message = f"there is no market {brief_text(said)}; there are {_names(m.resource for m in observation.markets)}"
        raise ValueError(message)
    return market


def _own_order(row: Mapping[str, object], market: ObservedMarket) -> str:
    said, own = row.get("order_id"), [order.order_id for order in market.orders]
    if said not in own:
        message = f"order {brief_text(said)} is not an open order of yours on {market.resource}; yours are {_names(own)}"
        raise ValueError(message)
    return str(said)


def _quantity(row: Mapping[str, object], market: ObservedMarket) -> int:
    quantity = whole_number(row.get("quantity", str(market.lot_size)))
    if quantity is None or not 1 <= quantity <= QUANTITY_MAX:
        message = f"quantity {brief_text(row.get('quantity'))} is not a whole number from 1 to {QUANTITY_MAX}"
        raise ValueError(message)
    if quantity % market.lot_size:
        message = f"quantity {quantity} is not a multiple of the lot size {market.lot_size}"
        raise ValueError(message)
    return quantity


def _price(row: Mapping[str, object], market: ObservedMarket) -> int:
    said = row.get("price")
    match = _PRICE.fullmatch(said) if isinstance(said, str) else None
    if match is None:
        message = f"price {brief_text(said)} is not an amount of credits; write it like 3.25"
        raise ValueError(message)
    price = parse_credits(match[1])
    if not market.price_min <= price <= market.price_max:
        limits = f"{format_credits(market.price_min)} to {format_credits(market.price_max)}"
        message = f"price {format_credits(price)} is outside the limits of {market.resource}, {limits}"
        raise ValueError(message)
    if price % market.tick_size:
        below = price - price % market.tick_size
        near = f"{format_credits(below)} and {format_credits(below + market.tick_size)}"
        message = f"price {format_credits(price)} is not a multiple of {format_credits(market.tick_size)}; near are {near}"
        raise ValueError(message)
    return price


def _names(names: Iterable[str]) -> str:
    return ", ".join(names) or "none"
