"""A study in process, without a server: the efficiency of a market of zero-intelligence traders.

Runs one scenario with twenty seeds and prints the mean efficiency with its 95 % confidence interval.
"""

from econsim.domain.agent.population import population, schedule
from econsim.domain.clock.period import realised_surplus
from econsim.domain.execution.in_memory import run
from econsim.domain.measures.equilibrium import find_equilibrium
from econsim.domain.measures.measures import confidence_interval, efficiency
from econsim.schemas.market import Traded
from econsim.schemas.scenario import Scenario

SCENARIO = Scenario.model_validate(
    {
        "name": "study",
        "clock": {"ticks_per_period": 60},
        "markets": [{"resource": "cpu"}],
        "agents": [
            {
                "name": "buyer",
                "policy": "zi_c",
                "count": 11,
                "roles": [{"resource": "cpu", "side": "bid", "first": 3.25, "last": 0.75}],
            },
            {
                "name": "seller",
                "policy": "zi_c",
                "count": 11,
                "roles": [{"resource": "cpu", "side": "ask", "first": 0.75, "last": 3.25}],
            },
        ],
    }
)


def efficiency_with(seed: int) -> float:
    """Return realised over possible surplus of one run."""
    scenario = SCENARIO.model_copy(update={"seed": seed})
    data = [addressed.event.data for addressed in run(scenario)]
    trades = [("cpu", trade) for found in data if isinstance(found, Traded) for trade in found.items]
    best = find_equilibrium(*schedule(scenario, "cpu"), scenario.markets[0].tick_size).surplus_max
    return efficiency(realised_surplus(population(scenario), trades), best) or 0.0


found = confidence_interval([efficiency_with(seed) for seed in range(1, 21)])
if found:
    print(f"efficiency {found.mean:.1%} ± {found.half_width:.1%} over {found.n} seeds")
