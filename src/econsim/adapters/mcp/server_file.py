"""Read the operator's file of tool servers: TOML, checked, with secrets from the environment.

::

    [servers.time]
    kind = "stdio"
    command = "python"
    args = ["-m", "mcp_server_time"]
    calls_per_second = 10

    [servers.time.tools.get_current_time]
    price = 0.01

    [servers.search]
    kind = "http"
    url = "https://tools.example/mcp"
    headers_env = { Authorization = "SEARCH_KEY" }
    other_tools = { price = 0.5, pure = true, cached_for_s = 600 }

No sentence here shows a value of the file or of the environment: it may be a key in the wrong place.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from pydantic_core import ErrorDetails

from econsim.adapters.mcp.server_process import Launcher
from econsim.adapters.mcp.tool_server import KeptToolServer
from econsim.adapters.operator_file import (
    mistake_place,
    parse_file,
    plain_sentence,
    read_file,
    sendable_value,
)
from econsim.errors import SetupError
from econsim.schemas.tool_server_file import AnyServerTable, HttpTable, StdioTable, ToolServerFile

_KINDS: Final = ("stdio", "http")


def read_tool_servers(
    path: Path, environment: Mapping[str, str], launcher: Launcher
) -> dict[str, KeptToolServer]:
    """Return the servers of a file by name, none of them started.

    Raises SetupError that names the file, the key, the mistake and the remedy.
    """
    file = read_tool_tables(path)
    folder = path.absolute().parent
    if not find_spec("mcp"):
        message = f"{path}: tool servers need more than econsim itself; install it with `pip install 'econsim[mcp]'`"
        raise SetupError(message)
    return {
        name: _server(
            f"{path}: servers.{name}", name, _with_absolute_paths(table, folder), environment, launcher
        )
        for name, table in file.servers.items()
    }


def read_tool_tables(path: Path) -> ToolServerFile:
    """Return the tables of a file; raises SetupError."""
    return parse_tool_servers(read_file(path, "file of tool servers"), str(path))


def parse_tool_servers(text: str, path: str) -> ToolServerFile:
    """Return the tables of a file's text; raises SetupError."""
    return parse_file(ToolServerFile, text, path, _sentence)


def _with_absolute_paths(table: AnyServerTable, folder: Path) -> AnyServerTable:
    """Return a table whose paths are absolute: relative ones begin at the folder of the file."""
    if not isinstance(table, StdioTable):
        return table
    places = {key: tuple(folder / path for path in getattr(table, key)) for key in ("readable", "writable")}
    return table.model_copy(update={**places, "directory": table.directory and folder / table.directory})


def _server(
    where: str, name: str, table: AnyServerTable, environment: Mapping[str, str], launcher: Launcher
) -> KeptToolServer:
    """Return the server of a table; the client library is imported here and not before."""
    from econsim.adapters.mcp.client import open_session  # noqa: PLC0415 - it takes a second to import

    headers = _headers(where, table, environment) if isinstance(table, HttpTable) else {}
    return KeptToolServer(name, table, partial(open_session, name, table, launcher, headers))


def _headers(where: str, table: HttpTable, environment: Mapping[str, str]) -> dict[str, str]:
    """Return the headers of a server; raises SetupError for one whose variable has no value that can be sent."""
    at, remedy = f"{where}.headers_env", "put the value into it"
    return {
        header: sendable_value(environment, variable, at, remedy)
        for header, variable in table.headers_env.items()
    }


def _sentence(problem: ErrorDetails) -> str:
    if problem["type"] == "extra_forbidden":
        return f"{mistake_place(problem, _KINDS)} is no key of this table; see docs/how-to/offer-tools.md"
    return plain_sentence(problem, _KINDS, "server")
