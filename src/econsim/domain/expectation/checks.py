"""Checks of a scenario's expectations against the catalog of events and the scenario's own names. Pure."""

from __future__ import annotations

from econsim.domain.agent.population import population
from econsim.domain.expectation.monitors import panel
from econsim.domain.expectation.names import check_agents, check_place, nearest, resolve
from econsim.domain.expectation.occurrence import Now
from econsim.domain.expectation.pattern import patterns
from econsim.domain.expectation.state import state_name
from econsim.errors import InvalidExpectation
from econsim.schemas.expectation_forms import Stable, State
from econsim.schemas.expectation_parts import EventPattern
from econsim.schemas.ledger import TREASURY
from econsim.schemas.scenario import Scenario


def check_expectations(scenario: Scenario) -> None:
    """Refuse expectations that name events, fields, agents or markets that there are not.

    Raises InvalidExpectation; its detail `place` is the position of the expectation, from 0.
    """
    agents = [each.id for each in population(scenario)]
    resources = [each.resource for each in scenario.markets]
    for place, expectation in enumerate(scenario.expectations):
        try:
            panel((expectation,), scenario, None, Now())
            for pattern in patterns(expectation):
                _check_pattern(pattern, agents, resources)
            if isinstance(expectation, State | Stable):
                _check_key(expectation.key, agents, resources)
            if isinstance(expectation, State) and expectation.at_event_seq:
                _check_place_in_log(expectation)
        except InvalidExpectation as error:
            raise InvalidExpectation(str(error), place=place) from None


def _check_pattern(pattern: EventPattern, agents: list[str], resources: list[str]) -> None:
    """Refuse a pattern of an agent or a market that there is not."""
    look = resolve(pattern.type)
    check_place(look, agents, resources)
    for path, constraint in pattern.where.items():
        named = [constraint[each] for each in ("==", "!=") if each in constraint]
        check_agents(look.type, path, (*named, *constraint.get("in", ())), agents)


def _check_key(key: str, agents: list[str], resources: list[str]) -> None:
    """Refuse a key of state whose holder or resource there is not."""
    if "{" in key:
        return
    found = state_name(key)
    known = resources if found.part == "price" else [*agents, TREASURY]
    for name, names in ((found.holder, known), (found.resource, resources)):
        if name and name not in names:
            message = f"{key!r} names {name!r}, which there is not; did you mean {nearest(name, names)[0]!r}?"
            raise InvalidExpectation(message, name=name)


def _check_place_in_log(form: State) -> None:
    """Refuse accounts at a number of events: transfers stand in the log at any place."""
    if state_name(form.key).part != "price":
        message = (
            f"{form.key!r} cannot be looked at after a number of events: transfers are copied into the log at any place; "
            "give at = { type = …, where = { tick = … } }"
        )
        raise InvalidExpectation(message, name="at_event_seq")
