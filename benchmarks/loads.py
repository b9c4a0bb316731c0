"""The loads: scenarios whose size is a parameter, and individual orders for the real-time queue."""

from __future__ import annotations

from collections.abc import Mapping

from econsim import subjects
from econsim.domain.agent.population import population
from econsim.domain.agent.random_draws import Draws
from econsim.schemas.money import format_credits
from econsim.schemas.orders import PlaceAsk, PlaceBid, Side
from econsim.schemas.scenario import Scenario
from econsim.schemas.scenario_cognition import Cognition

RESOURCE = "good"


def crowd(agents: int, ticks: int, policy: str = "zi_c") -> Scenario:
    """Return half buyers, half sellers, who all quote at every tick on one continuous double auction."""
    sides = (("buyer", "bid", 3.25, 0.75), ("seller", "ask", 0.75, 3.25))
    return Scenario.model_validate(
        {
            "name": "crowd",
            "clock": {"ticks_per_period": ticks},
            "markets": [{"resource": RESOURCE, "price_max": 4}],
            "agents": [
                {
                    "name": name,
                    "policy": policy,
                    "count": agents // 2,
                    "credits": 1000,
                    "roles": [
                        {"resource": RESOURCE, "side": side, "first": first, "last": last, "units": ticks}
                    ],
                }
                for name, side, first, last in sides
            ],
        }
    )


def smith(periods: int) -> Scenario:
    """Return 22 agents with the rules of Smith's auctions: about 650 events a period."""
    sides = (("buyer", "bid", 3.25, 0.75), ("seller", "ask", 0.75, 3.25))
    return Scenario.model_validate(
        {
            "name": "smith",
            "seed": 1962,
            "clock": {"periods": periods, "ticks_per_period": 600, "until": "exhausted"},
            "markets": [{"resource": RESOURCE, "mechanism": "zi_double_auction", "price_max": 4}],
            "agents": [
                {
                    "name": name,
                    "policy": "zi_c",
                    "count": 11,
                    "credits": 100,
                    "activity_percent": 10,
                    "roles": [{"resource": RESOURCE, "side": side, "first": first, "last": last}],
                }
                for name, side, first, last in sides
            ],
        }
    )


def externals(agents: int, units: int) -> Scenario:
    """Return a real-time market of agents that connect by themselves, open for a minute."""
    sides = (("buyer", "bid"), ("seller", "ask"))
    return Scenario.model_validate(
        {
            "name": "externals",
            "clock": {"mode": "real_time", "ticks_per_period": 1, "tick_ms": 60_000},
            "markets": [{"resource": RESOURCE, "price_max": 4, "open_orders_max": 10_000}],
            "agents": [
                {
                    "name": name,
                    "policy": "external",
                    "count": agents // 2,
                    "credits": 100_000,
                    "roles": [{"resource": RESOURCE, "side": side, "first": 2, "last": 2, "units": units}],
                }
                for name, side in sides
            ],
        }
    )


def callers(groups: Mapping[str, tuple[int, int]], cognition: Cognition) -> Scenario:
    """Return a run of agents that trade nothing and may ask models; groups: name → agents, micro-credits of each."""
    return Scenario.model_validate(
        {
            "name": "callers",
            "clock": {"mode": "real_time", "ticks_per_period": 100, "tick_ms": 60_000},
            "markets": [{"resource": RESOURCE, "price_max": 4}],
            "agents": [
                {"name": name, "policy": "external", "count": count, "credits": format_credits(micros)}
                for name, (count, micros) in groups.items()
            ],
            "cognition": cognition,
        }
    )


def orders(scenario: Scenario, run: str, count: int) -> list[tuple[str, bytes, str]]:
    """Return subject, payload and id of orders in turn from all agents; about half of them trade."""
    draws, agents = Draws("orders"), population(scenario)
    buyers = [agent.id for agent in agents if agent.roles[0].side is Side.BID]
    sellers = [agent.id for agent in agents if agent.roles[0].side is Side.ASK]
    found = []
    for i in range(count):
        bids = i % 2 == 0
        side = buyers if bids else sellers
        agent, id_ = side[i // 2 % len(side)], f"order-{i}"
        model, subject = (PlaceBid, subjects.PLACE_BID) if bids else (PlaceAsk, subjects.PLACE_ASK)
        price = draws.integer(100, 300) * 10_000
        command = model(command_id=id_, order_id=id_, price=price, quantity=1)
        address = subject(resource=RESOURCE, run=run, agent=agent)
        found.append((address, command.model_dump_json().encode(), id_))
    return found
