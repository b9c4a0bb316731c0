"""What an attack is: who tries what, why it fails, and how it is tried."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from econsim.checks.attacks.environment import Attacker, Environment
from econsim.checks.attacks.verdict import AttackVerdict

AttackFunction = Callable[[Environment, Attacker], Awaitable[AttackVerdict]]
"""Tries an attack with an attacker of its own; returns what came of it."""


@dataclass(frozen=True, slots=True)
class Attack:
    """One thing somebody with an agent's credentials may try."""

    name: str
    """What it is called on the command line."""
    tries: str
    """What it tries, as a clause: `to …`."""
    fails_because: str
    """What stands in the way."""
    run: AttackFunction
    """Tries it."""
    loud: bool = False
    """Whether it floods: then it runs while no other attack does, so that its effect on others is its own."""
