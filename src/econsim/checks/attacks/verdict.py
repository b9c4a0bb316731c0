"""How an attack is judged: a claim of harm, and facts that say whether it came true.

An attack is held only if every fact it names is true, and each looks at the victim's side or at what the server
itself said. That nothing was raised proves nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Outcome(Enum):
    """What came of an attack."""

    HELD = "held"
    """It failed, and the victims say so."""
    BROKEN = "BROKEN"
    """It did harm, or nobody can say that it did not."""
    SKIPPED = "skipped"
    """It cannot be tried here; that is no success."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that must be so for an attack to count as held."""

    claim: str
    """What is so, as a clause."""
    true: bool
    """Whether it is."""

    def __str__(self) -> str:
        """Return the claim, or that it does not hold."""
        return self.claim if self.true else f"NOT: {self.claim}"


@dataclass(frozen=True, slots=True)
class Finding:
    """What came of an attack, and why one thinks so."""

    outcome: Outcome
    """Held, broken or skipped."""
    evidence: str
    """The facts, in words."""


def weigh(*facts: Fact) -> Finding:
    """Return that an attack was held if every fact is true, and what is not so first."""
    ordered = sorted(facts, key=lambda fact: fact.true)
    outcome = Outcome.HELD if facts and all(fact.true for fact in facts) else Outcome.BROKEN
    return Finding(outcome, "; ".join(map(str, ordered)))


def skipped(why: str) -> Finding:
    """Return that an attack could not be tried."""
    return Finding(Outcome.SKIPPED, why)


def dotted(*tokens: str) -> str:
    """Return a subject of these tokens, however hostile: the grammar is not asked."""
    return ".".join(tokens)
