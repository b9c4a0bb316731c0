"""The base of what judges one expectation: a monitor is shown the facts it watches, one by one, and decides. Pure.

A monitor keeps a bounded number of facts, whatever the length of the run. `judge.py` shows it the facts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from econsim import subjects
from econsim.domain.expectation.occurrence import Facts, Fields, Now, Occurrence
from econsim.domain.expectation.pattern import Pattern
from econsim.errors import EconsimError
from econsim.schemas.expectation_parts import Bound

OPEN_MAX: Final = 100_000
"""Facts, or values of correlated fields, that one monitor keeps: five for each agent of the largest run."""

GAP_DECIMALS: Final = 9
"""Decimals to which differences of decimal numbers are rounded before they are held against a limit: 0.8 less 0.7 is a little more than 0.1."""

COPIED: Final = frozenset(row.type for row in subjects.COPIED_EVENTS)
"""Types of events that are copied into the log, at any place, even after the run's closing: they are judged by their own tick."""

See = Callable[[Occurrence], None]
"""Takes a fact."""

SeeAll = Callable[[Facts], None]
"""Takes all facts of a record at once."""


@dataclass(frozen=True, slots=True)
class Watch:
    """A type of events that a monitor is to be shown."""

    type: str
    """Type of the events, of the catalog."""
    see: See | None = None
    """Takes the facts one by one; none if they are taken at once."""
    matches: Callable[[Occurrence], bool] | None = None
    """Test that a fact must pass; none if all are wanted."""
    entity: str = ""
    """Second token of the subject that the events must have; empty for any."""
    actor: str = ""
    """Actor that the facts must have; empty for any. It saves a question to each watch of facts of a thousand agents."""
    see_all: SeeAll | None = None
    """Takes all facts of a record at once, which costs a tenth of an occurrence for each; a watch that has it has no test and no actor,
    and is its monitor's only one of its type."""
    keys_of: Fields | None = None
    """Gives the keys of facts, if these are all that `see_all` needs: facts that wait for their tick need not be kept with their data."""


class TooManyOpen(EconsimError):
    """More waits at once than a monitor keeps."""

    code = "too_many_open"


@dataclass(frozen=True, slots=True)
class Decision:
    """Statement of a monitor at a place in the log."""

    holds: bool | None
    """True if the expectation holds, false if it fails, none if nothing put it to the test."""
    message: str
    """Reason in one sentence."""
    missed_by: str = ""
    """Distance from holding, in words."""
    witness: tuple[Occurrence, ...] = ()
    """Facts that decide it."""
    nearest: Occurrence | None = None
    """Fact that came nearest."""
    is_final: bool = False
    """True if no further event can change it."""
    needs_all: bool = True
    """True if it rests on what did not happen, so that a gap in the log makes it unknown; false if its witness proves it."""
    sequence: int = 0
    """Place in the log where it was decided for good."""


def holding(message: str, *, is_final: bool = False, needs_all: bool = True) -> Decision:
    """Return that the expectation holds."""
    return Decision(holds=True, message=message, is_final=is_final, needs_all=needs_all)


def failing(  # noqa: PLR0913 - the fields of a decision
    message: str,
    missed_by: str = "",
    witness: tuple[Occurrence, ...] = (),
    nearest: Occurrence | None = None,
    *,
    is_final: bool = False,
    sequence: int = 0,
) -> Decision:
    """Return that the expectation fails."""
    return Decision(
        holds=False,
        message=message,
        missed_by=missed_by,
        witness=witness,
        nearest=nearest,
        is_final=is_final,
        sequence=sequence,
    )


def vacuous(message: str) -> Decision:
    """Return that nothing put the expectation to the test."""
    return Decision(holds=None, message=message)


class Monitor:
    """The base of all monitors: nothing is watched, nothing is decided."""

    def __init__(self) -> None:
        """Start before the first event."""
        self.decided: Decision | None = None
        """Decision for good; none while further events can change it."""

    def watches(self) -> Iterator[Watch]:
        """Yield what the monitor is to be shown."""
        yield from ()

    @property
    def types(self) -> frozenset[str]:
        """Return the types of events on which the verdict rests."""
        return frozenset(watch.type for watch in self.watches())

    def pass_to(self, now: Now) -> None:
        """Give up waiting for what is overdue; called when a tick begins and before a verdict."""

    def decision(self, now: Now, *, ended: bool) -> Decision:
        """Return what can be said now; `ended` if no more events come."""
        raise NotImplementedError

    def decide(  # noqa: PLR0913 - the fields of a decision
        self,
        now_sequence: int,
        message: str,
        *witness: Occurrence,
        holds: bool = False,
        missed_by: str = "",
        nearest: Occurrence | None = None,
        needs_all: bool = True,
    ) -> None:
        """Decide for good."""
        if self.decided is None:
            self.decided = Decision(
                holds,
                message,
                missed_by,
                witness,
                nearest,
                is_final=True,
                needs_all=needs_all,
                sequence=now_sequence,
            )


class Nearest:
    """The fact of a pattern's type that came nearest to the pattern."""

    def __init__(self, pattern: Pattern) -> None:
        """Start with none."""
        self._pattern = pattern
        self._least: tuple[int, float] | None = None
        self.occurrence: Occurrence | None = None
        """Nearest fact; none if there was none of the type."""

    def look_at(self, seen: Occurrence) -> None:
        """Keep a fact that does not fit if it comes nearer than those before."""
        shortfall = self._pattern.shortfall(seen)
        if self._least is None or shortfall < self._least:
            self._least, self.occurrence = shortfall, seen


def watch(pattern: Pattern, see: See) -> Watch:
    """Return the watch for the facts that fit a pattern."""
    return Watch(pattern.type, see, pattern.test, pattern.entity, pattern.actor)


def watch_keys(pattern: Pattern, see: See, see_all: SeeAll, keys_of: Fields | None, other: Pattern) -> Watch:
    """Return the watch for the facts that fit a pattern, at once for all of a record if all are wanted and their data tell their keys.

    `other` is the pattern that the monitor watches beside.
    """
    found = watch(pattern, see)
    wants_all = pattern.test is None and not pattern.actor and pattern.type != other.type
    return replace(found, see_all=see_all, keys_of=keys_of) if wants_all and keys_of else found


def watch_near(pattern: Pattern, see: See) -> Watch:
    """Return the watch for all facts of a pattern's type and place, for a monitor that tells the nearest miss, too."""
    return Watch(pattern.type, see, None, pattern.entity)


def is_overdue(bound: Bound, now: Now, kind: str) -> bool:
    """Return whether no event of a type can come any more within a bound from the run's start; a copy always can."""
    is_past = now.at(bound.unit) - now.origin(bound.unit) > bound.size if now.count else False
    return kind not in COPIED and is_past


def room_for_one_more(kept: int) -> None:
    """Raise TooManyOpen if a monitor keeps as many as it may; the judge then gives up this monitor alone."""
    if kept >= OPEN_MAX:
        message = f"more than {OPEN_MAX} events or values wait at once; correlate by fewer fields, or set a shorter bound"
        raise TooManyOpen(message)
