"""Ids of orders in a run: those of an external agent begin with its name, so no agent can take another's id. Pure.

Used by the market, which scopes the ids of commands, and by the SDK, which waits for the outcome of an order.
"""

from __future__ import annotations

from econsim.errors import InvalidMessage, NotAllowed
from econsim.schemas.types import ORDER_ID_LENGTH_MAX


def scoped_order_id(agent: str, order_id: str) -> str:
    """Return the id in the run of an external agent's order, `<agent>.<its own id>`; a scoped id stays as it is.

    Raises NotAllowed for another agent's order, InvalidMessage for an id that is too long.
    """
    owner, dot, own_id = order_id.rpartition(".")
    if dot and owner != agent:
        message = f"order {order_id!r} is {owner}'s, not {agent}'s; an agent's orders are its own to place and cancel"
        raise NotAllowed(message, code="order_belongs_to_another_agent")
    if len(own_id) > ORDER_ID_LENGTH_MAX:
        message = f"order_id has {len(own_id)} characters; at most {ORDER_ID_LENGTH_MAX} are taken"
        raise InvalidMessage(message)
    return f"{agent}.{own_id}"


def is_scoped(order_id: str) -> bool:
    """Return whether an order belongs to an external agent: hosts give their agents' orders ids without a dot."""
    return "." in order_id
