"""The observation of an agent: all that it knows at a tick, as data and as the JSON text that a prompt shows a model. Pure.

The text has one form for one observation: fields in the order below, no spaces, amounts of money as decimal text in
credits. Models and JSON readers round large integers, and a model copies `3.25` better than it converts 3250000.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final, NamedTuple

from pydantic import TypeAdapter

from econsim.schemas.model_call import ChatRole, Prompt
from econsim.schemas.money import format_credits
from econsim.schemas.orders import Side
from econsim.schemas.social import QuestionState
from econsim.schemas.social_tasks import TaskState
from econsim.schemas.types import MICROS_PER_CREDIT

CREDIT_DECIMALS: Final = 6
"""Decimals of an amount in credits."""

AMOUNTS_REMEMBERED_MAX: Final = 4_096
"""Amounts whose text is remembered: the agents of a run see the same prices."""

OPENINGS_MAX: Final = 10
"""Places at which an observation is looked for, from the end: a text of nothing but beginnings costs no more."""

_SIDES: Final = {side.value: side for side in Side}

_OPENING: Final = re.compile(r'\{\s*"agent"\s*:')
"""Beginning of an observation's text: its first field."""

_DECODER: Final = json.JSONDecoder()
_TEXT: Final = TypeAdapter(dict[str, object])


class ObservedOrder(NamedTuple):
    """An open order of the agent's own."""

    order_id: str
    """Id of the order."""
    side: Side
    """Side of the order."""
    price: int
    """Limit of the order, micro-credits a unit."""
    quantity: int
    """Open units of the order."""


class ObservedMarket(NamedTuple):
    """One market as an agent sees it: its public prices, and the agent's own role and orders there."""

    resource: str
    """Resource of the market."""
    tick_size: int
    """Tick size, micro-credits: every price is a multiple of it."""
    price_min: int
    """Price floor, micro-credits."""
    price_max: int
    """Price ceiling, micro-credits."""
    lot_size: int = 1
    """Lot size: every quantity is a multiple of it."""
    best_bid: int | None = None
    """Highest bid, micro-credits; None without any."""
    best_ask: int | None = None
    """Lowest ask, micro-credits; None without any."""
    last_price: int | None = None
    """Price of the last trade, micro-credits; None before the first."""
    side: Side | None = None
    """Side of the agent's role: `bid` buys, `ask` sells; None without a role."""
    value: int | None = None
    """Private value or cost of the next unit, micro-credits; None when all units are traded, and without a role."""
    traded: int = 0
    """Units that the agent traded in this period."""
    orders: tuple[ObservedOrder, ...] = ()
    """Open orders of the agent's own, oldest first."""


class TokenSupply(NamedTuple):
    """The units that thinking uses up, in a scenario where it uses up a resource."""

    resource: str
    """Token resource of the scenario."""
    units: int
    """Units that the agent has and no order or call holds."""
    needed: int
    """Units that the next thought may use up."""


class ObservedTask(NamedTuple):
    """A task that the agent delegated, or may work on."""

    task_id: str
    """Id of the task."""
    delegator: str
    """Agent that delegated the task and pays."""
    taker: str
    """Agent that does the task and is paid."""
    text: str
    """Description of the task."""
    price: int
    """Payment for an approved result, micro-credits."""
    state: TaskState
    """State of the task."""
    deadline_tick: int
    """Tick at whose end the task expires."""
    result: str = ""
    """Result that the taker gave."""
    reason: str = ""
    """Reason of the end."""


class ObservedQuestion(NamedTuple):
    """A question that the agent asked a person."""

    question_id: str
    """Id of the question."""
    text: str
    """Text of the question."""
    state: QuestionState
    """State of the question."""
    answer: str | None = None
    """Answer, also the default; None while there is none."""
    ended_tick: int | None = None
    """Tick at which the question ended; None while it waits."""


class AgentObservation(NamedTuple):
    """All that an agent knows at a tick."""

    agent: str
    """Agent that observes."""
    tick: int
    """Tick of the run."""
    period: int
    """Trading day."""
    tick_of_period: int
    """Ticks since the period opened, from 1."""
    credits: int
    """Credits that the agent can spend, micro-credits."""
    pending: int
    """Credits that its open orders and calls hold, micro-credits."""
    holdings: Mapping[str, int]
    """Resource → units that the agent has and no order or call holds."""
    markets: tuple[ObservedMarket, ...]
    """Markets of the run, in the scenario's order."""
    tokens: TokenSupply | None = None
    """Supply of the token resource; None if thinking costs credits alone."""
    tasks: tuple[ObservedTask, ...] | None = None
    """Tasks of the agent by id; None for an agent without tools for people and tasks."""
    questions: tuple[ObservedQuestion, ...] | None = None
    """Newest questions of the agent, oldest first; None for an agent without such tools."""
    last_cycle: int = 0
    """Tick of the agent's cycle before this one, 0 for none. No model is told."""

    def market(self, resource: str) -> ObservedMarket | None:
        """Return the market of a resource; None if the run has none."""
        return next((market for market in self.markets if market.resource == resource), None)


