"""Tools of the cognition service: a paid answer of a language model of the run."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field

from econsim.agents.toolset.membership import Membership
from econsim.agents.toolset.tool import AgentTool, ToolArguments
from econsim.schemas.model_limits import DEFAULT_MODEL, OUTPUT_TOKENS_MAX, ModelName

TEXT_MAX: Final = 50_000
"""Characters of a prompt or an instruction: far below what a message of an agent may have."""


class ThinkArguments(ToolArguments):
    """Arguments of `think`."""

    prompt: Annotated[str, Field(min_length=1, max_length=TEXT_MAX)]
    """Question to the model."""
    system: Annotated[str, Field(max_length=TEXT_MAX)] = ""
    """Instructions to the model; may be empty."""
    max_tokens: Annotated[int, Field(strict=True, ge=1, le=OUTPUT_TOKENS_MAX)] = 200
    """Length limit of the answer in tokens; its price must be in your balance."""
    model: ModelName = DEFAULT_MODEL
    """Name of the model, one of the run's."""


async def think(membership: Membership, arguments: ThinkArguments) -> object:
    """Ask a model and return its answer with the price."""
    messages = [{"role": "system", "content": arguments.system}] if arguments.system else []
    messages.append({"role": "user", "content": arguments.prompt})
    cognition = (await membership.session()).cognition
    return await cognition.invoke(messages, arguments.max_tokens, model=arguments.model)


TOOLS: Final[tuple[AgentTool, ...]] = (  # type: ignore[type-arg]  # each has arguments of its own
    AgentTool(
        "think",
        "Ask a language model of the run and pay for its answer from your balance. The answer says what it cost.",
        ThinkArguments,
        think,
    ),
)
"""Tools of the cognition service."""
