"""Calls of models in a run's summary: what each group paid for its thoughts, and who could no longer pay.

Folded from the log, one event at a time, like the rest of the summary. Ledger entries reach the log late, so a refused
call counts in the period of its cycle, which its receipt names, and not in the one under way.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from econsim import subjects
from econsim.domain.agent.population import Agent
from econsim.domain.audit.facts import Json, Record
from econsim.report.failures import FailureCount
from econsim.schemas.types import MICROS_PER_CREDIT


@dataclass(frozen=True, slots=True)
class ModelUse:
    """The calls of one model by the agents of one group."""

    group: str
    """Group of the agents."""
    model: str
    """Model that was asked for."""
    calls: int
    """Count of calls that a provider was asked for, the failed ones included."""
    failures: dict[str, int]
    """Reason of a failure → count of calls."""
    input_tokens: int
    """Count of tokens of the prompts."""
    output_tokens: int
    """Count of tokens of the answers."""
    units: int
    """Units of the token resource used up."""
    price: int
    """Price of the calls, micro-credits."""
    said: Mapping[str, str] = field(default_factory=dict)
    """Reason of a failure → what the provider said most often."""


@dataclass(frozen=True, slots=True)
class ThinkingPeriod:
    """Thinking of one group on one trading day."""

    cost: float
    """Cost of thinking: credits paid for calls, a mean over the group's agents."""
    priced_out: float
    """Share of the agents whose newest call was refused for lack of credits or units, a fraction."""


@dataclass(frozen=True, slots=True)
class GroupThinking:
    """Thinking of one group over the whole run."""

    group: str
    """Group of the agents."""
    uses: tuple[ModelUse, ...]
    """Uses of models, one a model, by name."""
    refused: int
    """Count of calls that were refused for lack of credits or units, before any provider was asked."""
    periods: tuple[ThinkingPeriod, ...]
    """Trading days in order."""

    @property
    def price(self) -> int:
        """Return the price of all calls, micro-credits."""
        return sum(use.price for use in self.uses)


class _Use:
    """One model's calls while they are counted."""

    def __init__(self) -> None:
        self.calls = self.input_tokens = self.output_tokens = self.units = self.price = 0
        self.failures = FailureCount()

    def add(self, outcome: Json) -> None:
        self.calls += 1
        self.input_tokens += outcome["usage"]["input_tokens"]
        self.output_tokens += outcome["usage"]["output_tokens"]
        self.units += outcome["units"]
        self.price += outcome["price"]
        if outcome["failure"]:
            self.failures.add(outcome["failure"], outcome["message"])

    def summary(self, group: str, model: str) -> ModelUse:
        return ModelUse(
            group,
            model,
            self.calls,
            self.failures.counts,
            self.input_tokens,
            self.output_tokens,
            self.units,
            self.price,
            self.failures.said,
        )


class ThinkingAggregator:
    """Calls of models of a run, folded event by event."""

    def __init__(self, agents: Iterable[Agent] = ()) -> None:
        """Start before the run's first call."""
        self._groups = {agent.id: agent.group for agent in agents}
        self._sizes = Counter(self._groups.values())
        self._uses: dict[str, defaultdict[str, _Use]] = {}
        self._refused: Counter[str] = Counter()
        self._paid: Counter[tuple[str, int]] = Counter()
        self._newest: dict[tuple[str, int], tuple[int, int, bool]] = {}

    def add(self, entry: Record, period_starts: Sequence[int]) -> None:
        """Add an event: outcomes of calls, or refused chains, some of which may be reservations of calls."""
        if entry.type == subjects.LLM_INVOKED.type:
            for outcome in entry.data["items"]:
                self._end(outcome, period_starts)
            return
        from econsim.domain.cognition.call import position_of

        for chain in entry.data["chains"]:
            position = position_of(chain["id"])
            if position is not None and position.agent in self._groups:
                self._refused[self._groups[position.agent]] += 1
                self._note(*position, period_starts, is_refused=True)

    def summary(self, periods: int) -> tuple[GroupThinking, ...]:
        """Return the thinking of each group that asked for any, in the order of the scenario."""
        asking = [group for group in self._sizes if group in self._uses or self._refused[group]]
        return tuple(self._group(group, periods) for group in asking)

    def _end(self, outcome: Json, period_starts: Sequence[int]) -> None:
        agent = outcome["agent"]
        if agent not in self._groups:
            return
        group = self._groups[agent]
        self._uses.setdefault(group, defaultdict(_Use))[outcome["model"]].add(outcome)
        self._paid[group, bisect_right(period_starts, outcome["cycle"])] += outcome["price"]
        self._note(agent, outcome["cycle"], outcome["ordinal"], period_starts, is_refused=False)

    def _note(
        self, agent: str, cycle: int, ordinal: int, period_starts: Sequence[int], *, is_refused: bool
    ) -> None:
        """Keep the newest call of an agent in a period."""
        key, found = (agent, bisect_right(period_starts, cycle)), (cycle, ordinal, is_refused)
        self._newest[key] = max(self._newest.get(key, found), found)

    def _group(self, group: str, periods: int) -> GroupThinking:
        uses: Mapping[str, _Use] = self._uses.get(group, {})
        members = [agent for agent, of in self._groups.items() if of == group]
        out = dict.fromkeys(members, False)
        days: list[ThinkingPeriod] = []
        for period in range(1, periods + 1):
            for agent in members:
                newest = self._newest.get((agent, period))
                out[agent] = out[agent] if newest is None else newest[2]
            cost = self._paid[group, period] / (len(members) * MICROS_PER_CREDIT)
            days.append(ThinkingPeriod(cost, sum(out.values()) / len(members)))
        return GroupThinking(
            group,
            tuple(use.summary(group, model) for model, use in sorted(uses.items())),
            self._refused[group],
            tuple(days),
        )
