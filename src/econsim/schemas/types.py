"""Field types shared by all messages: names, money, quantities and their limits.

Owns the limits of single values. Imports pydantic only; every other schema imports this module.
"""

from __future__ import annotations

from typing import Annotated, Any, Final

from pydantic import Field

NAME_PATTERN: Final = r"^[a-z0-9][a-z0-9_-]*$"
"""Pattern of a name: safe as a NATS subject token, in bucket keys and in file names."""

NAME_LENGTH_MAX: Final = 48
"""Characters in a name: a 64-character subject token has room for a derived suffix."""

ORDER_ID_LENGTH_MAX: Final = 64
"""Characters in the part of an order id that the agent chooses."""

MICROS_PER_CREDIT: Final = 1_000_000
"""Micro-credits in a credit: the ledger counts whole micro-credits."""

AMOUNT_MAX: Final = 2**53 - 1
"""Micro-credits or units in one amount: the largest integer that every JSON reader keeps exact."""

QUANTITY_MAX: Final = 1_000_000
"""Units in one order: price times quantity must stay below AMOUNT_MAX."""

PRICE_MAX: Final = 1_000_000_000
"""Micro-credits a unit (1 000 credits): PRICE_MAX * QUANTITY_MAX < AMOUNT_MAX."""

TEXT_LENGTH_MAX: Final = 4_000
"""Characters of a question, a message, or an answer: two pages, as much as a person reads at once."""

OPTIONS_MAX: Final = 20
"""Offered answers of one question: more do not fit on a screen."""

PERIODS_MAX: Final = 100_000
"""Periods in a run: every report has a row for each."""

TICKS_PER_PERIOD_MAX: Final = 1_000_000
"""Ticks in a period: more ticks would be idle, and every tick adds events to the log."""

Name = Annotated[str, Field(pattern=NAME_PATTERN, max_length=NAME_LENGTH_MAX)]
"""Name of an agent, run, resource, host or service."""

OrderId = Annotated[
    str,
    Field(
        pattern=r"^([a-z0-9][a-z0-9_-]{0,47}\.)?[a-z0-9][a-z0-9_-]*$",
        max_length=NAME_LENGTH_MAX + 1 + ORDER_ID_LENGTH_MAX,
    ),
]
"""Id of an order, unique within a run. An agent's `x` is `<agent>.x` in the run, so that no agent can take an id
that another will use; ids of hosted agents have no dot."""

Identifier = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[a-zA-Z0-9_.-]+$")]
"""Id of an event, command, trade or transfer."""

Amount = Annotated[int, Field(strict=True, ge=0, le=AMOUNT_MAX)]
"""Amount of micro-credits or of units of a resource; a whole number, not negative."""

Whole = Annotated[int, Field(strict=True)]
"""Whole number without bounds: its user checks the bounds, so that one value of many is refused alone."""

Price = Annotated[int, Field(strict=True, ge=1, le=PRICE_MAX)]
"""Price of one unit, in micro-credits."""

Quantity = Annotated[int, Field(strict=True, ge=1, le=QUANTITY_MAX)]
"""Quantity of one order or trade, in units of a resource."""

Tick = Annotated[int, Field(strict=True, ge=0)]
"""Logical time: ticks since the run opened; 0 is before the first tick."""

Text = Annotated[str, Field(min_length=1, max_length=TEXT_LENGTH_MAX)]
"""Text of a question, a message or an answer."""

ServerName = Annotated[str, Field(pattern=NAME_PATTERN, max_length=32)]
"""Name of a tool server, as the operator's file has it."""

JsonObject = dict[str, Any]
"""A JSON object with content of its author's choice."""
