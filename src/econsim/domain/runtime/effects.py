"""The effects of a cognitive cycle, as data. Pure.

A cycle is a generator: it yields what it wants done, and gets the results sent in. It reads no clock and no network, so
that the live driver, the driver in memory and a replay run the same cycle (decision 0028).
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from econsim.schemas.base import ErrorBody
from econsim.schemas.cognition import LlmAnswer
from econsim.schemas.model_call import DEADLINE_MS_MAX, Prompt
from econsim.schemas.orders import Action


@dataclass(frozen=True, slots=True)
class Think:
    """Ask a model; the result is its answer, or the reason why there is none."""

    prompt: Prompt
    """Prompt of the call."""
    deadline_ms: int = DEADLINE_MS_MAX
    """Milliseconds that the call may take."""


@dataclass(frozen=True, slots=True)
class Act:
    """Send actions to markets; they take effect when the cycle is complete, and the result is None."""

    actions: Mapping[str, Sequence[Action]]
    """Resource → actions on its market."""


Effect = Think | Act
"""One effect."""

Step = Effect | tuple[Effect, ...]
"""Yield of a cycle: one effect, or several that are done side by side and answered in the order listed."""

Answer = LlmAnswer | ErrorBody
"""Result of a Think."""

Cycle = Generator[Step, Any, None]
"""One cognitive cycle of an agent: perceive, think, act."""
