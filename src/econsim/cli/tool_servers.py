"""Tool servers of the operator's file as commands use them: checked before a run starts, or started for one command."""

from __future__ import annotations

from typing import TYPE_CHECKING

from econsim.cli.connect import server_url
from econsim.errors import ScenarioError, SetupError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from econsim.adapters.mcp.tool_server import KeptToolServer
    from econsim.agents.tools import ToolTerms
    from econsim.config import Settings
    from econsim.schemas.scenario import Scenario


def require_tool_servers(config: Settings, scenario: Scenario) -> None:
    """Raise ScenarioError for a tool whose server is not configured, if the services are started here."""
    wanted = {tool.server for tool in scenario.tools if not tool.answers}
    if not wanted or server_url(config):
        return
    known = _server_names(config)
    for name in sorted(wanted.difference(known)):
        there = f"there are {', '.join(known)}" if known else "there is none"
        message = (
            f"no tool server {name!r} is configured here; {there}: "
            "write its table into the file that ECONSIM_TOOLS names, or record the answers of its tools"
        )
        raise ScenarioError(message)


def configured_server(config: Settings, name: str) -> KeptToolServer:
    """Return one server of the operator's file, not started; raises SetupError without a file, NotFound for an unknown name."""
    from econsim.domain.mcp.terms import require_server

    return require_server(_servers(config), name)


async def started_servers(
    config: Settings, name: str | None
) -> AsyncIterator[tuple[KeptToolServer, str | None]]:
    """Start the servers of the operator's file, or one of them, all at once; yield each in turn, with what kept it from starting.

    A server's tools stay known after it has ended.
    """
    import asyncio

    servers = {name: configured_server(config, name)} if name else _servers(config)
    for server, started in [(each, asyncio.create_task(_start(each))) for each in servers.values()]:
        yield server, await started


def offers(server: KeptToolServer) -> tuple[list[ToolTerms], list[str]]:
    """Return the terms of a started server's tools, and a warning for each named in the file that the server does not have."""
    from econsim.agents.tools import listed_terms
    from econsim.domain.mcp.terms import call_limits

    limits = call_limits(server.table)
    found = [listed_terms(server.tools[name], limits) for name in sorted(server.tools)]
    warnings = [
        f"{server.name} has no usable tool {name!r}, which the file offers"
        for name in sorted(server.table.tools.keys() - server.tools.keys())
    ]
    return found, warnings


async def _start(server: KeptToolServer) -> str | None:
    """Start a server and end it; return what kept it from starting."""
    try:
        async with server.opened_once():
            return None
    except SetupError as error:
        return str(error)


def _servers(config: Settings) -> Mapping[str, KeptToolServer]:
    from econsim.app import tool_servers

    if config.tools is None:
        message = (
            "no tool servers are configured here: name their file in ECONSIM_TOOLS (docs/how-to/offer-tools.md), or ask "
            "the gateway of a run with --run and --agent"
        )
        raise SetupError(message)
    return tool_servers(config)


def _server_names(config: Settings) -> list[str]:
    if config.tools is None:
        return []
    from econsim.adapters.mcp.server_file import read_tool_tables

    return sorted(read_tool_tables(config.tools).servers)
