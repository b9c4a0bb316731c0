"""From the wire back to typed events: what readers of the log fold.

Owns the table of event types. The opposite of `envelope.Sealed.json`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from pydantic import ValidationError

from econsim import subjects
from econsim.domain.envelope import Sealed
from econsim.errors import InvalidMessage
from econsim.schemas.agent import CycleCompleted
from econsim.schemas.base import Event
from econsim.schemas.clock import PeriodClosed, PeriodOpened, RunClosed, RunOpened, Ticked
from econsim.schemas.ledger import TransferPosted, TransferRefused
from econsim.schemas.market import Accepted, Cancelled, PriceUpdated, Rejected, TickCleared, Traded

_TYPES: Final = (
    (subjects.BID_ACCEPTED, Event[Accepted]),
    (subjects.ASK_ACCEPTED, Event[Accepted]),
    (subjects.ORDER_REJECTED, Event[Rejected]),
    (subjects.TRADE_EXECUTED, Event[Traded]),
    (subjects.ORDER_CANCELLED, Event[Cancelled]),
    (subjects.TICK_CLEARED, Event[TickCleared]),
    (subjects.PRICE_UPDATED, Event[PriceUpdated]),
    (subjects.TRANSFER_POSTED, Event[TransferPosted]),
    (subjects.TRANSFER_REFUSED, Event[TransferRefused]),
    (subjects.RUN_OPENED, Event[RunOpened]),
    (subjects.RUN_CLOSED, Event[RunClosed]),
    (subjects.PERIOD_OPENED, Event[PeriodOpened]),
    (subjects.PERIOD_CLOSED, Event[PeriodClosed]),
    (subjects.TICKED, Event[Ticked]),
    (subjects.CYCLE_COMPLETED, Event[CycleCompleted]),
)

_DECODERS: Final[dict[str, Callable[[bytes], Any]]] = {
    ".".join(subject.template.split(".")[:3:2]): event.__pydantic_validator__.validate_json
    for subject, event in _TYPES
}
"""`<domain>.<action>` → parser of that event."""


def decode(subject: str, payload: bytes) -> Sealed:
    """Return the event a record of the log holds.

    Raises InvalidMessage for a type there is no schema for, or a payload that does not follow it.
    """
    tokens = subject.split(".", 3)
    parse = _DECODERS.get(f"{tokens[0]}.{tokens[2]}") if len(tokens) == 4 else None
    if parse is None:
        message = f"there is no event type for subject {subject[:200]!r}; see `econsim catalog`"
        raise InvalidMessage(message)
    try:
        return Sealed(subject, parse(payload))
    except ValidationError as error:
        message = f"the event on {subject!r} does not follow its schema: {error.errors()[0]['msg']}"
        raise InvalidMessage(message) from error
