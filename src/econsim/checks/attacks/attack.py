"""The definition of an attack: its goal, the reason why it fails, and the function that tries it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from econsim.checks.attacks.environment import Attacker, Environment
from econsim.checks.attacks.verdict import AttackVerdict

AttackFunction = Callable[[Environment, Attacker], Awaitable[AttackVerdict]]
"""Function that tries an attack as one attacker and returns the verdict."""


@dataclass(frozen=True, slots=True)
class Attack:
    """One attack that the holder of an agent's credentials may try."""

    name: str
    """Name of the attack on the command line."""
    tries: str
    """Goal of the attack, as a clause: `to …`."""
    fails_because: str
    """Reason why the attack fails, as a clause."""
    run: AttackFunction
    """Function that tries the attack."""
    loud: bool = False
    """True for a flood: it runs while no other attack does, so that its effect on others is its own."""
