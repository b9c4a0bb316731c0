"""A market as a Gymnasium environment: one agent learns, the others trade by the policies of the scenario."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from gymnasium.spaces import Box, Discrete

from econsim.api.scenarios import AnyScenario
from econsim.envs.market_game import NUMBERS, PRICES, MarketGame, Observed


class MarketEnv(gymnasium.Env[Observed, np.int64]):
    """One agent in a market: a step is a tick, an episode a run.

    **Actions**, `Discrete(prices + 1)`: 0 leaves the agent's order as it is. k = 1 … `prices` makes it an order for the next unit that asks
    for the share (k - 1) / (prices - 1) of the most it could gain: 1 quotes the value or cost itself, `prices` the market's floor or ceiling.
    So no action loses money, and without units left none does anything.

    **Observations**, `Box(0, 1, (8,), float32)`: the numbers of `NUMBERS`, in `econsim.envs.market_game`.

    **Reward**: the surplus that the agent realised in the tick, in credits, after tax: value less price, or price less cost.

    **End**: terminated when the run closes. The agent acts at every tick, whatever the `activity_percent` of its group.

    `reset(seed=n)` runs the scenario with seed n; without a seed, the next one is drawn from the one before. Equal seeds and actions give
    equal episodes.
    """

    metadata: dict[str, Any] = {"render_modes": []}  # noqa: RUF012 - as the library declares it

    def __init__(
        self,
        scenario: AnyScenario = "smith1962",
        agent: str = "buyer_001",
        prices: int = PRICES,
        render_mode: None = None,
    ) -> None:
        """Play an agent of a scenario, given by name, file, object or what `econsim.load` returned, whose agents all quote prices by code.

        Raises ScenarioError for another scenario and for an agent without exactly one role, NotFound for an unknown agent.
        """
        self.render_mode = render_mode
        self._agent = agent
        self._game = MarketGame(scenario, (agent,), prices)
        self.action_space = Discrete(self._game.prices + 1)
        self.observation_space = Box(0.0, 1.0, (len(NUMBERS),), np.float32)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observed, dict[str, Any]]:
        """Begin a run; return what the agent sees at its first tick. Raises InvalidMessage for what is no seed."""
        # Before Gymnasium sees it, whose error of a wrong seed does not say what would be right.
        if seed is not None:
            self._game.open(seed)
        super().reset(seed=seed, options=options)
        if seed is None:
            self._game.open(int(self.np_random.integers(2**31)))
        return self._game.observe(self._agent), {}

    def step(self, action: np.int64) -> tuple[Observed, float, bool, bool, dict[str, Any]]:
        """Do a tick with an action; return what the agent then sees, its reward, and whether the run has closed.

        Raises InvalidMessage for an action outside the space, before `reset`, and once the run has closed.
        """
        gain = self._game.step({self._agent: action})[self._agent]
        return self._game.observe(self._agent), gain, self._game.run.has_ended, False, {}
