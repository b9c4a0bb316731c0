"""The scripted trader: a list of actions, each at its tick; for tests and demonstrations."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import ClassVar

from econsim.domain.agent.random_draws import Draws
from econsim.domain.agent.traders.base import View
from econsim.schemas.agent import Limits
from econsim.schemas.market import Shout
from econsim.schemas.orders import Action
from econsim.schemas.scenario import Market, ScriptedAction
from econsim.schemas.types import AMOUNT_MAX


class Scripted:
    """A trader that does what its script says on one market, and nothing else."""

    learns: ClassVar[bool] = False

    def __init__(self, agent: str, market: Market, script: Iterable[ScriptedAction]) -> None:
        """Keep the script's steps on this market by tick."""
        self._market = market
        self._steps: defaultdict[int, list[Action]] = defaultdict(list)
        for step in script:
            if step.resource == market.resource:
                self._steps[step.tick].append(step.action(agent))
        self._last = max(self._steps, default=0)

    def act(self, view: View, draws: Draws) -> Sequence[Action]:
        """Return the steps of this tick."""
        del draws
        return self._steps.get(view.tick, ())

    def learn(self, tape: Sequence[Shout], draws: Draws) -> None:
        """Learn nothing."""

    def lessons(self) -> tuple[float, ...]:
        """Return nothing."""
        return ()

    def recall(self, lessons: Sequence[float]) -> None:
        """Recall nothing."""

    def change(self, values: tuple[int, ...], market: Market, activity_percent: int) -> None:
        """Follow the script on a market of these rules from now on."""
        del values, activity_percent
        self._market = market

    def limits(self, tick: int) -> Limits:
        """Return the market's own limits, and a gain at any price, while steps are left: no period ends before."""
        if tick >= self._last:
            return Limits()
        return Limits(self._market.price_max, AMOUNT_MAX, self._market.price_min, 0)
