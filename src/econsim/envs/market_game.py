"""A market as a game of some agents: actions as prices, what they see as numbers, what they gain as rewards.

Shared by the environments of both libraries; knows neither.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import index
from typing import Final, SupportsIndex

import numpy as np
from numpy.typing import NDArray

from econsim.api.scenarios import AnyScenario, as_loaded
from econsim.domain.agent.prospects import highest_bid, lowest_ask
from econsim.domain.execution.stepped_run import PlayedAgent, SteppedRun
from econsim.errors import InvalidMessage
from econsim.schemas.orders import Side
from econsim.schemas.types import MICROS_PER_CREDIT

Observed = NDArray[np.float32]
"""Numbers from 0 to 1 that an agent sees."""

PRICES: Final = 20
"""Number of prices to choose from, unless it is given."""

PRICES_MAX: Final = 10_000
"""Most prices to choose from: learning libraries keep numbers for each, and the grid of a market hardly has more."""

SEED_MAX: Final = 2**63 - 1
"""Largest seed of a run."""

NUMBERS: Final = (
    "side: 0 for a buyer, 1 for a seller",
    "value or cost of the next unit; 0 when all are traded, and in a period without the agent",
    "units left to trade in the period, as a share of all",
    "best bid; 0 without any",
    "best ask; 1 without any",
    "last price; 0 before the first trade",
    "price of the own order; 0 without any",
    "time left in the period, as a share of its ticks",
)
"""Numbers of an observation, in their order. Prices and values, net of tax, are shares of the market's price ceiling in the period."""


class MarketGame:
    """One scenario, of which some agents are played; `open` begins a run of it."""

    def __init__(self, scenario: AnyScenario, agents: Sequence[str], prices: int = PRICES) -> None:
        """Take a scenario and the agents to play.

        Raises ScenarioError and NotFound as `SteppedRun` does, InvalidMessage for a number of prices that makes no choice, and for agents that
        are no names, none or named twice.
        """
        self.prices = _whole("prices", prices, 2, PRICES_MAX)
        """Number of prices to choose from."""
        if isinstance(agents, str) or not all(isinstance(each, str) for each in agents):
            message = f"{agents!r} are no agents; give their names as a list: ['buyer_001']"
            raise InvalidMessage(message)
        if len({*agents}) < max(len(agents), 1):
            message = f"an environment has each of its agents once, and at least one, not {list(agents)}; name them so"
            raise InvalidMessage(message)
        self._scenario = as_loaded(scenario).definition
        self._agents = tuple(agents)
        self._steps = self.prices - 1
        self._is_open = False
        self.run = SteppedRun(self._scenario, self._agents)
        """Run under way."""

    def open(self, seed: int) -> None:
        """Begin a new run with a seed; raises InvalidMessage for what is no seed."""
        seed = _whole("seed", seed, 0, SEED_MAX)
        self._is_open = True
        self.run = SteppedRun(self._scenario.model_copy(update={"seed": seed}), self._agents)

    def step(self, actions: Mapping[str, SupportsIndex]) -> Mapping[str, float]:
        """Do a tick; return what each agent gained in it, credits.

        Raises InvalidMessage for what is no action, before `open`, and once the run has closed.
        """
        if not self._is_open or self.run.has_ended:
            what = "has closed" if self._is_open else "has not begun"
            message = f"no step can be done, the run {what}; call reset(), which begins one"
            raise InvalidMessage(message)
        if not isinstance(actions, Mapping) or (
            unknown := [each for each in actions if each not in self.run.players]
        ):
            what = repr(unknown[0]) if isinstance(actions, Mapping) else repr(actions)
            message = f"{what} names no agent of this environment; give actions by agent, of {', '.join(self._agents)}"
            raise InvalidMessage(message)
        players = self.run.players
        gains = self.run.step({name: self._price(players[name], action) for name, action in actions.items()})
        return {name: gain / MICROS_PER_CREDIT for name, gain in gains.items()}

    def observe(self, agent: str) -> Observed:
        """Return what an agent sees."""
        run = self.run
        player = run.players[agent]
        seat, most = player.seat, player.market.price_max
        bid, ask, last = run.quote(player)
        numbers = (
            0.0 if seat.buys else 1.0,
            _share(seat.value, most),
            (player.units - player.trader.position.traded) / max(player.units, 1),
            _share(bid, most),
            1.0 if ask is None else _share(ask, most),
            _share(last, most),
            0.0 if seat.order is None else seat.order.price / most,
            0.0 if run.has_ended else 1.0 - (run.tick_of_period - 1) / run.ticks_per_period,
        )
        return np.array(numbers, np.float32)

    def _price(self, player: PlayedAgent, action: SupportsIndex) -> int | None:
        """Return the price of an action, on the grid, no worse than the value or cost; None for what leaves an order as it is."""
        value, chosen = player.seat.value, self._number(action)
        if not chosen or value is None:
            return None
        market, part = player.market, chosen - 1
        if player.trader.position.side is Side.BID:
            limit = highest_bid(value, market)
            return limit and highest_bid(limit - (limit - market.price_min) * part // self._steps, market)
        limit = lowest_ask(value, market)
        return limit and lowest_ask(limit + (market.price_max - limit) * part // self._steps, market)

    def _number(self, action: SupportsIndex) -> int:
        try:
            number = index(action)
        except TypeError:
            number = -1
        if not 0 <= number <= self._steps + 1:
            message = f"{action!r} is no action; give a whole number from 0 to {self._steps + 1}"
            raise InvalidMessage(message)
        return number


def _whole(name: str, value: object, least: int, most: int) -> int:
    """Return a whole number, which may be NumPy's; raises InvalidMessage for anything else."""
    try:
        number = least - 1 if isinstance(value, bool) else index(value)  # type: ignore[arg-type]  # that is asked here
    except TypeError:
        number = least - 1
    if not least <= number <= most:
        message = f"{name} = {value!r} is not possible; give a whole number from {least} to {most}"
        raise InvalidMessage(message)
    return number


def _share(price: int | None, most: int) -> float:
    """Return a price as a share of the ceiling, 0 without any; one of a period with other limits may lie beyond."""
    return 0.0 if price is None else min(max(price / most, 0.0), 1.0)
