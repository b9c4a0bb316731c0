"""Names of models and limits of their calls, which scenarios and messages share."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field

OUTPUT_TOKENS_MAX: Final = 131_072
"""Tokens of one answer: the longest that providers offer."""

DEADLINE_MS_MAX: Final = 30_000
"""Milliseconds that a call may take: longer work belongs in a work queue."""

DEFAULT_MODEL: Final = "default"
"""Name of the model that a call without a name uses."""

ModelName = Annotated[str, Field(pattern=r"^[a-zA-Z0-9][a-zA-Z0-9._:/-]*$", max_length=100)]
"""Name of a model, as providers write them: `gpt-5-mini`, `qwen2.5:0.5b`."""
