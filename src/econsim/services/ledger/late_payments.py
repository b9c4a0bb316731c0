"""Payments that come too late: between the end of a period's trading and its settlement services begin none.

The clock settles a period by what agents own, so nothing may change that meanwhile. It closes the payments of the period's
last tick and those before, waits until the ledger has no reservation left, and settles.
"""

from __future__ import annotations

from typing import Final

from econsim.errors import NotAllowed, Unavailable
from econsim.schemas.ledger import PERIOD_IS_CLOSING, Chain, Kind, Submit
from econsim.services.ledger.writer import LedgerWriter

CLOCK: Final = "clock"
"""Service that alone closes payments."""

SETTLERS: Final = frozenset({CLOCK, "market"})
"""Services that end a period; what they submit is never late."""

RETRY_MS: Final = 200
"""Milliseconds after which a payment may be tried again: a settlement takes some commits."""


def require_clock(sender: str, command: Submit) -> None:
    """Raise NotAllowed if another than the clock closes the payments of a period."""
    if command.closes_payments and sender != CLOCK:
        message = f"{sender!r} may not close payments, which the clock does when a period ends; leave closes_payments out"
        raise NotAllowed(message)


def require_in_time(writer: LedgerWriter, sender: str, command: Submit) -> None:
    """Raise Unavailable if a service begins a payment at a tick at which payments are closed.

    It may still resolve what it reserved, and repeat what was decided before.
    """
    if sender in SETTLERS or command.tick > writer.closed:
        return
    if all(_is_resolution(chain) or writer.has_decided(chain.id) for chain in command.chains):
        return
    message = "the period is being settled; try again in the next one"
    raise Unavailable(message, code=PERIOD_IS_CLOSING, retry_after_ms=RETRY_MS)


def _is_resolution(chain: Chain) -> bool:
    return all(transfer.kind in {Kind.POST, Kind.VOID} for transfer in chain.transfers)
