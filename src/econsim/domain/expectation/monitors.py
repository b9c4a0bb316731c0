"""The table of monitors: which judges an expectation of which form, and what they share. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, Protocol, runtime_checkable

from econsim.domain.audit.envelope import AddressedEvent
from econsim.domain.audit.facts import Record
from econsim.domain.expectation import counting, following, markets, money, occurring, state
from econsim.domain.expectation.annotations import ValueKind
from econsim.domain.expectation.integrity import BOOK_TYPES, JOURNAL_TYPES
from econsim.domain.expectation.ledger_state import StateFold
from econsim.domain.expectation.monitor import (
    COPIED,
    GAP_DECIMALS,
    Decision,
    Monitor,
    failing,
    holding,
    vacuous,
)
from econsim.domain.expectation.names import resolve, value_kind
from econsim.domain.expectation.occurrence import Now
from econsim.domain.expectation.pattern import check_operands, patterns
from econsim.domain.expectation.state import StateMonitor
from econsim.domain.expectation.tick_order import InTickOrder
from econsim.errors import InvalidExpectation
from econsim.schemas.expectation import Expectation, MeasureExpectation
from econsim.schemas.expectation_economic import (
    Conservation,
    Costs,
    EquilibriumPrice,
    Gini,
    LimitPrices,
    Solvent,
    Spread,
    Uncrossed,
)
from econsim.schemas.expectation_forms import (
    Before,
    Count,
    Happens,
    Latency,
    Never,
    Stable,
    State,
    Sum,
    Then,
    UntilEvent,
)
from econsim.schemas.expectation_forms import Sequence as SequenceForm
from econsim.schemas.expectation_parts import Bound
from econsim.schemas.scenario import Scenario

BOOK_AND_JOURNAL: Final = BOOK_TYPES | JOURNAL_TYPES
"""Types of events that every measure rests on."""

_OF_STATE: Final = frozenset((State, Stable, Gini, Solvent, Conservation, Costs))
"""Forms that look at the state."""

_OF_RESERVATIONS: Final = frozenset((State, Stable, Solvent))
"""Those that ask what is reserved, or whether an account was below zero."""


class Measures(Protocol):
    """Measures the outcome of markets and groups, for expectations of measures."""

    def value_of(self, expectation: MeasureExpectation) -> float | None:
        """Return the measure over the events so far; none if nothing was measured."""


@runtime_checkable
class Follower(Protocol):
    """Measures that the judge tells of every event; others are told by whoever keeps them."""

    def add(self, source: Record | AddressedEvent) -> None:
        """Add the next event."""


@dataclass(slots=True)
class Panel:
    """The monitors of one run's expectations."""

    monitors: list[Monitor] = field(default_factory=list)
    """Monitors, in the order of the expectations."""
    state: StateFold = field(default_factory=StateFold)
    """State that monitors look at."""
    needs_state: set[int] = field(default_factory=set)
    """Places of the monitors that look at it."""
    follower: Follower | None = None
    """Measures that are told of every event; none if no expectation is of one."""
    waits_for_copies: bool = False
    """True if some monitor asks how far copied events have come."""
    looks: dict[int, list[StateMonitor]] = field(default_factory=dict)
    """Number of events → monitors that look at the state after so many."""


class MeasureMonitor(Monitor):
    """Judges `measure`."""

    def __init__(self, form: MeasureExpectation, measures: Measures | None) -> None:
        """Start before the first event."""
        super().__init__()
        self._form, self._measures = form, measures

    @property
    def types(self) -> frozenset[str]:
        """Return the events of books and of the journal, which every measure rests on."""
        return BOOK_AND_JOURNAL

    def decision(self, now: Now, *, ended: bool) -> Decision:
        """Return whether the measure is within its tolerance, once the run has ended."""
        del now
        form = self._form
        if not ended:
            return holding(f"{form.measure} is measured when the run has ended")
        value = self._measures.value_of(form) if self._measures else None
        if value is None:
            return vacuous(f"{form.measure} could not be measured")
        gap = round(abs(value - form.value), GAP_DECIMALS)
        text = f"{form.measure} is {value:.4g}, expected is {form.value:g} ± {form.tolerance:g}"
        return holding(text) if gap <= form.tolerance else failing(text, f"{gap - form.tolerance:.4g}")