def observation_text(observation: AgentObservation) -> str:
    """Return the canonical JSON text of an observation."""
    tokens = observation.tokens
    found: dict[str, object] = {
        "agent": observation.agent,
        "tick": observation.tick,
        "period": observation.period,
        "tick_of_period": observation.tick_of_period,
        "credits": _credits(observation.credits),
        "pending": _credits(observation.pending),
        "holdings": dict(observation.holdings),
        "markets": [_market_fields(market) for market in observation.markets],
    }
    if tokens is not None:
        found["tokens"] = {"resource": tokens.resource, "units": tokens.units, "needed": tokens.needed}
    if observation.tasks is not None:
        tasks = [{**each._asdict(), "price": _credits(each.price)} for each in observation.tasks]
        found["tasks"], found["questions"] = tasks, [each._asdict() for each in observation.questions or ()]
    return _TEXT.dump_json(found).decode()


def find_observation(text: str) -> AgentObservation | None:
    """Return the last observation that stands in a text, whatever stands around it; None without any."""
    for opening in reversed([*_OPENING.finditer(text)][-OPENINGS_MAX:]):
        try:
            found, _ = _DECODER.raw_decode(text, opening.start())
            return _observation(found)
        except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError):
            continue
    return None


def prompt_observation(prompt: Prompt) -> AgentObservation | None:
    """Return the observation in the last message of the user; None if it has none."""
    for message in reversed(prompt.messages):
        if message.role is ChatRole.USER:
            return find_observation(message.content)
    return None


def _market_fields(market: ObservedMarket) -> dict[str, object]:
    return {
        "resource": market.resource,
        "tick_size": _credits(market.tick_size),
        "price_min": _credits(market.price_min),
        "price_max": _credits(market.price_max),
        "lot_size": market.lot_size,
        "best_bid": _text_of(market.best_bid),
        "best_ask": _text_of(market.best_ask),
        "last_price": _text_of(market.last_price),
        "side": market.side,
        "value": _text_of(market.value),
        "traded": market.traded,
        "orders": [
            {
                "order_id": order.order_id,
                "side": order.side,
                "price": _credits(order.price),
                "quantity": order.quantity,
            }
            for order in market.orders
        ],
    }


@lru_cache(maxsize=AMOUNTS_REMEMBERED_MAX)
def _credits(micros: int) -> str:
    return format_credits(micros)


def _text_of(micros: int | None) -> str | None:
    return None if micros is None else _credits(micros)


# The readers below raise any of the errors that `find_observation` catches: a text that has the form of an observation
# was written by `observation_text`, and what only resembles it is none.


def _observation(found: dict[str, Any]) -> AgentObservation:
    tokens, tasks, questions = found.get("tokens"), found.get("tasks"), found.get("questions")
    return AgentObservation(
        str(found["agent"]),
        int(found["tick"]),
        int(found["period"]),
        int(found["tick_of_period"]),
        _micros(found["credits"]),
        _micros(found["pending"]),
        {str(resource): int(units) for resource, units in found["holdings"].items()},
        tuple(_market(each) for each in found["markets"]),
        tokens and TokenSupply(str(tokens["resource"]), int(tokens["units"]), int(tokens["needed"])),
        None if tasks is None else tuple(map(_task, tasks)),
        None if questions is None else tuple(map(_question, questions)),
    )


def _task(found: dict[str, Any]) -> ObservedTask:
    price, state = _micros(found["price"]), TaskState(found["state"])
    return ObservedTask(**{**found, "price": price, "state": state})


def _question(found: dict[str, Any]) -> ObservedQuestion:
    return ObservedQuestion(**{**found, "state": QuestionState(found["state"])})


def _market(found: dict[str, Any]) -> ObservedMarket:
    side = found["side"]
    return ObservedMarket(
        str(found["resource"]),
        _micros(found["tick_size"]),
        _micros(found["price_min"]),
        _micros(found["price_max"]),
        int(found["lot_size"]),
        _micros_or_none(found["best_bid"]),
        _micros_or_none(found["best_ask"]),
        _micros_or_none(found["last_price"]),
        None if side is None else _SIDES[side],
        _micros_or_none(found["value"]),
        int(found["traded"]),
        tuple(
            ObservedOrder(
                str(order["order_id"]), _SIDES[order["side"]], _micros(order["price"]), int(order["quantity"])
            )
            for order in found["orders"]
        ),
    )


def _micros_or_none(text: str | None) -> int | None:
    return None if text is None else _micros(text)


@lru_cache(maxsize=AMOUNTS_REMEMBERED_MAX)
def _micros(text: str) -> int:
    """Return credits as `format_credits` writes them in micro-credits; a tenth of the time of `parse_credits`."""
    whole, _, decimals = text.partition(".")
    if len(decimals) > CREDIT_DECIMALS:
        message = f"{text!r} has more than six decimals"
        raise ValueError(message)
    micros = int(whole) * MICROS_PER_CREDIT
    rest = int(decimals.ljust(CREDIT_DECIMALS, "0")) if decimals else 0
    return micros - rest if whole.startswith("-") else micros + rest
