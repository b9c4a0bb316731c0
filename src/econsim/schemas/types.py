"""Field types shared by every message: names, money, quantities and their limits.

Owns the limits of single values. Imports pydantic only; every other schema imports this.
"""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field

NAME_PATTERN: Final = r"^[a-z0-9][a-z0-9_-]*$"
"""Letters a NATS subject token may hold here: safe in subjects, bucket keys and file names."""

NAME_LENGTH_MAX: Final = 48
"""Characters in a name: leaves room in a 64-character subject token for a derived suffix."""

ORDER_ID_LENGTH_MAX: Final = 64
"""Characters in the part of an order id that its maker chooses."""

MICROS_PER_CREDIT: Final = 1_000_000
"""Micro-credits in a credit: the ledger's unit is the micro-credit, always an integer."""

AMOUNT_MAX: Final = 2**53 - 1
"""Micro-credits or units in one amount: the largest integer every JSON reader keeps exact."""

QUANTITY_MAX: Final = 1_000_000
"""Units in one order: price times quantity must stay below AMOUNT_MAX."""

PRICE_MAX: Final = 1_000_000_000
"""Micro-credits a unit (1 000 credits): PRICE_MAX * QUANTITY_MAX < AMOUNT_MAX."""

PERIODS_MAX: Final = 100_000
"""Periods in a run: every report has a row for each."""

TICKS_PER_PERIOD_MAX: Final = 1_000_000
"""Ticks in a period: more would only idle, and every tick is events in the log."""

Name = Annotated[str, Field(pattern=NAME_PATTERN, max_length=NAME_LENGTH_MAX)]
"""An agent, run, resource, host or service name."""

OrderId = Annotated[
    str,
    Field(
        pattern=r"^([a-z0-9][a-z0-9_-]{0,47}\.)?[a-z0-9][a-z0-9_-]*$",
        max_length=NAME_LENGTH_MAX + 1 + ORDER_ID_LENGTH_MAX,
    ),
]
"""An order's id, unique within a run. What an agent calls `x` is `<agent>.x` in the run, so nobody can take
an id that another will use; ids of hosted agents have no dot."""

Identifier = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[a-zA-Z0-9_.-]+$")]
"""An event, command, trade or transfer id."""

Amount = Annotated[int, Field(strict=True, ge=0, le=AMOUNT_MAX)]
"""Micro-credits, or units of a resource; never negative, never fractional."""

Whole = Annotated[int, Field(strict=True)]
"""Any whole number: what it stands for is checked where it is used, so that it is refused alone."""

Price = Annotated[int, Field(strict=True, ge=1, le=PRICE_MAX)]
"""Micro-credits for one unit."""

Quantity = Annotated[int, Field(strict=True, ge=1, le=QUANTITY_MAX)]
"""Units of a resource in one order or trade."""

Tick = Annotated[int, Field(strict=True, ge=0)]
"""Logical time: ticks since the run opened; 0 is before the first."""
