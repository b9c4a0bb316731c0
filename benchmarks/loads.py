"""The loads: scenarios whose size is a parameter, and individual orders for the real-time queue."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence

from econsim import subjects
from econsim.domain.agent.population import population
from econsim.domain.agent.random_draws import Draws
from econsim.schemas.money import format_credits
from econsim.schemas.orders import PlaceAsk, PlaceBid, Side
from econsim.schemas.scenario import Scenario
from econsim.schemas.scenario_cognition import Cognition

RESOURCE = "good"


def crowd(agents: int, ticks: int, policy: str = "zi_c", markets: int = 1) -> Scenario:
    """Return half buyers, half sellers, who all quote at every tick on each of some continuous double auctions."""
    return Scenario.model_validate(tomllib.loads(crowd_file(agents, ticks, policy, markets=markets)))


def crowd_file(  # noqa: PLR0913 - each is a size of the load
    agents: int,
    ticks: int,
    policy: str = "zi_c",
    *,
    periods: int = 1,
    units: int | None = None,
    markets: int = 1,
) -> str:
    """Return that scenario as a file, with `units` an agent and period on each market, as many as ticks if it is none."""
    names = [f"{RESOURCE}_{number}" for number in range(markets)] if markets > 1 else [RESOURCE]
    clock = f"[clock]\nticks_per_period = {ticks}\nperiods = {periods}\n"
    books = "".join(f'[[markets]]\nresource = "{name}"\nprice_max = 4\n' for name in names)
    group = f'policy = "{policy}"\ncount = {agents // 2}\ncredits = 1000\n'
    return f'name = "crowd"\n{clock}{books}' + _groups(group, names, units or ticks)


def smith_file(periods: int) -> str:
    """Return the file of Smith's first experiment by Gode and Sunder's rules: scenario smith1962 without its expectations."""
    clock = f'[clock]\nperiods = {periods}\nticks_per_period = 600\nuntil = "exhausted"\n'
    book = f'[[markets]]\nresource = "{RESOURCE}"\nmechanism = "zi_double_auction"\n'
    grid = "tick_size = 0.01\nprice_min = 0.01\nprice_max = 4\n"
    group = 'policy = "zi_c"\ncount = 11\ncredits = 100\nactivity_percent = 10\n'
    return f'name = "smith"\nseed = 1962\n{clock}{book}{grid}' + _groups(group, [RESOURCE], 1)


def _groups(terms: str, resources: Sequence[str], units: int) -> str:
    """Return a group of buyers and a group of sellers of a scenario file."""
    found = []
    for group, side, first, last in (("buyer", "bid", 3.25, 0.75), ("seller", "ask", 0.75, 3.25)):
        worth = f'side = "{side}", first = {first}, last = {last}, units = {units}'
        roles = ", ".join(f'{{ resource = "{resource}", {worth} }}' for resource in resources)
        found.append(f'[[agents]]\nname = "{group}"\n{terms}roles = [{roles}]\n')
    return "".join(found)


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
