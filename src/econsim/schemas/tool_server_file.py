"""The tables of the operator's file of tool servers: how each is started or reached, what its tools cost, what it may do.

Agents name servers and tools as they stand here. A secret is never in the file: the file names environment variables.
Relative paths begin at the folder of the file.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import ConfigDict, Field

from econsim.schemas.base import Message
from econsim.schemas.mcp import RESULT_BYTES_MAX, TIMEOUT_MS_MAX, CallTimeout, ToolName
from econsim.schemas.money import Credits
from econsim.schemas.provider_file import Url, VariableName
from econsim.schemas.types import ServerName

CALLS_MAX: Final = 1_000
"""Calls at once that a server may be given."""

CACHED_S_MAX: Final = 86_400
"""Seconds that a result may be kept: a day."""

HeaderName = Annotated[str, Field(pattern=r"^[A-Za-z0-9-]+$", max_length=100)]
"""Name of an HTTP header."""

Count = Annotated[int, Field(strict=True, ge=1, le=1_000_000)]
"""Number of calls."""


class ToolTable(Message):
    """The terms of one tool."""

    model_config = ConfigDict(strict=False)

    price: Credits = 0
    """Price of a call, credits; charged whenever the server answers."""
    cached_price: Credits | None = None
    """Price of a result from the cache, credits, at most `price`; none for the price of a call."""
    pure: bool = False
    """True for a tool that has no effect and gives equal results for equal arguments: only its results are kept."""
    public: bool = False
    """True if a result that one agent paid for may be given to others of its run; otherwise it stays with the agent."""
    cached_for_s: Annotated[int, Field(strict=True, ge=1, le=CACHED_S_MAX)] | None = None
    """Seconds that a result is kept; none to keep none."""
    repeatable: bool | None = None
    """True if the tool may be called again after a failure that leaves unknown whether it ran; none for the value of `pure`."""
    timeout_ms: CallTimeout = TIMEOUT_MS_MAX
    """Milliseconds that a call may take at most, whatever its caller asks for."""

    @property
    def may_repeat(self) -> bool:
        """Return whether the tool may be called again if it is unknown whether it ran."""
        return self.pure if self.repeatable is None else self.repeatable

    @property
    def hit_price(self) -> int:
        """Return the price of a result from the cache, micro-credits."""
        return self.price if self.cached_price is None else min(self.cached_price, self.price)

    @property
    def ttl_s(self) -> int:
        """Return the seconds that a result is kept; 0 for a tool whose results are not kept."""
        return self.cached_for_s or 0 if self.pure else 0


class ServerTable(Message):
    """One tool server: the limits and terms that every kind has."""

    model_config = ConfigDict(strict=False)

    tools: dict[ToolName, ToolTable] = Field(default_factory=dict)
    """Name of a tool that agents may call → its terms."""
    other_tools: ToolTable | None = None
    """Terms of tools without a table of their own; none to offer only those with one."""
    calls_max: Annotated[int, Field(strict=True, ge=1, le=CALLS_MAX)] = 16
    """Number of calls at once, of all agents together; 1 for a server that mixes up calls at once."""
    result_bytes_max: Annotated[int, Field(strict=True, ge=1_024, le=RESULT_BYTES_MAX)] = 262_144
    """Bytes of a result; a larger one is cut off and its call fails."""
    calls_per_second: Count | None = None
    """Calls of one agent a second; none for no limit of this server."""
    calls_per_hour: Count | None = None
    """Calls of one agent an hour; none for no limit of this server."""
    calls_at_once: Count | None = None
    """Calls of one agent under way at once, at one worker; none for no limit of this server."""


class StdioTable(ServerTable):
    """A server that is started as a process and spoken to over its standard input and output."""

    kind: Literal["stdio"]
    """Kind of the server."""
    command: Annotated[str, Field(min_length=1, max_length=1_000)]
    """Program of the server: a path, or a name on PATH; `python` for econsim's own."""
    args: tuple[Annotated[str, Field(max_length=4_000)], ...] = ()
    """Arguments of the program."""
    environment: tuple[VariableName, ...] = ()
    """Environment variables that are handed to the server; it gets no others."""
    directory: Path | None = None
    """Working directory of the server; none for an empty one of its own."""
    readable: tuple[Path, ...] = ()
    """Further files and directories that the server may read."""
    writable: tuple[Path, ...] = ()
    """Directories that the server may write; without any it can write to its own `/tmp` alone."""
    isolation: Literal["namespaces", "limits"] = "namespaces"
    """Isolation of the process: without network and with the named files alone, or an ordinary process with limits, for
    servers that need the network."""
    memory_mib: Annotated[int, Field(strict=True, ge=16, le=65_536)] = 2_048
    """Memory of each process of the server, MiB; Node.js reserves more than it uses."""


class HttpTable(ServerTable):
    """A server that is reached over streamable HTTP."""

    kind: Literal["http"]
    """Kind of the server."""
    url: Url
    """Address of the server: `https://tools.example/mcp`."""
    headers_env: dict[HeaderName, VariableName] = Field(default_factory=dict)
    """Name of a header → environment variable with its value, such as a key."""


AnyServerTable = Annotated[StdioTable | HttpTable, Field(discriminator="kind")]
"""The table of a server of any kind."""


class ToolServerFile(Message):
    """The operator's tool servers."""

    model_config = ConfigDict(strict=False)

    servers: dict[ServerName, AnyServerTable]
    """Name of a server among agents → its table."""
