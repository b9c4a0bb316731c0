"""Recorded answers of tools: they come from the scenario, so a run needs no server and has one result everywhere. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import groupby
from operator import attrgetter

from econsim.domain.mcp.request import canonical_json
from econsim.domain.mcp.terms import listing_digest
from econsim.errors import ToolCallFailed
from econsim.schemas.mcp import ToolFailure, ToolListing, ToolResult
from econsim.schemas.scenario_tools import OfferedTool
from econsim.schemas.tool_server_file import ServerTable, ToolTable


class RecordedTools:
    """The tools of one server whose answers are recorded."""

    def __init__(self, server: str, tools: Iterable[OfferedTool]) -> None:
        """Answer for these tools of the server."""
        offered = list(tools)
        self.name = server
        """Name of the server."""
        # Not validated: a validated price would be taken for credits, and it is in micro-credits here.
        self.table = ServerTable(
            tools={tool.name: ToolTable.model_construct(price=tool.price, pure=True) for tool in offered}
        )
        """Terms of the tools: prices as the scenario has them, no limits."""
        self.tools: Mapping[str, ToolListing] = {tool.name: _listing(tool) for tool in offered}
        """Tools that agents may call, by name."""
        self.listing = listing_digest(self.tools)
        """Digest of the tools."""
        self._answers = {
            (tool.name, canonical_json(answer.params)): answer for tool in offered for answer in tool.answers
        }

    def answer(self, tool: str, arguments: str) -> ToolResult:
        """Return the recorded answer to canonical arguments; raises ToolCallFailed if there is none."""
        found = self._answers.get((tool, arguments))
        if found is None:
            message = (
                f"the scenario has no answer of {tool!r} of {self.name!r} to {arguments}; "
                "record it, or run with `--live-tools`"
            )
            raise ToolCallFailed(message, code=ToolFailure.TOOL_ANSWER_IS_NOT_RECORDED.value, ran=False)
        content = ({"type": "text", "text": found.text},)
        return ToolResult(content, structured=found.structured, is_error=found.is_error)


def recorded_servers(tools: Iterable[OfferedTool]) -> dict[str, RecordedTools]:
    """Return server → its recorded tools, for each server of a scenario with recorded answers."""
    recorded = sorted((tool for tool in tools if tool.answers), key=attrgetter("server"))
    return {server: RecordedTools(server, found) for server, found in groupby(recorded, attrgetter("server"))}


def _listing(tool: OfferedTool) -> ToolListing:
    return ToolListing(
        tool.server, tool.name, tool.description, dict(tool.parameters), tool.price, tool.price, 0
    )
