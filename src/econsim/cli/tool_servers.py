"""The check that the outside tools of a scenario have a server here, before anything starts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from econsim.cli.connect import server_url
from econsim.errors import ScenarioError

if TYPE_CHECKING:
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


def _server_names(config: Settings) -> list[str]:
    if config.tools is None:
        return []
    from econsim.adapters.mcp.server_file import read_tool_tables

    return sorted(read_tool_tables(config.tools).servers)
