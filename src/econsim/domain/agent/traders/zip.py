"""Zero intelligence plus (Cliff 1997, HPL-97-91): a profit margin learned from the public tape.

Rules as in the paper: which shouts raise or lower the margin (§4.1), targets with a relative and an
absolute perturbation, and Widrow-Hoff learning with momentum (§4.2). An update that would turn a margin
into a loss is not made, as in the paper's program. Only + - * / on floats, so every machine agrees.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Final

from econsim.domain.agent.random_draws import Draws
from econsim.domain.agent.traders.base import Quoter, TraderPosition
from econsim.domain.agent.traders.margins import PERCENT
from econsim.domain.cognition.strategy import Strategy
from econsim.schemas.market import Shout
from econsim.schemas.orders import Side
from econsim.schemas.types import MICROS_PER_CREDIT

BETA: Final = (0.1, 0.5)
"""Learning rate, drawn once for each trader."""

GAMMA: Final = (0.0, 0.1)
"""Momentum, drawn once for each trader."""

MARGIN: Final = (0.05, 0.35)
"""Initial margin over cost; buyers start as far below value."""

RELATIVE: Final = 0.05
"""Largest relative perturbation of a target."""

ABSOLUTE: Final = 0.05 * MICROS_PER_CREDIT
"""Largest absolute perturbation of a target, micro-credits: five hundredths of the paper's unit."""

SHOUTS_MAX: Final = 100
"""Number of the newest shouts of a tick that a trader learns from: the paper's market of 22 never has more, and the
cost of a tick stays linear in the number of traders."""


class Zip(Quoter):
    """Quotes its values or costs plus a margin that follows the shouts of the market."""

    learns: ClassVar[bool] = True

    def __init__(self, position: TraderPosition, draws: Draws) -> None:
        """Draw learning rate, momentum and first margin."""
        super().__init__(position, draws)
        self._beta = _between(BETA, draws)
        self._gamma = _between(GAMMA, draws)
        sign = 1.0 if position.side is Side.ASK else -1.0
        self.margin = sign * _between(MARGIN, draws)
        self._momentum = 0.0

    def follow(self, strategy: Strategy) -> None:
        """Keep a strategy from now on; its learning rate takes the place of the drawn one."""
        super().follow(strategy)
        self._beta = strategy.learning_percent / PERCENT

    def price(self, value: int, draws: Draws) -> int | None:
        """Return the price that the present margin gives, to the nearest tick and never at a loss."""
        del draws
        limit = self.position.worst(value)
        if limit is None:
            return None
        market = self.position.market
        nearest = int(max(value, 1) * (1.0 + self.margin) / market.tick_size + 0.5) * market.tick_size
        if self.position.side is Side.BID:
            return min(max(nearest, market.price_min), limit)
        return max(min(nearest, market.price_max), limit)

    def learn(self, tape: Sequence[Shout], draws: Draws) -> None:
        """Move the margin by the newest shouts, in turn."""
        if not self.position.values:
            return  # nobody who is not there hears anything
        for shout in tape[-SHOUTS_MAX:]:
            direction = self._direction(shout)
            if direction:
                self._move(shout.price, direction, draws)

    def lessons(self) -> tuple[float, ...]:
        """Return margin and momentum."""
        return self.margin, self._momentum

    def recall(self, lessons: Sequence[float]) -> None:
        """Go on with the margin and the momentum of before."""
        self.margin, self._momentum = lessons

    def _direction(self, shout: Shout) -> int:
        """Return the direction in which a shout moves the target price: 1 up, -1 down, 0 not at all."""
        outward = 1 if self.position.side is Side.ASK else -1
        edge = (shout.price - self._shout_price()) * outward
        if shout.traded and edge >= 0:
            return outward
        # Undercut by a rival's unmet quote, or left out of a trade that the other side's quote found.
        rival = (shout.side is self.position.side) != shout.traded
        return -outward if rival and edge <= 0 and self.position.value is not None else 0

    def _move(self, price: int, direction: int, draws: Draws) -> None:
        target = price * (1.0 + direction * RELATIVE * draws.fraction())
        target += direction * ABSOLUTE * draws.fraction()
        present = self._shout_price()
        delta = self._beta * (target - present)
        self._momentum = self._gamma * self._momentum + (1.0 - self._gamma) * delta
        margin = (present + self._momentum) / self._reference() - 1.0
        if margin > 0.0 if self.position.side is Side.ASK else -1.0 <= margin < 0.0:
            self.margin = margin

    def _shout_price(self) -> float:
        return self._reference() * (1.0 + self.margin)

    def _reference(self) -> int:
        """Return the value or cost that the margin refers to: the last unit's when all are traded, never 0."""
        values = self.position.values
        return max(values[min(self.position.traded, len(values) - 1)], 1)


def _between(bounds: tuple[float, float], draws: Draws) -> float:
    return bounds[0] + (bounds[1] - bounds[0]) * draws.fraction()
