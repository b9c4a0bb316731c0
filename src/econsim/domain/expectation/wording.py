"""Expectations in words: their names in verdicts when they have none of their own. Pure."""

from __future__ import annotations

from econsim.domain.expectation.occurrence import distance
from econsim.domain.expectation.pattern import constraint_words, words
from econsim.schemas.expectation import Expectation, MeasureExpectation
from econsim.schemas.expectation_economic import EquilibriumPrice, Gini, LimitPrices, Spread, Uncrossed
from econsim.schemas.expectation_forms import (
    Before,
    Count,
    Happens,
    Latency,
    Never,
    Sequence,
    Stable,
    State,
    Sum,
    Then,
    UntilEvent,
)


def name_of(form: Expectation) -> str:
    """Return the name of an expectation: its own, or its content in words."""
    if isinstance(form, MeasureExpectation):
        return " of ".join(filter(None, (form.measure.value, form.resource or form.group)))
    return form.name or _words(form)


def _words(form: Expectation) -> str:  # noqa: C901, PLR0911, PLR0912 - one case a form
    match form:
        case Happens():
            return f"{words(form.event)} happens within {form.within}"
        case Never():
            return f"{words(form.event)} never happens{_within(form.within)}"
        case Then():
            same = f" with the same {', '.join(form.same)}" if form.same else ""
            link = f"{' caused by it' if form.caused else ''}{same}"
            return f"{words(form.trigger)}, then {words(form.event)}{link} within {form.within}"
        case Before():
            return f"{words(form.first)} before {words(form.event)}{_within(form.within)}"
        case Sequence():
            return f"{', then '.join(map(words, form.events))}, at most {form.max_gap} apart"
        case Count():
            per = f" per {form.per}" if form.per else ""
            return f"{words(form.event)} {form.form.replace('_', ' ')} {distance('times', form.times)}{per}"
        case UntilEvent():
            return f"no {words(form.event)} until {words(form.until)}, within {form.within}"
        case State():
            place = words(form.at) if form.at else f"event {form.at_event_seq}"
            return f"{form.key} {constraint_words(form.value)} at {place}"
        case Stable():
            return f"{form.key} stable within {form.band:g} over the last {form.lasting}"
        case Sum():
            return f"sum of {form.field} over {words(form.event)} {constraint_words(form.value)}"
        case Latency():
            ends = f"{words(form.trigger)} to {words(form.event)}"
            return f"{form.percentile:g} % from {ends} within {form.at_most}"
        case Gini():
            return f"gini {constraint_words(form.value)}"
        case Spread():
            return f"spread{_of(form.resource)} {constraint_words(form.value)}"
        case LimitPrices() | Uncrossed() | EquilibriumPrice():
            return f"{form.form}{_of(form.resource)}"
    return form.form


def _within(bound: object) -> str:
    return f" within {bound}" if bound else ""


def _of(resource: str | None) -> str:
    return f" of {resource}" if resource else ""
