"""The definition of a tool: its name, its arguments, and the call of the SDK it stands for.

Owns the form of arguments: unknown ones are refused, amounts are decimal text. Clients of the protocol round integers above
2**53, and servers of it drop arguments they do not know.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Any, Final, Generic, TypeVar

from pydantic import Field, ValidationError

from econsim.agents.toolset.membership import Membership
from econsim.errors import InvalidMessage, Unavailable
from econsim.schemas.base import Message, validation_message
from econsim.schemas.json_schema import DocumentedJsonSchema
from econsim.schemas.types import QUANTITY_MAX, Name, OrderId

AMOUNT_LENGTH_MAX: Final = 24
"""Characters of an amount: sixteen digits, a point and six decimals."""

Resource = Annotated[Name, Field(description="Resource of the market, such as cpu.")]
"""Argument: resource of a market."""

CreditsText = Annotated[
    str,
    Field(
        pattern=r"^[0-9]+(\.[0-9]{1,6})?$",
        max_length=AMOUNT_LENGTH_MAX,
        description='Credits as decimal text, such as "2.18"; at most six decimals.',
    ),
]
"""Argument: an amount of credits."""

Units = Annotated[
    int, Field(strict=True, ge=1, le=QUANTITY_MAX, description="Units of the resource, a whole number.")
]
"""Argument: units of a resource."""

Order = Annotated[OrderId, Field(description="Id of an order of yours.")]
"""Argument: id of an order."""

NewOrder = Annotated[
    OrderId | None,
    Field(
        description="Id for the new order; without it one is made. Repeat a call with the same id after a lost answer: "
        "the order counts once."
    ),
]
"""Argument: id for a new order."""


RepeatId = Annotated[
    Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=64)] | None,
    Field(
        description="Id of this call; without it one is made. Repeat a call with the same id: it counts once."
    ),
]
"""Argument: id that makes a repeat count once."""


@contextmanager
def repeatable(**ids: str) -> Iterator[None]:
    """Add the id of a call to an error without an answer, for the repeat."""
    try:
        yield
    except Unavailable as error:
        error.details.update(ids)
        raise


class Effect(Enum):
    """The effect of a tool, for the assistant that asks before it calls one."""

    READ = "read"
    """Reads; changes nothing."""
    IDEMPOTENT = "idempotent"
    """Changes something; a repeat with the same arguments changes nothing more."""
    ACT = "act"
    """Changes something, at each call."""


class ToolArguments(Message):
    """Arguments of a tool: frozen, unknown names refused, nothing coerced."""


class NoArguments(ToolArguments):
    """Arguments of a tool that takes none."""


Arguments = TypeVar("Arguments", bound=ToolArguments)


@dataclass(frozen=True, slots=True)
class AgentTool(Generic[Arguments]):
    """One power of an agent as a tool."""

    name: str
    """Name of the tool."""
    description: str
    """Description of the tool for a language model."""
    arguments: type[Arguments]
    """Arguments of the tool."""
    call: Callable[[Membership, Arguments], Awaitable[object]]
    """Function that does it and returns the result."""
    effect: Effect = Effect.ACT
    """Effect of the tool."""

    def input_schema(self) -> dict[str, Any]:
        """Return the JSON Schema of the arguments."""
        schema = self.arguments.model_json_schema(schema_generator=DocumentedJsonSchema)
        schema.pop("description", None)
        schema.pop("title", None)
        return {"properties": {}} | schema

    async def run(self, membership: Membership, given: Mapping[str, Any]) -> object:
        """Check the arguments and call; raises InvalidMessage that names the wrong one, and what the call raises."""
        return await self.call(membership, self._validated_arguments(given))

    def _validated_arguments(self, given: Mapping[str, Any]) -> Arguments:
        try:
            # As JSON: only there are words and tuples what a strict schema takes.
            return self.arguments.model_validate_json(json.dumps(given))
        except ValidationError as error:
            known = ", ".join(self.arguments.model_fields) or "none"
            message = f"{validation_message(error)}; the arguments of {self.name} are: {known}"
            raise InvalidMessage(message) from None
