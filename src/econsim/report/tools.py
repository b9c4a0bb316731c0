"""Calls of tools in a run's summary: what each group paid for them, and who could not. Folded from the log, event by event."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from econsim import subjects
from econsim.domain.agent.population import Agent
from econsim.domain.audit.facts import Json, Record
from econsim.report.failures import FailureCount

PAID: Final = frozenset({subjects.TOOL_COMPLETED.type, subjects.TOOL_FAILED.type})
"""Types of the events about calls of tools."""


@dataclass(frozen=True, slots=True)
class ToolUse:
    """The calls of one tool by the agents of one group."""

    group: str
    """Group of the agents."""
    server: str
    """Server of the tool."""
    tool: str
    """Name of the tool."""
    calls: int
    """Count of calls that were paid for in advance, the failed ones included."""
    failures: dict[str, int]
    """Reason of a failure → count of calls."""
    price: int
    """Price of the calls, micro-credits."""
    said: Mapping[str, str] = field(default_factory=dict)
    """Reason of a failure → what the tool or its server said most often."""


@dataclass(frozen=True, slots=True)
class GroupTools:
    """The tools of one group over the whole run."""

    group: str
    """Group of the agents."""
    uses: tuple[ToolUse, ...]
    """Uses of tools, one a tool, by server and name."""
    refused: int
    """Count of calls that were refused for lack of credits, before any server was asked."""

    @property
    def price(self) -> int:
        """Return the price of all calls, micro-credits."""
        return sum(use.price for use in self.uses)


@dataclass(slots=True)
class _ToolCount:
    """One tool's calls while they are counted."""

    calls: int = 0
    price: int = 0
    failures: FailureCount = field(default_factory=FailureCount)


class ToolAggregator:
    """Calls of tools of a run, folded event by event."""

    def __init__(self, agents: Iterable[Agent] = ()) -> None:
        """Start before the run's first call."""
        self._groups = {agent.id: agent.group for agent in agents}
        self._uses: dict[tuple[str, str, str], _ToolCount] = {}
        self._refused: Counter[str] = Counter()

    def add(self, entry: Record) -> None:
        """Add an event: the outcome of a call, or refused chains, some of which may be reservations of calls."""
        if entry.type in PAID:
            self._end(entry)
            return
        from econsim.domain.mcp.request import caller_of

        for chain in entry.data["chains"]:
            group = self._groups.get(caller_of(chain["id"]) or "")
            if group is not None:
                self._refused[group] += 1

    def summary(self) -> tuple[GroupTools, ...]:
        """Return the tools of each group that called any, in the order of the scenario."""
        calling = {group for group, *_ in self._uses} | self._refused.keys()
        return tuple(self._group(group) for group in dict.fromkeys(self._groups.values()) if group in calling)

    def _end(self, entry: Record) -> None:
        call = entry.data
        if call["agent"] not in self._groups:
            return
        use = self._uses.setdefault((self._groups[call["agent"]], entry.entity, call["tool"]), _ToolCount())
        use.calls += 1
        use.price += call["price"]
        if reason := call.get("failure"):
            use.failures.add(reason, call["message"])
        elif call.get("is_error"):
            use.failures.add("error", _text(call["result"]))

    def _group(self, group: str) -> GroupTools:
        uses = tuple(
            ToolUse(*key, use.calls, use.failures.counts, use.price, use.failures.said)
            for key, use in sorted(self._uses.items())
            if key[0] == group
        )
        return GroupTools(group, uses, self._refused[group])


def _text(result: Json | None) -> str:
    """Return the first text of a result; empty for one without text, and for one too long for the log."""
    parts = (result or {}).get("content") or ()
    return next((part["text"] for part in parts if isinstance(part.get("text"), str)), "")