def panel(
    expectations: Sequence[Expectation], scenario: Scenario | None, measures: Measures | None, now: Now
) -> Panel:
    """Return the monitors of expectations; raises InvalidExpectation."""
    found = Panel()
    for place, form in enumerate(expectations):
        _check_numbers(form)
        monitor = _monitor_in_order(form, _Run(scenario, measures, found.state, now))
        found.monitors.append(monitor)
        if type(form) in _OF_STATE:
            found.needs_state.add(place)
        if isinstance(monitor, StateMonitor) and monitor.count:
            found.looks.setdefault(monitor.count, []).append(monitor)
        if type(form) in _OF_RESERVATIONS:
            found.state.follows_reservations = True
        found.waits_for_copies |= isinstance(monitor, InTickOrder)
    if isinstance(measures, Follower) and any(isinstance(form, MeasureExpectation) for form in expectations):
        found.follower = measures
    return found


def _monitor_in_order(form: Expectation, run: _Run) -> Monitor:
    """Return the monitor of an expectation, with its facts in the order of ticks if one of their types is copied into the log."""
    make = _MONITORS[type(form)]
    order = [resolve(each.type).type for each in patterns(form)]
    if not order:
        return make(form, run)
    copied = [kind for kind in order if kind in COPIED]
    bounds = {name: each for name, each in form if isinstance(each, Bound)}
    for name, bound in bounds.items():
        if copied and bound.unit == "events":
            message = f"{name} counts events, but {copied[0]} is copied into the log at any place; give ticks, like {{ ticks = 5 }}"
            raise InvalidExpectation(message, name=name)
    # Accounts are known at an event of the same journal; no other copy keeps its place among prices or transfers.
    if isinstance(form, State) and copied and (form.key.endswith(".price") or copied[0] not in JOURNAL_TYPES):
        message = f"{form.key!r} cannot be looked at when {copied[0]} comes, which is copied into the log later; look at it at another event"
        raise InvalidExpectation(message, name="at")
    if not copied or isinstance(form, Never | State | Sum) or (isinstance(form, Count) and form.per is None):
        return make(form, run)
    if isinstance(form, UntilEvent):
        order.reverse()
    unit = next((each.unit for each in bounds.values()), "ticks")
    return InTickOrder(lambda now: make(form, run._replace(now=now)), order, unit, run.now)


def _check_numbers(form: Expectation) -> None:
    """Refuse a sum of what is no number, and a number compared with what is none; raises InvalidExpectation."""
    if isinstance(form, Sum):
        kind = value_kind(resolve(form.event.type).type, form.field)
        if kind not in (ValueKind.NUMBER, None):
            message = f"{form.field} is {kind.value}, which does not add up; give a field that is a number"
            raise InvalidExpectation(message, name=form.field)
    if isinstance(form, Sum | State | Gini | Spread):
        check_operands(ValueKind.NUMBER, "value", form.value)


class _Run(NamedTuple):
    """Parts of one run that monitors may need beside their form."""

    scenario: Scenario | None
    measures: Measures | None
    ledger: StateFold
    now: Now


def _count(form: Count, run: _Run) -> Monitor:
    del run
    if form.per is None:
        return counting.CountMonitor(form)
    return counting.SlidingCountMonitor(form) if form.form == "at_most" else counting.WindowCountMonitor(form)


# A table, because a cell of a batch makes its monitors in a tenth of the time that so many `isinstance` of models take.
_MONITORS: Final[Mapping[type[Any], Callable[[Any, _Run], Monitor]]] = {
    MeasureExpectation: lambda form, run: MeasureMonitor(form, run.measures),
    Happens: lambda form, run: occurring.HappensMonitor(form, run.now),
    Never: lambda form, run: occurring.NeverMonitor(form, run.now),
    Then: lambda form, _: following.ThenMonitor(form),
    Before: lambda form, _: occurring.BeforeMonitor(form),
    SequenceForm: lambda form, _: occurring.SequenceMonitor(form),
    Count: _count,
    UntilEvent: lambda form, run: occurring.UntilMonitor(form, run.now),
    State: lambda form, run: StateMonitor(form, run.ledger, run.now),
    Stable: lambda form, run: state.StableMonitor(form, run.ledger),
    Sum: lambda form, _: counting.SumMonitor(form),
    Latency: lambda form, _: following.LatencyMonitor(form),
    Conservation: lambda form, run: money.ConservationMonitor(form, run.ledger),
    Solvent: lambda form, run: money.SolventMonitor(form, run.ledger),
    Costs: lambda form, run: money.CostsMonitor(form, run.ledger),
    LimitPrices: lambda form, _: markets.LimitPricesMonitor(form),
    Uncrossed: lambda form, run: markets.UncrossedMonitor(form, run.scenario),
    EquilibriumPrice: lambda form, run: markets.EquilibriumPriceMonitor(form, run.scenario),
    Spread: lambda form, _: markets.SpreadMonitor(form),
    Gini: lambda form, run: money.GiniMonitor(form, run.ledger),
}
"""Form → what makes its monitor."""
