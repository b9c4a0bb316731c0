"""The verdict on an attack: checks that must all be true, or the attack counts as broken.

Each check looks at the effect on the victims, or at the answer of the server. The absence of an error proves nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class AttackOutcome(Enum):
    """Outcome of an attack."""

    HELD = "held"
    """The attack failed, and the victims' side shows it."""
    BROKEN = "BROKEN"
    """The attack did harm, or nothing shows that it did not."""
    SKIPPED = "skipped"
    """The attack cannot be tried on this machine; that is no success."""


@dataclass(frozen=True, slots=True)
class Check:
    """Condition that must be true for an attack to count as held."""

    claim: str
    """Condition, as a clause."""
    holds: bool
    """True if the condition is met."""

    def __str__(self) -> str:
        """Return the claim, marked if it is false."""
        return self.claim if self.holds else f"NOT: {self.claim}"


@dataclass(frozen=True, slots=True)
class AttackVerdict:
    """Outcome of an attack with its evidence."""

    outcome: AttackOutcome
    """Outcome: held, broken or skipped."""
    evidence: str
    """Checks in words, the false ones first."""


def verdict_of(*checks: Check) -> AttackVerdict:
    """Return held if there are checks and all are true, else broken."""
    ordered = sorted(checks, key=lambda check: check.holds)
    held = bool(checks) and all(check.holds for check in checks)
    outcome = AttackOutcome.HELD if held else AttackOutcome.BROKEN
    return AttackVerdict(outcome, "; ".join(map(str, ordered)))


def skipped_verdict(reason: str) -> AttackVerdict:
    """Return the verdict on an attack that cannot be tried, with the reason."""
    return AttackVerdict(AttackOutcome.SKIPPED, reason)


def raw_subject(*tokens: str) -> str:
    """Return a subject of these tokens without a check of its grammar: attacks need invalid ones."""
    return ".".join(tokens)
