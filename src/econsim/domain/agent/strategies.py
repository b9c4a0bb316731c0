"""The newest strategies of strategists, folded from the log: what their models wrote, for the coded traders to keep. Pure.

A strategy holds from the tick after its call. A host that takes over folds the same log and has the same strategies; a
failed call, and an answer without strategies, leave the ones before.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from econsim.domain.agent.population import Agent
from econsim.domain.cognition.strategy import Strategy, parse_strategies
from econsim.schemas.cognition import CallOutcome
from econsim.schemas.scenario import PolicyName


class Strategies:
    """The strategies of some agents."""

    def __init__(self, agents: Iterable[Agent]) -> None:
        """Start without strategies; agents of other policies never have any."""
        self._newest: dict[str, dict[str, Strategy]] = {
            agent.id: {} for agent in agents if agent.policy is PolicyName.LLM_STRATEGIST
        }
        self._resources = {
            agent.id: [role.resource for role in agent.roles] for agent in agents if agent.id in self._newest
        }
        self._answers: list[CallOutcome] = []

    def collect(self, outcomes: Iterable[CallOutcome]) -> None:
        """Keep the answers to these agents until the next tick opens."""
        if self._newest:
            self._answers.extend(each for each in outcomes if each.agent in self._newest and each.content)

    def open_tick(self) -> Iterator[tuple[str, str, Strategy]]:
        """Yield agent, resource and strategy for each that the answers since the last tick wrote."""
        for answer in self._answers:
            newest = self._newest[answer.agent]
            parsed = parse_strategies(answer.content or "", self._resources[answer.agent], newest)
            for resource, strategy in parsed.strategies.items():
                newest[resource] = strategy
                yield answer.agent, resource, strategy
        self._answers.clear()
