"""The forms of expectations about events: a closed set without free logic. `expectation.py` joins them with the others."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from econsim.schemas.expectation_parts import (
    TEXT_LENGTH_MAX,
    Bound,
    Constraint,
    Correlation,
    EventPattern,
    FieldPath,
    Form,
)
from econsim.schemas.scenario_parts import wrong

STEPS_MAX = 8
"""Steps of a sequence: a longer one is better told in several."""

TIMES_MAX = 10**6
"""Occurrences that are counted within a window: each is kept until the window is past."""

StateKey = Annotated[str, Field(min_length=3, max_length=TEXT_LENGTH_MAX)]
"""Key of state: `<agent>.balance` and `<agent>.debt` in credits, `<agent>.holdings.<resource>` in units, `<resource>.price` in
credits. `{actor}` and other fields of the event in braces stand for its values."""


def _from_start(bound: Bound) -> Bound:
    """Refuse a bound of no length from the run's start: in tick 0 lies the opening of the run, and nothing that agents do."""
    if not bound.size:
        what = "0 ticks from the run's start end before anybody can act"
        raise wrong(what, "give at least 1, like { ticks = 1 }")
    return bound


StartBound = Annotated[Bound, AfterValidator(_from_start)]
"""Bound from the start of the run."""


class Happens(Form):
    """An event happens, not later than a bound after the run's start."""

    form: Literal["happens"] = "happens"
    """Word of the form."""
    event: EventPattern
    """Event that must happen."""
    within: StartBound
    """Bound from the start of the run."""


class Never(Form):
    """An event never happens."""

    form: Literal["never"] = "never"
    """Word of the form."""
    event: EventPattern
    """Event that must not happen."""
    within: StartBound | None = None
    """Beginning of the run in which it must not happen; none for the whole run."""


class Then(Form):
    """Each trigger is followed by an event within a bound."""

    form: Literal["then"] = "then"
    """Word of the form."""
    trigger: EventPattern
    """Event after which the other is due."""
    event: EventPattern
    """Event that must follow."""
    within: Bound
    """Bound from the trigger to the event."""
    same: Correlation = ()
    """Fields that the trigger and the event have in common."""
    caused: bool = False
    """True if the event must descend from the trigger along the chain of causes."""


class Before(Form):
    """An event happens only after another one."""

    form: Literal["before"] = "before"
    """Word of the form."""
    first: EventPattern
    """Event that must come before."""
    event: EventPattern
    """Event that needs the other before it."""
    within: Bound | None = None
    """Bound from the first to the event; none for any distance, without `same`."""
    same: Correlation = ()
    """Fields that both have in common."""

    @model_validator(mode="after")
    def check_bound(self) -> Self:
        """Refuse correlation without a bound: every value that ever occurred would be kept."""
        if self.same and self.within is None:
            what = "before has same and no bound"
            raise wrong(what, "say how long the first permits the other: within = { ticks = 50 }", "same")
        return self


class Sequence(Form):
    """Events happen in an order, each within a bound after the one before, at least once."""

    form: Literal["sequence"] = "sequence"
    """Word of the form."""
    events: Annotated[tuple[EventPattern, ...], Field(min_length=2, max_length=STEPS_MAX)]
    """Events in order; others may lie between."""
    max_gap: Bound
    """Bound from each event to the next."""
    same: Correlation = ()
    """Fields that all have in common."""


class Count(Form):
    """An event happens a number of times, in all or in each window."""

    form: Literal["exactly", "at_most", "at_least"]
    """Word of the form."""
    event: EventPattern
    """Event that is counted."""
    times: Annotated[int, Field(strict=True, ge=0, le=TIMES_MAX)]
    """Number of times."""
    per: Bound | None = None
    """Length of a window. `at_most` holds in every one, wherever it begins; the others in those laid end to end from the run's start,
    and only ticks make such windows."""
    same: Correlation = ()
    """Fields by whose values events are counted apart, such as `agent`; only values that occur are counted."""

    @model_validator(mode="after")
    def check_count(self) -> Self:
        """Refuse what always holds, windows of no length, and windows end to end that are not of ticks."""
        if self.form == "at_least" and not self.times:
            what = "at_least 0 times always holds"
            raise wrong(what, "give at least 1, or write `never`", "times")
        if self.per and not self.per.size:
            what = f"per is a window of 0 {self.per.unit}, in which nothing can happen"
            raise wrong(what, "give at least 1, like { ticks = 1 }", "per")
        if self.per and self.form != "at_most" and self.per.unit != "ticks":
            what = f"{self.form} cannot be counted per {self.per.unit}"
            raise wrong(what, "give per in ticks, like { ticks = 10 }", "per")
        return self


class UntilEvent(Form):
    """An event does not happen until another one has, which must happen within a bound."""

    form: Literal["until"] = "until"
    """Word of the form."""
    event: EventPattern
    """Event that must not happen before."""
    until: EventPattern
    """Event that permits the other."""
    within: StartBound
    """Bound from the start of the run to the permission."""


class State(Form):
    """State has a value at each event, or after a number of events."""

    form: Literal["state"] = "state"
    """Word of the form."""
    at: EventPattern | None = None
    """Event at which the state is looked at: the state is that at the end of the event's tick, all its transfers counted."""
    at_event_seq: Annotated[int, Field(strict=True, ge=1)] | None = None
    """Number of events of the run's log after which the state is looked at, counted from 1."""
    key: StateKey
    """Key of the state."""
    value: Constraint
    """Constraint on the value."""

    @model_validator(mode="after")
    def check_place(self) -> Self:
        """Ask for exactly one place."""
        if (self.at is None) == (self.at_event_seq is None):
            what = "state is looked at nowhere" if self.at is None else "state has at and at_event_seq"
            raise wrong(what, "give one of them: at = { type = … } or at_event_seq = 1000")
        return self


class Stable(Form):
    """State stays within a band to the end of the run: it is stable at last."""

    form: Literal["stable"] = "stable"
    """Word of the form."""
    key: StateKey
    """Key of the state; without places in braces."""
    band: Annotated[float, Field(strict=True, ge=0)]
    """Difference of highest and lowest value that is allowed, in the key's unit."""
    lasting: Bound
    """Part of the run's end in which the state must stay within the band; in ticks."""

    @model_validator(mode="after")
    def check_ticks(self) -> Self:
        """Refuse other units than ticks, and no length."""
        if self.lasting.unit != "ticks":
            what = f"lasting is in {self.lasting.unit}"
            raise wrong(what, "state is looked at once a tick: give { ticks = 50 }", "lasting")
        if not self.lasting.size:
            what = "lasting is a part of 0 ticks, in which no state can change"
            raise wrong(what, "give at least 1, like { ticks = 50 }", "lasting")
        return self


class Sum(Form):
    """The sum of a field over events has a value."""

    form: Literal["sum"] = "sum"
    """Word of the form."""
    event: EventPattern
    """Events whose fields are summed."""
    field: FieldPath
    """Field that is summed; money in credits."""
    value: Constraint
    """Constraint on the sum."""


class Latency(Form):
    """A share of all triggers is followed by an event within a bound."""

    form: Literal["latency"] = "latency"
    """Word of the form."""
    trigger: EventPattern
    """Event from which time counts."""
    event: EventPattern
    """Event up to which time counts."""
    same: Annotated[Correlation, Field(min_length=1)]
    """Fields that both have in common: they tell which event belongs to which trigger."""
    percentile: Annotated[float, Field(strict=True, gt=0, le=100)]
    """Share of the triggers, percent."""
    at_most: Bound
    """Latency of that share at most; a trigger without its event is later than any bound."""
