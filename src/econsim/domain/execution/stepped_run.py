"""A run of coded agents that goes on tick by tick, while somebody else chooses the prices of some agents. Pure.

For learning agents: the same engine as of every run of coded agents in memory, and the same events, which nobody looks into here
but for trades.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from econsim.domain.agent.random_draws import Draws
from econsim.domain.agent.traders import Quoter
from econsim.domain.audit.canonical_facts import Prices
from econsim.domain.audit.envelope import Envelope
from econsim.domain.audit.late_event import LateEvent
from econsim.domain.execution.coded_agents import Seat
from econsim.domain.execution.coded_facts import TickOpened
from econsim.domain.execution.coded_items import TradeRows
from econsim.domain.execution.coded_run import is_of_coded_agents
from econsim.domain.execution.measured_run import MeasuredRun
from econsim.errors import NotFound, ScenarioError
from econsim.schemas.scenario import Market, Scenario

NOW: Final = "1970-01-01T00:00:00.000000000Z"
"""Wall-clock time of every event: none passes."""


class ChosenPrice(Quoter):
    """A trader that quotes the price it is given; None leaves its order as it is."""

    price_wanted: int | None = None

    def price(self, value: int, draws: Draws) -> int | None:
        """Return the price that was chosen."""
        del value, draws
        return self.price_wanted


@dataclass(frozen=True, slots=True)
class PlayedAgent:
    """An agent whose prices are chosen."""

    seat: Seat
    """Seat of the agent on its market."""
    trader: ChosenPrice
    """Trader on the seat."""

    @property
    def market(self) -> Market:
        """Market of the seat as it is in the period under way."""
        return self.trader.position.market

    @property
    def units(self) -> int:
        """Units that the agent may trade in the period under way; 0 while it is not there."""
        return len(self.trader.position.values)


class SteppedRun:
    """One run, from its first tick on."""

    def __init__(self, scenario: Scenario, agents: Sequence[str]) -> None:
        """Go to the first tick, before anybody has acted.

        Raises ScenarioError for a scenario with agents that do not trade by code, and for an agent without exactly one role, NotFound
        for an agent that the scenario lacks.
        """
        if not is_of_coded_agents(scenario):
            message = f"scenario {scenario.name!r} has agents that do not just quote prices by code, so it cannot go on step by step"
            raise ScenarioError(message)
        run = MeasuredRun(scenario, Envelope("steps", "", 0, NOW), dict.fromkeys(agents, ChosenPrice))
        self.players = {name: _player(run, name) for name in agents}
        """Agents whose prices are chosen, by id."""
        self.tick_of_period = 0
        """Number of the open tick in its period."""
        self.period = 0
        """Number of the period."""
        self.has_ended = False
        """True once the run has closed."""
        self._run = run
        self._events = run.events()
        self._gains = dict.fromkeys(agents, 0)
        self._traded = dict.fromkeys(agents, 0)
        self._advance()

    @property
    def ticks_per_period(self) -> int:
        """Ticks of the period under way, at most."""
        return self._run.clock.ticks_per_period

    def quote(self, player: PlayedAgent) -> Prices:
        """Return best bid, best ask and last price of a player's market, micro-credits."""
        return self._run.quote(player.market.resource)

    def step(self, prices: Mapping[str, int | None]) -> Mapping[str, int]:
        """Do the open tick with these prices, and open the next; return what each player gained in it, after tax, micro-credits.

        A price lies on its market's grid and within its limits; None, and a player that is not named, leave an order as it is.
        """
        for name, player in self.players.items():
            player.trader.price_wanted = prices.get(name)
        self._gains = dict.fromkeys(self.players, 0)
        # A period that opens after the tick resets the positions before the trades are counted.
        self._traded = {name: player.trader.position.traded for name, player in self.players.items()}
        self._advance()
        return self._gains

    def _advance(self) -> None:
        for event in self._events:
            content = event.content if isinstance(event, LateEvent) else None
            if isinstance(content, TickOpened):
                self.period, self.tick_of_period = content.period, content.tick_of_period
                return
            if isinstance(content, TradeRows):
                self._gain(content)
        self.has_ended = True

    def _gain(self, trades: TradeRows) -> None:
        for _, _, price, buyer, seller, *_ in trades.rows:
            for name, sign in ((buyer, 1), (seller, -1)):
                player = self.players.get(name)
                if player is not None:
                    value = player.trader.position.values[self._traded[name]]
                    self._traded[name] += 1
                    self._gains[name] += sign * (value - price)


def _player(run: MeasuredRun, name: str) -> PlayedAgent:
    found = next((agent for agent in run.agents if agent.id == name), None)
    if found is None:
        message = (
            f"the scenario has no agent {name!r}; it has {', '.join(agent.id for agent in run.agents[:20])}"
        )
        raise NotFound(message)
    if len(found.roles) != 1:
        message = f"agent {name!r} has {len(found.roles)} roles; one whose prices are chosen has one"
        raise ScenarioError(message)
    seat = run.seat(name, found.roles[0].resource)
    assert isinstance(seat.trader, ChosenPrice)
    return PlayedAgent(seat, seat.trader)
