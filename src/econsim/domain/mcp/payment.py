"""Payment of a call of a tool at the ledger: the price is reserved before the call, and posted if the server answered. Pure.

The chains' ids derive from the receipt, so that a repeat of either is idempotent. The id of the reservation's transfer
has the digest of the request in it: the ledger itself refuses a second request under the same receipt::

    chain              when                          effect on the agent's account
    <receipt>          before the server is asked    the price becomes pending; refused without enough credits
    <receipt>.settled  after the outcome is stored   the price goes to holder `mcp`, the rest is released
"""

from __future__ import annotations

from typing import Final

from econsim.domain.mcp.request import AskedCall
from econsim.errors import Conflict, EconsimError, Refused
from econsim.schemas.ledger import CREDITS, Chain, Kind, Refusal, Transfer
from econsim.schemas.mcp import ToolOutcome
from econsim.schemas.money import format_credits

PAYEE: Final = "mcp"
"""Holder that receives what agents pay for tools."""

SETTLED: Final = ".settled"
"""Last part of the id of the chain that resolves a reservation."""

_REPEATED: Final = (Refusal.EXISTS_WITH_DIFFERENT_FIELDS, Refusal.TRANSFER_ID_ALREADY_USED)

_REFUSED: Final = frozenset(each.value for each in Refusal if each not in _REPEATED)


def reservation(call: AskedCall, price: int) -> Chain:
    """Return the chain that reserves the price of a call, above 0."""
    id_ = _pending_id(call.id, call.digest)
    return Chain(call.id, call.id, (Transfer(id_, Kind.PENDING, call.agent, PAYEE, CREDITS, price),))


def settlement(outcome: ToolOutcome) -> Chain:
    """Return the chain that posts what a call cost and releases the rest of its reservation."""
    id_ = _pending_id(outcome.id, outcome.request_digest)
    transfer = Transfer(
        f"{id_}{SETTLED}",
        Kind.POST if outcome.price else Kind.VOID,
        outcome.agent,
        PAYEE,
        CREDITS,
        outcome.price,
        pending_id=id_,
    )
    return Chain(f"{outcome.id}{SETTLED}", outcome.id, (transfer,))


def reservation_refusal(call: AskedCall, price: int, refusal: Refusal) -> Refused:
    """Return the error for a reservation that the ledger refused."""
    if refusal in _REPEATED:
        return repeat_conflict(call)
    message = (
        f"{call.command.tool} of {call.server} costs {format_credits(price)} credits, which {call.agent!r} does not have "
        f"available ({refusal.value})"
    )
    return Refused(message, code=refusal.value)


def is_ledger_refusal(error: EconsimError) -> bool:
    """Return whether the ledger refused to reserve: then no earlier life of the call has reserved either."""
    return error.error_code in _REFUSED


def repeat_conflict(call: AskedCall) -> Conflict:
    """Return the error for another request under the id of a call that was made before."""
    message = (
        f"msg_id {call.command.msg_id!r} stands for another call; each call needs an id of its own, "
        "and a repeat the same tool and params"
    )
    return Conflict(message)


def _pending_id(receipt: str, digest: str) -> str:
    return f"{receipt}.{digest[:16]}"
