"""Subjects of the cognition service."""

from __future__ import annotations

from typing import Final

from econsim.schemas.subject import Subject, SubjectKind
from econsim.schemas.subject_rows import event, request

__all__ = ["INVOKE_LLM", "INVOKE_LLMS", "LLM_INVOKED", "LLM_PARTIAL"]

INVOKE_LLM: Final = request(
    "cognition",
    "system.llm.invoke",
    "InvokeLlm",
    "LlmAnswer",
    "Completion by a language model, paid from the asking agent's balance.",
    short="llm.invoke",
)
INVOKE_LLMS: Final = request(
    "cognition",
    "system.llm.invoke_many",
    "InvokeLlms",
    "LlmAnswers",
    "Batch of a host: calls of its agents, each paid by its agent; for hosts alone.",
)
LLM_INVOKED: Final = event(
    "cognition",
    "system.llm.invoked",
    "LlmInvoked",
    "Calls of models ended: each with its answer or failure, its tokens, its price and its receipt.",
)
LLM_PARTIAL: Final = Subject(
    "system.llm.partial.{run}.{agent}",
    SubjectKind.DELIVERY,
    "cognition",
    "LlmPartial",
    short="llm.partial",
    description="Text of an answer as far as it has come, for the agent that asked for it.",
)

REQUESTS: Final = (INVOKE_LLM, INVOKE_LLMS)
"""Requests, in the order of the table."""

EVENTS: Final = (LLM_INVOKED,)
"""Events, in the order of the table."""

DELIVERIES: Final = (LLM_PARTIAL,)
"""Deliveries, in the order of the table."""
