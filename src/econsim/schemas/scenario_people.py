"""The table of a scenario file about people: scripted ones, who answer by rule so that a run finishes by itself."""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated, Final

from pydantic import Field

from econsim.schemas.scenario_parts import ScenarioPart, wrong
from econsim.schemas.types import OPTIONS_MAX, TICKS_PER_PERIOD_MAX, Name, Text

PEOPLE_MAX: Final = 64
"""People of one scenario."""


class ScriptedPerson(ScenarioPart):
    """A person of a scenario, who answers agents' questions by rule after some ticks."""

    name: Name
    """Name of the person, as operators have one; unique in the scenario."""
    after_ticks: Annotated[int, Field(strict=True, ge=1, le=TICKS_PER_PERIOD_MAX)] = 1
    """Ticks from a question to its answer: with 1 the agent knows it at its next tick."""
    prefers: Annotated[tuple[Text, ...], Field(max_length=OPTIONS_MAX)] = ()
    """Answers in order of preference: the first that a question offers is given, or the first of all if it offers none.
    Without any that fits, the person takes the first answer that is offered, and leaves other questions alone."""
    ignores: Annotated[bool, Field(strict=True)] = False
    """True for a person who never answers: the default of the question counts."""


def check_people(people: tuple[ScriptedPerson, ...], groups: Collection[str]) -> None:
    """Refuse two people of one name, and a person with the name of a group of agents."""
    names = [person.name for person in people]
    for place, name in enumerate(names):
        if name in groups:
            what = f"person {name!r} has the name of a group of agents"
            raise wrong(what, "use another name", "people", place, "name")
        if name in names[:place]:
            what = f"person {name!r} is declared twice"
            raise wrong(what, "use another name", "people", place, "name")
