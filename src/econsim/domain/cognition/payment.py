"""Payment of a call at the ledger: the worst case is reserved before the call, the actual cost posted after it. Pure.

A call's money has two chains. Their ids derive from the call's receipt, so a repeat of either is idempotent, and the
ledger resolves a reservation at most once: reserved = posted + released, whatever fails in between::

    chain              when                         effect on the agent's account
    <receipt>          before a provider is asked   the worst case becomes pending; refused without enough credits
    <receipt>.settled  after the outcome is logged  the actual cost goes to holder `cognition`, the rest is released
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from econsim.domain.cognition.call import receipt
from econsim.domain.cognition.price import Cost
from econsim.schemas.cognition import CallOutcome
from econsim.schemas.ledger import CREDITS, Chain, Kind, Transfer
from econsim.schemas.model_call import CallPosition

PAYEE: Final = "cognition"
"""Holder that receives what agents pay for calls."""

SETTLED: Final = ".settled"
"""Last part of the id of the chain that resolves a reservation."""


def reservation(position: CallPosition, worst: Cost, resource: str | None) -> Chain:
    """Return the chain that reserves the worst case of a call; `resource` is the scenario's token resource."""
    id_ = receipt(position)
    transfers = tuple(
        Transfer(f"{id_}.{asset}", Kind.PENDING, position.agent, PAYEE, asset, amount)
        for asset, amount in _amounts(worst.price, worst.units, resource)
    )
    return Chain(id_, id_, transfers)


def settlement(outcome: CallOutcome, resource: str | None) -> Chain:
    """Return the chain that posts what a call cost and releases the rest of its reservation."""
    id_ = outcome.id
    transfers = tuple(
        Transfer(
            f"{id_}.{asset}{SETTLED}",
            Kind.POST if amount else Kind.VOID,
            outcome.agent,
            PAYEE,
            asset,
            amount,
            pending_id=f"{id_}.{asset}",
        )
        for asset, amount in _amounts(outcome.price, outcome.units, resource)
    )
    return Chain(f"{id_}{SETTLED}", id_, transfers)


def _amounts(price: int, units: int, resource: str | None) -> Iterable[tuple[str, int]]:
    yield CREDITS, price
    if resource is not None:
        yield resource, units
