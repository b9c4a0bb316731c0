"""From commands to actions: identity, form and size are checked before a book sees a command.

A command that passes cannot stop a book: the market refuses any other mistake in it with an item. The sender's identity is
the subject's last token; the payload may repeat it but not change it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from econsim.domain.agent.active_run import agent_is_not_in_this_run
from econsim.domain.agent.population import Agent, host_name
from econsim.domain.market.order_ids import scoped_order_id
from econsim.domain.market.order_terms import InvalidAction
from econsim.errors import InvalidMessage, NotAllowed
from econsim.schemas.base import Command, validation_message
from econsim.schemas.orders import (
    Action,
    CancelOrder,
    CloseTick,
    OrderKind,
    PlaceAsk,
    PlaceBid,
    PlaceOrders,
    ReplaceOrder,
    Verb,
)
from econsim.schemas.subject import Parsed
from econsim.schemas.types import Name, OrderId

COMMAND_BYTES_MAX: Final = 4_096
"""Bytes in one agent's command: six times the largest valid one."""

CLOCK: Final = "clock"
"""Sender that may close ticks; no other may."""

UNREADABLE: Final = "unreadable"
"""Order id in the refusal of a command that names no order."""

_ORDER_ID: Final = re.compile(
    rb'"order_id"\s*:\s*"((?:[a-z0-9][a-z0-9_-]{0,47}\.)?[a-z0-9][a-z0-9_-]{0,63})"'
)

TRUSTED: Final = frozenset({"place_orders", "close_tick"})
"""Commands that only hosts and the clock send; each of the others is one agent's own."""

_MODELS: Final[Mapping[str, type[Command]]] = {
    "place_bid": PlaceBid,
    "place_ask": PlaceAsk,
    "cancel_order": CancelOrder,
    "replace_order": ReplaceOrder,
    "place_orders": PlaceOrders,
    "close_tick": CloseTick,
}


_BOUNDS: Final = ("greater_than_equal", "less_than_equal")


@cache
def _action() -> TypeAdapter[Action]:
    """Return the parser of actions; made late, because many load this module for its limits alone."""
    return TypeAdapter(Action)


@cache
def _names() -> Mapping[str, TypeAdapter[str]]:
    """Return the parsers of an action's names."""
    return {"agent": TypeAdapter(Name), "order_id": TypeAdapter(OrderId)}


def parse_command(
    subject: Parsed, payload: bytes, roster: Mapping[str, Agent]
) -> CloseTick | tuple[Action, ...]:
    """Return the clock's `CloseTick`, or the actions that a command asks for.

    Raises InvalidMessage for a payload outside its schema, NotFound for an agent that is not in the run,
    NotAllowed for an identity that does not match its subject.
    """
    command = _parse(subject.action, payload)
    _check_identity(command, subject.agent)
    if isinstance(command, CloseTick):
        _check_clock(subject.agent)
        return command
    if isinstance(command, PlaceOrders):
        return tuple(_host_action(subject.agent, action, roster) for action in command.actions)
    if subject.agent not in roster:
        raise agent_is_not_in_this_run(subject.agent, subject.run)
    return (action_of(command, subject.agent),)


def parse_agent_command(action: str, agent: str, payload: bytes) -> Command:
    """Return one agent's own command; raises InvalidMessage, or NotAllowed for another agent's identity or order."""
    command = _parse(action, payload)
    _check_identity(command, agent)
    action_of(command, agent)
    return command


def action_of(command: Command, agent: str) -> Action:
    """Return the action that one agent's command asks for, its orders under their ids in the run.

    Raises NotAllowed for another agent's order, InvalidMessage for an id that is too long.
    """
    match command:
        case PlaceBid() | PlaceAsk():
            verb = Verb.BID if isinstance(command, PlaceBid) else Verb.ASK
            order_id = scoped_order_id(agent, command.order_id)
            return Action(verb, agent, order_id, command.price, command.quantity, command.kind)
        case ReplaceOrder():
            return Action(
                Verb.REPLACE,
                agent,
                scoped_order_id(agent, command.order_id),
                command.price,
                command.quantity,
                new_order_id=scoped_order_id(agent, command.new_order_id),
            )
        case CancelOrder():
            return Action(Verb.CANCEL, agent, scoped_order_id(agent, command.order_id))
        case _:
            raise TypeError(type(command).__name__)


