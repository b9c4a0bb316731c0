"""A market as a PettingZoo environment: many agents learn side by side, the others trade by the policies of the scenario."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from gymnasium.spaces import Box, Discrete
from gymnasium.utils import seeding

from econsim.api.scenarios import AnyScenario
from econsim.envs.market_game import NUMBERS, PRICES, MarketGame, Observed
from econsim.errors import SetupError

try:
    from pettingzoo import ParallelEnv  # type: ignore[import-untyped]  # the library has no types
except ModuleNotFoundError as error:
    message = "many learning agents need pettingzoo; install econsim[gym]"
    raise SetupError(message) from error


class ParallelMarketEnv(ParallelEnv[str, Observed, np.int64]):  # type: ignore[misc]  # as above
    """Several agents in a market: actions, observations, rewards and end are those of `MarketEnv`, for each by its id.

    All agents act at every tick, and all end together when the run closes.
    """

    metadata: ClassVar[dict[str, Any]] = {"render_modes": [], "name": "econsim_market_v0"}

    def __init__(
        self,
        scenario: AnyScenario = "smith1962",
        agents: Sequence[str] = ("buyer_001", "seller_001"),
        prices: int = PRICES,
    ) -> None:
        """Play agents of a scenario; raises as `MarketEnv` does."""
        self._game = MarketGame(scenario, agents, prices)
        self.possible_agents = list(agents)
        self.agents = list(agents)
        self.render_mode = None
        self._random, _ = seeding.np_random(0)
        self.action_spaces = {name: Discrete(self._game.prices + 1) for name in agents}
        self.observation_spaces = {name: Box(0.0, 1.0, (len(NUMBERS),), np.float32) for name in agents}

    def observation_space(self, agent: str) -> Box:
        """Return the space of an agent's observations, always the same object."""
        return self.observation_spaces[agent]

    def action_space(self, agent: str) -> Discrete[np.int64]:
        """Return the space of an agent's actions, always the same object."""
        return self.action_spaces[agent]

    def reset(
        self, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Observed], dict[str, dict[str, Any]]]:
        """Begin a run; return what each agent sees at its first tick. Raises InvalidMessage for what is no seed."""
        del options
        self._game.open(int(self._random.integers(2**31)) if seed is None else seed)
        if seed is not None:
            self._random, _ = seeding.np_random(seed)
        self.agents = list(self.possible_agents)
        return self._observations(), {name: {} for name in self.agents}

    def step(
        self, actions: dict[str, np.int64]
    ) -> tuple[
        dict[str, Observed],
        dict[str, float],
        dict[str, bool],
        dict[str, bool],
        dict[str, dict[str, Any]],
    ]:
        """Do a tick with an action of each agent; one that is not named leaves its order as it is.

        Raises InvalidMessage for an action outside the space, before `reset`, and once the run has closed.
        """
        gains = self._game.step(actions)
        seen, played, ended = self._observations(), self.agents, self._game.run.has_ended
        if ended:
            self.agents = []
        return (
            seen,
            {name: gains[name] for name in played},
            dict.fromkeys(played, ended),
            dict.fromkeys(played, False),
            {name: {} for name in played},
        )

    def _observations(self) -> dict[str, Observed]:
        return {name: self._game.observe(name) for name in self.agents}
