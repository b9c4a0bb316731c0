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

import tomllib
from collections.abc import Mapping
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from econsim.adapters.mcp.server_process import Launcher
from econsim.adapters.mcp.tool_server import KeptToolServer
from econsim.errors import SetupError
from econsim.schemas.tool_server_file import AnyServerTable, HttpTable, ToolServerFile

FILE_BYTES_MAX: Final = 2**20
"""Bytes of a file of tool servers: thousands of tools."""

_KINDS: Final = ("stdio", "http")


def read_tool_servers(
    path: Path, environment: Mapping[str, str], launcher: Launcher
) -> dict[str, KeptToolServer]:
    """Return the servers of a file by name, none of them started.

    Raises SetupError that names the file, the key, the mistake and the remedy.
    """
    file = read_tool_tables(path)
    if not find_spec("mcp"):
        message = f"{path}: tool servers need more than econsim itself; install it with `pip install 'econsim[mcp]'`"
        raise SetupError(message)
    return {
        name: _server(f"{path}: servers.{name}", name, table, environment, launcher)
        for name, table in file.servers.items()
    }


def read_tool_tables(path: Path) -> ToolServerFile:
    """Return the tables of a file; raises SetupError."""
    return parse_tool_servers(_text(path), str(path))


def parse_tool_servers(text: str, path: str) -> ToolServerFile:
    """Return the tables of a file's text; raises SetupError."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        message = f"{path} is no TOML: {error}"
        raise SetupError(message) from None
    try:
        file = ToolServerFile.model_validate(data)
    except ValidationError as error:
        message = f"{path}: {_sentence(error.errors()[0])}"
        raise SetupError(message) from None
    return file


def _server(
    where: str, name: str, table: AnyServerTable, environment: Mapping[str, str], launcher: Launcher
) -> KeptToolServer:
    """Return the server of a table; the client library is imported here and not before."""
    from econsim.adapters.mcp.client import open_session  # noqa: PLC0415 - it takes a second to import

    headers = _headers(where, table, environment) if isinstance(table, HttpTable) else {}
    return KeptToolServer(name, table, partial(open_session, name, table, launcher, headers))


def _headers(where: str, table: HttpTable, environment: Mapping[str, str]) -> dict[str, str]:
    """Return the headers of a server; raises SetupError for one whose variable has no value that can be sent."""
    found = {}
    for header, variable in table.headers_env.items():
        value = environment.get(variable, "").strip()
        if not (value and value.isascii() and value.isprintable()):
            fault = "has characters that no header has" if value else "is not set"
            message = (
                f"{where}.headers_env: the environment variable {variable} {fault}; put the value into it"
            )
            raise SetupError(message)
        found[header] = value
    return found


def _text(path: Path) -> str:
    """Return the text of a file; raises SetupError if it cannot be read."""
    try:
        if path.stat().st_size <= FILE_BYTES_MAX:
            return path.read_text(encoding="utf-8")
        reason = f"it is larger than {FILE_BYTES_MAX} bytes"
    except OSError as error:
        reason = error.strerror or type(error).__name__
    except UnicodeDecodeError:
        reason = "it is no UTF-8 text"
    message = f"the file of tool servers {path} cannot be read: {reason}"
    raise SetupError(message)


def _sentence(problem: ErrorDetails) -> str:
    """Return where a file is wrong, its mistake, and the remedy."""
    # The name of a table's kind stands in the location of its keys, though not in the file.
    at = [str(part) for place, part in enumerate(problem["loc"]) if not (place == 2 and part in _KINDS)]
    where = ".".join(at) or "the file"
    sentences = {
        "extra_forbidden": f"{where} is no key of this table; see docs/how-to/offer-tools.md",
        "missing": f"{where} is missing; write it",
        "union_tag_not_found": f"{where} has no kind; write one of {', '.join(_KINDS)}",
        "union_tag_invalid": f"{where}.kind is no kind of server; write one of {', '.join(_KINDS)}",
    }
    return sentences.get(problem["type"], f"{where}: {problem['msg'][0].lower()}{problem['msg'][1:]}")
