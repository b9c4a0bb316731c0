"""The keys of one run's ledger in the bucket `agent_state`, and the kinds of values under them. Pure.

    <run>.transfer.<part>      journal entry of applied chains; `<part>` is a submission's id, or `<id>-<n>`
    <run>.refusal.<part>       journal entry of refused chains
    <run>.<holder>.balance     credits and debt of a holder
    <run>.<holder>.holdings    units of a holder, resource by resource
    <run>.ledger.barrier       newest tick with a passed barrier
    <run>.ledger.closed        newest tick at which payments are closed

`services/ledger/state.py` writes these keys and folds them at a restart, `services/executor` writes them for a whole run;
`services/ledger/stored.py` reads them back to verify them. Nobody else may write
below a run (decision 0029); a key of another form means nothing to the ledger.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import Final

from econsim.schemas.ledger import TransferPostedEvent, TransferRefusedEvent
from econsim.schemas.names import JOURNAL_KEYS

POSTED, REFUSED = JOURNAL_KEYS

RESERVED: Final = frozenset(JOURNAL_KEYS)
"""Names no holder may have: their keys would be taken for journal entries."""


class LedgerKey(Enum):
    """The kind of value that a key holds."""

    ENTRY = auto()
    """Journal entry."""
    BALANCE = auto()
    """Credits and debt of a holder."""
    HOLDINGS = auto()
    """Units of a holder."""
    BARRIER = auto()
    """Mark of a passed barrier."""
    CLOSED = auto()
    """Mark of closed payments."""
    FOREIGN = auto()
    """Key of another service."""


def entry_key(run: str, part: str, *, posted: bool) -> str:
    """Return the key of a journal entry about a part of a submission: of applied chains if `posted`, else of refused ones."""
    return f"{run}.{POSTED if posted else REFUSED}.{part}"


def balance_key(run: str, holder: str) -> str:
    """Return the key of a holder's credits and debt."""
    return f"{run}.{holder}.balance"


def holdings_key(run: str, holder: str) -> str:
    """Return the key of a holder's units."""
    return f"{run}.{holder}.holdings"


def barrier_key(run: str) -> str:
    """Return the key of the newest passed barrier."""
    return f"{run}.ledger.barrier"


def closed_key(run: str) -> str:
    """Return the key of the newest tick at which payments are closed."""
    return f"{run}.ledger.closed"


def parse_key(key: str) -> tuple[LedgerKey, str]:
    """Return the kind of a key's value, and the holder of a balance or holdings."""
    _, holder, name = key.split(".", 2)
    if holder in RESERVED:
        return LedgerKey.ENTRY, ""
    match holder, name:
        case _, "balance":
            return LedgerKey.BALANCE, holder
        case _, "holdings":
            return LedgerKey.HOLDINGS, holder
        case "ledger", "barrier":
            return LedgerKey.BARRIER, ""
        case "ledger", "closed":
            return LedgerKey.CLOSED, ""
    return LedgerKey.FOREIGN, ""


def parse_entry(key: str, value: bytes) -> TransferPostedEvent | TransferRefusedEvent:
    """Return the event under a journal key; raises pydantic's ValidationError."""
    posted = key.split(".", 2)[1] == POSTED
    return (TransferPostedEvent if posted else TransferRefusedEvent).model_validate_json(value)
