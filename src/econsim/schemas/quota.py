"""Limits of agents, and changes of limits by operators."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field

from econsim.schemas.base import Message
from econsim.schemas.types import MICROS_PER_CREDIT, Amount

DEADLINE_MS_MAX: Final = 600_000
"""Longest time that a tick waits for an agent's answer, ten minutes."""

DeadlineMs = Annotated[int, Field(ge=0, le=DEADLINE_MS_MAX)]
"""Milliseconds that a tick waits for an agent's answer; with 0 it does not wait."""


class Quotas(Message):
    """Limits of one agent in one run; 0 allows nothing."""

    max_publish_rate: Amount = 100
    """Messages sent a second."""
    max_stream_bytes: Amount = 10 * 2**20
    """Bytes of the agent's reports in the log, over the whole run; orders leave their queue when they are done."""
    max_kv_keys: Amount = 100
    """Keys that exist in buckets at one time."""
    max_mcp_calls_per_hour: Amount = 60
    """Calls of outside tools an hour."""
    max_open_orders: Amount = 100
    """Orders that rest in one book at one time."""
    max_order_rate: Amount = 50
    """Orders placed, replaced and cancelled a second."""
    max_workspace_bytes: Amount = 10 * 2**20
    """Bytes of files that exist at one time."""
    max_llm_tokens_per_hour: Amount = 100_000
    """Tokens of language models, read and written, an hour."""
    max_llm_spend: Amount = 10 * MICROS_PER_CREDIT
    """Micro-credits spent on language models, over the whole run."""
    deadline_ms: DeadlineMs | None = None
    """Milliseconds that lock-step waits for the agent's answer to a tick; none for the scenario's `deadline_ms`."""


class QuotaUpdate(Message):
    """Changes of limits; none leaves a limit as it is."""

    max_publish_rate: Amount | None = None
    """Messages sent a second."""
    max_stream_bytes: Amount | None = None
    """Bytes of the agent's reports in the log, over the whole run."""
    max_kv_keys: Amount | None = None
    """Keys that exist in buckets at one time."""
    max_mcp_calls_per_hour: Amount | None = None
    """Calls of outside tools an hour."""
    max_open_orders: Amount | None = None
    """Orders that rest in one book at one time."""
    max_order_rate: Amount | None = None
    """Orders placed, replaced and cancelled a second."""
    max_workspace_bytes: Amount | None = None
    """Bytes of files that exist at one time."""
    max_llm_tokens_per_hour: Amount | None = None
    """Tokens of language models, read and written, an hour."""
    max_llm_spend: Amount | None = None
    """Micro-credits spent on language models, over the whole run."""
    deadline_ms: DeadlineMs | None = None
    """Milliseconds that lock-step waits for the agent's answer to a tick."""
