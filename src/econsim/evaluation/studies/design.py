"""The design of a study: scenario, seeds, settings, treatments and grid; `design_file` reads it from TOML.

scenario = "smith1962"
seeds = "1..200"

[treatments.coarse]
markets.good.tick_size = 0.25

[grid]
"clock.ticks_per_period" = [50, 100, 200]
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from math import prod
from pathlib import Path
from typing import Final

from econsim.errors import ScenarioError
from econsim.runs.scenario_lines import Key, line_of

CONDITIONS_MAX: Final = 1_000
"""Conditions of a study: each is a whole scenario in the plan, and a line in every table."""

RUNS_MAX: Final = 100_000
"""Runs of a study: the results of all of them are held in memory when its tables are made, some kilobytes each."""


NO_TREATMENT: Final = "all"
"""Name of the one treatment of a design without treatments."""


@dataclass(frozen=True, slots=True)
class Setting:
    """A value that a design gives to a path of the scenario."""

    value: object
    """Value, as a scenario file would write it."""
    key: Key
    """Place in the design's file."""


@dataclass(frozen=True, slots=True)
class TreatmentDesign:
    """One treatment of a design."""

    name: str
    """Name of the treatment."""
    scenario: str
    """Scenario of the treatment: the design's, unless it names another."""
    settings: dict[str, Setting]
    """Path → value."""


@dataclass(frozen=True, slots=True)
class Design:
    """A study as it was designed."""

    name: str
    """Name of the study."""
    scenario: str
    """Name or file of the scenario."""
    seeds: tuple[int, ...]
    """Seeds of every condition."""
    treatments: tuple[TreatmentDesign, ...]
    """Treatments in their order; the first one is the one that the others are compared with."""
    settings: dict[str, Setting] = field(default_factory=dict)
    """Path → value of every treatment."""
    grid: dict[str, tuple[Setting, ...]] = field(default_factory=dict)
    """Path → values; every treatment is run at every point."""
    together: dict[str, tuple[Setting, ...]] = field(default_factory=dict)
    """Path → values, as many for each path: all first values are one point, all second ones the next; crossed with the grid."""
    measures: tuple[str, ...] = ()
    """Measures that are shown; all if it names none."""
    title: str = ""
    """Title, one line."""
    question: str = ""
    """Question of the study."""
    answer: str = ""
    """Answer that is expected."""
    file: str = "design"
    """Name of its file, for messages."""
    directory: Path | None = field(default=None, compare=False)
    """Directory of its file, where policies of one's own are looked for beside a shipped scenario; none for a design in no file."""
    text: str = ""
    """Its text; empty for a design that was not written as TOML."""

    @property
    def conditions(self) -> int:
        """Return the number of its conditions: treatments by points of the grid."""
        points = prod(len(values) for values in self.grid.values())
        return len(self.treatments) * points * len(next(iter(self.together.values()), (None,)))

    @property
    def varied(self) -> dict[str, tuple[Setting, ...]]:
        """Return the paths of the grid, then those that vary together, with their values."""
        return self.grid | self.together

    def points(self) -> Iterator[dict[str, Setting]]:
        """Yield the points of the grid, path → value: every combination of its values and of those that vary together."""
        rows: list[tuple[Setting, ...]] = [*zip(*self.together.values(), strict=True)] or [()]
        for values in product(*self.grid.values()):
            for row in rows:
                yield dict(zip(self.varied, (*values, *row), strict=True))

    def check_size(self) -> None:
        """Raise ScenarioError for more conditions or runs than a study takes; nothing is made of them before."""
        conditions, runs = self.conditions, self.conditions * len(self.seeds)
        if conditions > CONDITIONS_MAX:
            what = f"the design has {conditions:,} conditions: treatments by points of the grid"
            raise self.error(("grid",), what, f"at most {CONDITIONS_MAX:,} are taken; name fewer values")
        if runs > RUNS_MAX:
            what = f"the design has {runs:,} runs: {conditions:,} conditions by seeds"
            raise self.error(("seeds",), what, f"at most {RUNS_MAX:,} are taken; name fewer seeds or values")

    def with_seeds(self, seeds: Sequence[int]) -> Design:
        """Return the design with other seeds."""
        return replace(self, seeds=tuple(seeds))

    def with_settings(self, settings: Mapping[str, object]) -> Design:
        """Return the design with more settings for all its treatments; raises ScenarioError for the seed and a path that it varies."""
        if "seed" in settings:
            message = "seed: seeds are no setting of a study; give it other seeds: --seeds 1..20"
            raise ScenarioError(message, key="seed")
        varied = {*self.varied, *(path for each in self.treatments for path in each.settings)}
        for path in settings:
            if path in varied:
                message = f"{path} is varied by {self.file}; change it there"
                raise ScenarioError(message, key=path)
        more = {path: Setting(value, ()) for path, value in settings.items()}
        return replace(self, settings=self.settings | more)

    def error(self, key: Key, what: str, remedy: str) -> ScenarioError:
        """Return the error of a place in the design."""
        return design_error(self.file, self.text, key, what, remedy)


def design_error(file: str, text: str, key: Key, what: str, remedy: str) -> ScenarioError:
    """Return the error of a place in a design: file, line, key, what is wrong and the remedy."""
    place = f"{file}, line {line_of(text, key)}" if text else file
    shown = ".".join(part if str(part).isprintable() else repr(part) for part in map(str, key))
    message = "; ".join(filter(None, (": ".join(filter(None, (place, shown, what))), remedy)))
    return ScenarioError(message, file=file, key=shown, remedy=remedy)
