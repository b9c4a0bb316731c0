"""Kinds of quota, their windows, and the arithmetic of increments and limits.

One counter per kind, run, agent and window tells all workers how much was taken. A worker takes a block
with one increment and spends it alone. Increments are disjoint pieces of the number line, so their parts below
the limit are together never more than the limit.
"""

from __future__ import annotations

from enum import Enum
from typing import Final

from econsim.errors import QuotaExceeded
from econsim.schemas.quota import Quotas, QuotaUpdate
from econsim.schemas.subject import token

SECOND_NS: Final = 1_000_000_000
MILLISECOND_NS: Final = 1_000_000
HOUR_S: Final = 3_600

BLOCK_SHARE: Final = 10
"""Divisor of the limit: a block is a tenth of it, so a lone worker asks its counter ten times, and ten workers get a block each."""
ROOM_SHARE: Final = 2
"""Divisor of the rest: a block is at most half of it, so blocks shrink to single units near the limit."""

EVERY_AGENT: Final = "all"
"""Stands for the agent in the counter of the units that are common to all agents of a run; no agent has this name."""

TOTAL: Final = "total"
"""Last token of the counter of a stock, which has no window number."""


class QuotaKind(Enum):
    """One kind of quota: token, refusal code, unit, seconds of a window, and whether it can be given back."""

    PUBLISH_RATE = ("publish_rate", "publish_rate_is_exceeded", "messages a second", 1)
    STREAM_BYTES = ("stream_bytes", "stream_bytes_are_exceeded", "bytes published in a run")
    KV_KEYS = ("kv_keys", "kv_keys_are_exceeded", "keys", 0, True)
    MCP_CALLS = ("mcp_calls_per_hour", "mcp_calls_per_hour_are_exceeded", "tool calls an hour", HOUR_S)
    OPEN_ORDERS = ("open_orders", "open_orders_are_exceeded", "open orders", 0, True)
    ORDER_RATE = ("order_rate", "order_rate_is_exceeded", "orders a second", 1)
    WORKSPACE_BYTES = ("workspace_bytes", "workspace_bytes_are_exceeded", "bytes of files", 0, True)
    LLM_TOKENS = ("llm_tokens_per_hour", "llm_tokens_per_hour_are_exceeded", "model tokens an hour", HOUR_S)
    LLM_SPEND = ("llm_spend", "llm_spend_is_exceeded", "micro-credits for models in a run", 0, True)

    def __init__(
        self,
        token: str,
        code: str,
        unit: str,
        window_s: int = 0,
        returnable: bool = False,  # noqa: FBT001, FBT002 - a row of the table above
    ) -> None:
        """Name the columns of a row."""
        self.token = token
        """Token of the kind in names of counters."""
        self.limit = f"max_{token}"
        """Field of the kind in `Quotas`."""
        self.code = code
        """Code of a refusal."""
        self.unit = unit
        """Counted unit, for people."""
        self.window_s = window_s
        """Seconds of a window, after which the count starts again; 0 for a stock, which lasts for the run."""
        self.returnable = returnable
        """True if an amount can be given back."""
        self.common = Quotas.model_fields[self.limit].default // BLOCK_SHARE if window_s == 1 else 0
        """Units of a window that workers take for all agents of a run at once: a block of the default limit."""


def window_number(kind: QuotaKind, now_ns: int) -> int:
    """Return the number of the window that contains a time (ns since 1970); 0 for a stock."""
    return now_ns // (kind.window_s * SECOND_NS) if kind.window_s else 0


def counter_key(kind: QuotaKind, run: str, agent: str, number: int) -> str:
    """Return the name of a window's counter; raises InvalidSubject if a name is no subject token."""
    return holder_key(kind, holder(run, agent), number)


def holder(run: str, agent: str) -> str:
    """Return the part of names of counters that an agent has in common; raises InvalidSubject if a name is no subject token."""
    return f"{token(run, 'run')}.{token(agent, 'agent')}"


def holder_key(kind: QuotaKind, holder: str, number: int) -> str:
    """Return the name of a window's counter, of names that were checked."""
    return f"{kind.token}.{holder}.{number if kind.window_s else TOTAL}"


def pattern(kind: QuotaKind) -> str:
    """Return the pattern of all counters of a kind."""
    return f"{kind.token}.*.*.*"


def common_part(kind: QuotaKind, limit: int) -> int:
    """Return the part of an agent's limit that workers take for all agents of the run at once.

    A limit of which that would be more than a block has none, so that a small limit is not divided among workers.
    """
    return kind.common if limit >= kind.common * BLOCK_SHARE else 0


def granted_amount(limit: int, total: int, increment: int) -> int:
    """Return the part of an increment within the limit, given the total after the increment."""
    return max(0, min(increment, limit - (total - increment)))


def block_size(limit: int, known_total: int, needed: int, expected: int = 0) -> int:
    """Return the amount to take at once, given the counter's newest known total.

    The amount is a tenth of the limit, but at most half of the rest; or the amount that this worker is expected to
    spend in the window, but at most the rest; in any case at least `needed`.
    """
    room = max(0, limit - known_total)
    return max(needed, min(limit // BLOCK_SHARE, room // ROOM_SHARE), min(expected, room))


def expected_spending(spent: int) -> int:
    """Return the expected amount for a worker's next window, an eighth more than the worker spent in this one.

    All workers together expect little more than the limit, because together they spent no more than the limit.
    """
    return spent + spent // 8


def retry_after_ms(kind: QuotaKind, now_ns: int) -> int | None:
    """Return the milliseconds until the next window, rounded up; none for a stock."""
    if not kind.window_s:
        return None
    length = kind.window_s * SECOND_NS
    return -(-(length - now_ns % length) // MILLISECOND_NS)


def refusal(kind: QuotaKind, limit: int, used: int, amount: int, now_ns: int) -> QuotaExceeded:
    """Return the refusal of an amount, with a remedy."""
    wait = retry_after_ms(kind, now_ns) if amount <= limit else None
    if amount > limit:
        remedy = "ask for less at once"
    elif wait is not None:
        remedy = f"try again in {wait} ms"
    else:
        remedy = "give some back first" if kind.returnable else "an operator can raise the limit"
    message = (
        f"{amount} more would exceed {kind.limit}, {limit} {kind.unit}, of which {used} are taken; {remedy}"
    )
    return QuotaExceeded(
        message, code=kind.code, retry_after_ms=wait, quota=kind.limit, limit=limit, used=used
    )


def limit_of(quotas: Quotas, kind: QuotaKind) -> int:
    """Return an agent's limit of a kind."""
    limit: int = getattr(quotas, kind.limit)
    return limit


def effective_limits(*updates: QuotaUpdate) -> Quotas:
    """Return the limits in force: the defaults with all updates applied; the last update of a limit wins."""
    return Quotas(**overlay(*updates).model_dump(exclude_none=True))


def overlay(*updates: QuotaUpdate) -> QuotaUpdate:
    """Return several updates as one; the last update of a limit wins."""
    fields: dict[str, int] = {}
    for update in updates:
        fields |= update.model_dump(exclude_none=True)
    return QuotaUpdate(**fields)
