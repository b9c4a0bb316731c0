"""The plan of a batch: treatments, and the cells that are run of each. Pure.

A treatment is a scenario with its overrides. A cell is a treatment with a seed, run once; equal cells are repeats of each other.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Annotated, Final

from pydantic import Field

from econsim.domain.agent.conditions import Conditions
from econsim.schemas.base import Message
from econsim.schemas.scenario import Scenario
from econsim.schemas.types import NAME_LENGTH_MAX, Name

NUMBER_DIGITS_MAX: Final = 7
"""Digits of the number of a cell."""

BATCH_LENGTH_MAX: Final = NAME_LENGTH_MAX - NUMBER_DIGITS_MAX - 1
"""Characters of the name of a batch: the run of a cell adds its number."""

CELLS_MAX: Final = 10**NUMBER_DIGITS_MAX - 1
"""Cells of one batch."""

SCENARIOS_KEPT: Final = 8
"""Decoded scenarios that a process keeps: more treatments than are run side by side."""


class Treatment(Message):
    """A scenario with its overrides, as all its cells run it but for the seed."""

    name: str
    """Name of the treatment: the scenario's, unless a study gives it one."""
    scenario: str
    """The whole scenario as JSON, with its overrides."""
    overrides: dict[str, str] = Field(default_factory=dict)
    """Option → value that replaces the scenario's own."""
    source: str = ""
    """Shipped name or file of the scenario as it was asked for; empty for one of a study or of another program."""


class Cell(Message):
    """One run of a batch."""

    number: Annotated[int, Field(ge=1, le=CELLS_MAX)]
    """Number of the cell in its batch, from 1."""
    treatment: str
    """Name of the treatment."""
    seed: int
    """Seed of the run."""
    repeat: Annotated[int, Field(ge=1)] = 1
    """Number of the run among those of its treatment and seed, from 1."""
    hashed: bool = False
    """True if the canonical hash of the run is taken."""

    def run(self, batch: str) -> str:
        """Return the id of the cell's run, which is the correlation id of all its events."""
        return f"{batch}-{self.number}"


class Plan(Message):
    """Treatments and cells of a batch."""

    batch: Name
    """Name of the batch."""
    treatments: tuple[Treatment, ...]
    """Treatments of the batch."""
    cells: tuple[Cell, ...]
    """Cells of the batch, by number."""

    def treatment(self, cell: Cell) -> Treatment:
        """Return the treatment of a cell."""
        return next(each for each in self.treatments if each.name == cell.treatment)

    @property
    def repeats(self) -> int:
        """Return the number of runs of each treatment and seed."""
        return max(cell.repeat for cell in self.cells)


class StudyCondition(Message):
    """One treatment of a study at one point of its grid: a treatment of the batch."""

    name: str
    """Name of the condition, and of the batch's treatment."""
    treatment: str
    """Name of the treatment in the design."""
    values: dict[str, str | int | float | bool | None]
    """Path in which conditions may differ → value here; money in credits, lists as JSON, none where the scenario has no such path."""


class StudyPlan(Message):
    """Conditions of a study, beside the plan of its runs."""

    title: str
    """Title, one line."""
    question: str = ""
    """Question of the study."""
    answer: str = ""
    """Answer that is expected."""
    paths: tuple[str, ...] = ()
    """Paths of settings in which conditions may differ."""
    grid: tuple[str, ...] = ()
    """Those of them that the grid varies, with those that vary together."""
    together: tuple[str, ...] = ()
    """Those of the grid that vary together."""
    conditions: tuple[StudyCondition, ...]
    """Conditions in the order of the design."""
    measures: tuple[str, ...] = ()
    """Measures that are shown; all if it names none."""
    design: str = ""
    """The design as its file had it."""


def make_plan(
    batch: str,
    treatments: Sequence[Treatment],
    seeds: Sequence[int] = (),
    repeats: int = 1,
    *,
    hash_all: bool = False,
) -> Plan:
    """Return the plan of every treatment with every seed, each so many times; without seeds, with the scenario's own.

    Every repeat of a treatment's first seed is hashed, or all cells if asked for.
    """
    cells = [
        Cell(number=number, treatment=name, seed=seed, repeat=repeat, hashed=hash_all or first)
        for number, (name, seed, repeat, first) in enumerate(_rows(treatments, seeds, repeats), 1)
    ]
    return Plan(batch=batch, treatments=tuple(treatments), cells=tuple(cells))


def _rows(
    treatments: Sequence[Treatment], seeds: Sequence[int], repeats: int
) -> Iterator[tuple[str, int, int, bool]]:
    for treatment in treatments:
        wanted = seeds or (scenario_of(treatment.scenario).seed,)
        for repeat in range(1, repeats + 1):
            for seed in wanted:
                yield treatment.name, seed, repeat, seed == wanted[0]


def scenario_of(text: str, seed: int | None = None) -> Scenario:
    """Return the scenario of a treatment, with a seed if one is given."""
    found = _decode(text)
    return found if seed is None or seed == found.seed else found.model_copy(update={"seed": seed})


def conditions_of(text: str, seed: int) -> Conditions:
    """Return the conditions of a treatment's run with a seed: found once for all seeds, unless values are drawn by it."""
    shared = _conditions(text)
    return Conditions(scenario_of(text, seed)) if shared.are_drawn else shared


@lru_cache(SCENARIOS_KEPT)
def _conditions(text: str) -> Conditions:
    return Conditions(_decode(text))


@lru_cache(SCENARIOS_KEPT)
def _decode(text: str) -> Scenario:
    return Scenario.model_validate_json(text)
