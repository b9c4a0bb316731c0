"""Scenarios of the public API: loaded by name or file, varied by settings, shown in a notebook."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Final, TypeAlias

from econsim.api import arguments
from econsim.errors import ScenarioError
from econsim.report.format import plural
from econsim.runs import scenario_file
from econsim.runs.settings import setting_paths, with_settings
from econsim.schemas.money import format_credits, printed_value
from econsim.schemas.scenario import Scenario

SHORT: Final = {"periods": "clock.periods"}
"""Keyword of `with_` that is no path → its path."""

AnyScenario: TypeAlias = "str | Path | Scenario | LoadedScenario"
"""A scenario: name of a shipped one, path of a TOML file, its definition, or what `econsim.load` returned."""


@dataclass(frozen=True, slots=True)
class LoadedScenario:
    """A scenario, checked: made by `econsim.load`, varied by `with_`, run by `econsim.run`. It never changes."""

    definition: Scenario
    """Complete definition, field by field as a scenario file has it; money in micro-credits."""
    warnings: tuple[str, ...] = field(default=(), compare=False)
    """Warnings about values of the file that are probably mistakes, a sentence each; a changed scenario has none."""
    directory: Path | None = field(default=None, compare=False, repr=False)
    """Directory in which policies that `with_` names are looked for first; none for where Python finds modules."""

    @property
    def name(self) -> str:
        """Return the name of the scenario."""
        return self.definition.name

    @property
    def title(self) -> str:
        """Return the title of the scenario, one line."""
        return self.definition.title

    @property
    def seed(self) -> int:
        """Return the seed of every random draw."""
        return self.definition.seed

    @property
    def periods(self) -> int:
        """Return the number of trading days."""
        return self.definition.clock.periods

    @property
    def markets(self) -> tuple[str, ...]:
        """Return the resources that are traded, a market each."""
        return tuple(market.resource for market in self.definition.markets)

    @property
    def groups(self) -> dict[str, int]:
        """Return the groups of agents with their numbers of agents."""
        return {group.name: group.count for group in self.definition.agents}

    @property
    def settings(self) -> tuple[str, ...]:
        """Return the paths that `with_` takes, such as `markets.cpu.tick_size`."""
        return setting_paths(self.definition)

    def with_(self, settings: Mapping[str, object] | None = None, /, **more: object) -> LoadedScenario:
        """Return this scenario with other values, checked as a file is; this one stays as it is.

        `settings` are paths and values as a file writes them, money in credits: `{"agents.lab.credits": 50}`; values without a point in
        their path may be keywords: `seed=7`, `hosts=2`, `periods=20`. Raises ScenarioError naming the path, and the nearest right one or
        the remedy; InvalidMessage for settings that are no dictionary.
        """
        every = {
            **arguments.settings(settings),
            **{SHORT.get(name, name): value for name, value in more.items()},
        }
        changed = with_settings(self.definition, every, self.directory)
        return LoadedScenario(changed, directory=self.directory)

    def __repr__(self) -> str:
        """Return name, seed and size of the scenario."""
        agents = sum(self.groups.values())
        return f"<scenario {self.name}: {', '.join(self.markets)}; {plural(agents, 'agent')}, {plural(self.periods, 'period')}, seed {self.seed}>"

    def _repr_html_(self) -> str:
        """Return the scenario as a notebook shows it: its markets and groups."""
        # Here, because it loads all that draws a report.
        from econsim.report.markup import table

        definition, clock = self.definition, self.definition.clock
        markets = [
            (market.resource, market.mechanism.value, format_credits(market.tick_size))
            for market in definition.markets
        ]
        groups = [
            (
                group.name,
                str(group.count),
                str(group.policy),
                ", ".join(f"{role.side.value} {role.resource}" for role in group.roles),
                format_credits(group.credits),
            )
            for group in definition.agents
        ]
        return (
            f"<h4>{escape(self.title or self.name)}</h4>"
            f"<p>{escape(self.name)}: seed {self.seed}, {plural(clock.periods, 'period')} of {plural(clock.ticks_per_period, 'tick')}</p>"
            f"{table(('market', 'mechanism', 'tick size, credits'), markets, look='')}"
            f"{table(('group', 'agents', 'policy', 'trades', 'credits each'), groups, look='')}"
        )


def load(scenario: str | Path) -> LoadedScenario:
    """Return a shipped scenario by its name, or the one in a TOML file.

    Raises ScenarioError naming file, line, key and remedy.
    """
    if not isinstance(scenario, (str, Path)):
        message = f"{printed_value(scenario)} is no scenario; give the name of a shipped one, or the path of a TOML file"
        raise ScenarioError(message)
    return LoadedScenario(
        scenario_file.load(scenario),
        scenario_file.scenario_warnings(scenario),
        scenario_file.directory_of(scenario),
    )


def as_loaded(scenario: AnyScenario) -> LoadedScenario:
    """Return a scenario in any form as a checked one; raises ScenarioError as `load` does."""
    match scenario:
        case LoadedScenario():
            return scenario
        case Scenario():
            return LoadedScenario(scenario)
        case _:
            return load(scenario)
