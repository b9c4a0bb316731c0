"""The subject taxonomy: one table of every subject there is.

Streams, the AsyncAPI catalog, server permissions, agents' accounts and the docs page are generated from
TABLE. The rows are in `schemas/subjects/`, a module a service; the grammar of subjects is in `schemas/subject.py`.
"""

# ruff: noqa: F403 - each row is named once, in the module of its service, and used as `subjects.ROW`
from __future__ import annotations

from collections import defaultdict
from functools import lru_cache
from typing import Final

from econsim.schemas import subject_rows
from econsim.schemas.subject import SUBJECTS_MAX, Subject, matches
from econsim.schemas.subjects import (
    admin,
    admission,
    agent,
    clock,
    cognition,
    ledger,
    market,
    mcp,
    metrics,
    social,
    trace,
    workspace,
)
from econsim.schemas.subjects.admin import *
from econsim.schemas.subjects.admission import *
from econsim.schemas.subjects.agent import *
from econsim.schemas.subjects.clock import *
from econsim.schemas.subjects.cognition import *
from econsim.schemas.subjects.ledger import *
from econsim.schemas.subjects.market import *
from econsim.schemas.subjects.mcp import *
from econsim.schemas.subjects.metrics import *
from econsim.schemas.subjects.social import *
from econsim.schemas.subjects.trace import *
from econsim.schemas.subjects.workspace import *

AUDIT: Final = subject_rows.AUDIT
"""Name of the stream of all events."""
ORDERS: Final = subject_rows.ORDERS
"""Name of the work queue of orders."""
MCP_REQUESTS: Final = subject_rows.MCP_REQUESTS
"""Name of the work queue of calls of tools."""
TASKS: Final = subject_rows.TASKS
"""Name of the work queue of tasks that agents delegate."""

TABLE: Final[tuple[Subject, ...]] = (
    *market.COMMANDS,
    *mcp.COMMANDS,
    *admission.ENTRIES,
    *market.EVENTS,
    *market.DELIVERIES,
    *ledger.EVENTS,
    *market.REQUESTS,
    *ledger.REQUESTS,
    *cognition.REQUESTS,
    *cognition.DELIVERIES,
    *cognition.EVENTS,
    *mcp.REQUESTS,
    *mcp.DELIVERIES,
    *mcp.EVENTS,
    *workspace.REQUESTS,
    *workspace.EVENTS,
    *social.COMMANDS,
    *social.REQUESTS,
    *social.DELIVERIES,
    *social.EVENTS,
    *clock.REQUESTS,
    *clock.EVENTS,
    *agent.EVENTS,
    *admission.EVENTS,
    *admin.EVENTS,
    *clock.OPERATOR_REQUESTS,
    *admin.OPERATOR_REQUESTS,
    *social.OPERATOR_REQUESTS,
    *trace.SPANS,
    *metrics.TELEMETRY,
)
"""Every subject there is."""

EXECUTED_EVENTS: Final = (
    clock.RUN_CLOSED,
    clock.PERIOD_OPENED,
    clock.PERIOD_CLOSED,
    clock.TICKED,
    market.PRICE_UPDATED,
    market.BID_ACCEPTED,
    market.ASK_ACCEPTED,
    market.ORDER_REJECTED,
    market.TRADE_EXECUTED,
    market.ORDER_CANCELLED,
    market.TICK_CLEARED,
    market.TRADING_HALTED,
)
"""Events of the clock and of markets that an executor publishes, for runs that it executes whole."""

COPIED_EVENTS: Final = (
    ledger.TRANSFER_POSTED,
    ledger.TRANSFER_REFUSED,
    workspace.FILE_WRITTEN,
    workspace.FILE_MOVED,
    workspace.FILE_DELETED,
)
"""Events that their owner writes into a bucket and the server copies into the log."""


def row_of(subject: str) -> Subject | None:
    """Return the row of a concrete subject, the one with the fewest places if several fit; none outside the table."""
    domain, _, rest = subject.partition(".")
    entity, _, rest = rest.partition(".")
    action, _, rest = rest.partition(".")
    # What follows is a run and a sender, of which there is no end, but for a span: its action is the last token.
    return _row_of(domain, entity, action, rest if domain == _SPANS else "", subject.count(".") + 1)


@lru_cache(SUBJECTS_MAX)
def _row_of(domain: str, entity: str, action: str, rest: str, count: int) -> Subject | None:
    head = [domain, entity, action, *filter(None, [rest])]
    for word in (action, "*"):
        for pattern, row in _PATTERNS.get((domain, word, count), ()):
            if matches(pattern[: len(head)], head):
                return row
    return None


_SPANS: Final = "trace"
"""Domain of spans."""
_PATTERNS: Final = defaultdict[tuple[str, str, int], list[tuple[list[str], Subject]]](list)
for _row in sorted(TABLE, key=lambda row: len(row.places)):
    _tokens = _row.pattern().split(".")
    _PATTERNS[_tokens[0], _tokens[2], len(_tokens)].append((_tokens, _row))
