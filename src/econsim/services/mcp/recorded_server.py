"""The recorded tools of a scenario as a tool server of the gateway."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from econsim.domain.agent.active_run import ActiveRun
from econsim.domain.mcp.recorded import RecordedTools, recorded_servers
from econsim.domain.mcp.request import canonical_json
from econsim.ports import ToolServer
from econsim.schemas.mcp import ToolResult


class RecordedServer:
    """A tool server whose answers the scenario has; it needs no process."""

    is_open = True
    """True: its answers are always there."""

    def __init__(self, recorded: RecordedTools) -> None:
        """Answer with these tools."""
        self._recorded = recorded
        self.name, self.table = recorded.name, recorded.table
        self.tools, self.listing = recorded.tools, recorded.listing

    def start(self) -> None:
        """Do nothing: there is no session."""

    async def stop(self) -> None:
        """Do nothing: there is no session."""

    async def call(self, tool: str, arguments: Mapping[str, Any], timeout_s: float) -> ToolResult:  # noqa: ARG002 - the port's
        """Return the recorded answer; raises ToolCallFailed if there is none."""
        return self._recorded.answer(tool, canonical_json(dict(arguments)))


def recorded_names(run: ActiveRun) -> frozenset[str]:
    """Return the names of a run's servers whose answers are recorded."""
    return frozenset(tool.server for tool in run.data.scenario.tools if tool.answers)


def servers_of_run(servers: Mapping[str, ToolServer], run: ActiveRun) -> Mapping[str, ToolServer]:
    """Return the tool servers of a run: its scenario's recorded ones before the operator's of the same name."""
    recorded = recorded_servers(run.data.scenario.tools)
    if not recorded:
        return servers
    return {**servers, **{name: RecordedServer(found) for name, found in recorded.items()}}
