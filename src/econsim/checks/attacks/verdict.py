"""How an attack is judged: a claim of harm, and facts that say whether it came true.

An attack is held only if every fact it names is true, and each looks at the victim's side or at what the server
itself said. That nothing was raised proves nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class AttackOutcome(Enum):
    """What came of an attack."""

    HELD = "held"
    """It failed, and the victims say so."""
    BROKEN = "BROKEN"
    """It did harm, or nobody can say that it did not."""
    SKIPPED = "skipped"
    """It cannot be tried here; that is no success."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that must be so for an attack to count as held."""

    claim: str
    """What is so, as a clause."""
    true: bool
    """Whether it is."""

    def __str__(self) -> str:
        """Return the claim, or that it does not hold."""
        return self.claim if self.true else f"NOT: {self.claim}"


@dataclass(frozen=True, slots=True)
class AttackVerdict:
    """What came of an attack, and why one thinks so."""

    outcome: AttackOutcome
    """Held, broken or skipped."""
    evidence: str
    """The facts, in words."""


def verdict_of(*facts: Check) -> AttackVerdict:
    """Return that an attack was held if every fact is true, and what is not so first."""
    ordered = sorted(facts, key=lambda fact: fact.true)
    outcome = AttackOutcome.HELD if facts and all(fact.true for fact in facts) else AttackOutcome.BROKEN
    return AttackVerdict(outcome, "; ".join(map(str, ordered)))


def skipped_verdict(why: str) -> AttackVerdict:
    """Return that an attack could not be tried."""
    return AttackVerdict(AttackOutcome.SKIPPED, why)


def raw_subject(*tokens: str) -> str:
    """Return a subject of these tokens, however hostile: the grammar is not asked."""
    return ".".join(tokens)