def readable_order_id(subject: Parsed, payload: bytes) -> str:
    """Return the order id in a refused command, so that its sender knows which one; UNREADABLE if there is none."""
    found = _ORDER_ID.search(payload[:COMMAND_BYTES_MAX])
    if not found:
        return UNREADABLE
    order_id = found[1].decode()
    return order_id if subject.action in TRUSTED or "." in order_id else f"{subject.agent}.{order_id}"


def _check_identity(command: Command, agent: str) -> None:
    if command.agent_id not in (None, agent):
        message = f"agent_id says {command.agent_id!r}, but the subject says {agent!r}; leave it out"
        raise NotAllowed(message, code="agent_id_does_not_match_subject")


def _parse(action: str, payload: bytes) -> Command:
    if action not in TRUSTED and len(payload) > COMMAND_BYTES_MAX:
        message = f"the command has {len(payload)} bytes; at most {COMMAND_BYTES_MAX} are taken"
        raise InvalidMessage(message, code="message_is_too_large")
    parse: Callable[[bytes], Any] = _MODELS[action].model_validate_json
    try:
        command: Command = parse(payload)
    except ValidationError as error:
        if action == "place_orders" and all(_is_in_an_action(each["loc"]) for each in error.errors()):
            return _parse_batch(payload)
        raise InvalidMessage(validation_message(error)) from error
    return command


def _is_in_an_action(where: tuple[int | str, ...]) -> bool:
    return len(where) > 1 and where[0] == "actions"


def _parse_batch(payload: bytes) -> PlaceOrders:
    """Return a batch with wrong actions in it: each action is parsed by itself."""
    document = json.loads(payload)
    actions = tuple(map(_parse_action, document["actions"]))
    command = PlaceOrders.model_validate_json(json.dumps(document | {"actions": []}))
    return command.model_copy(update={"actions": actions})


def _parse_action(found: object) -> Action:
    """Return one action as far as it can be read.

    A number beyond its bounds is kept: the market refuses it with the same code for every sender.
    """
    try:
        return _action().validate_json(json.dumps(found))
    except ValidationError as error:
        named = found if isinstance(found, dict) else {}
        beyond = {str(each["loc"][-1]): each["input"] for each in error.errors() if each["type"] in _BOUNDS}
        if len(beyond) == error.error_count():
            return replace(_parse_action(named | dict.fromkeys(beyond, 0)), **beyond)
        agent, order_id = _readable("agent", named), _readable("order_id", named)
        return InvalidAction(Verb.CANCEL, agent, order_id, code="action_does_not_follow_its_schema")


def _readable(key: str, found: Mapping[str, object]) -> str:
    try:
        return _names()[key].validate_python(found.get(key))
    except ValidationError:
        return UNREADABLE


def _host_action(host: str, action: Action, roster: Mapping[str, Agent]) -> Action:
    """Return a host's action; an InvalidAction if the host may not send it, or if no single command could ask for it."""
    agent = roster.get(action.agent)
    if agent is None or agent.host is None or host_name(agent.host) != host:
        code = action.code if isinstance(action, InvalidAction) else "agent_belongs_to_another_host"
        return InvalidAction(action.verb, host, action.order_id, code=code)
    if isinstance(action, InvalidAction):
        return action
    replaces = action.verb is Verb.REPLACE
    if replaces != (action.new_order_id is not None):
        code = "new_order_id_belongs_to_a_replace"
    elif replaces and action.kind is not OrderKind.LIMIT:
        code = "replacement_keeps_the_kind_of_its_order"
    else:
        return action
    return InvalidAction(action.verb, action.agent, action.order_id, code=code)


def _check_clock(sender: str) -> None:
    if sender != CLOCK:
        message = f"{sender!r} may not close ticks; only the clock does"
        raise NotAllowed(message, code="only_the_clock_closes_ticks")
