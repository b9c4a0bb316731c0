"""Seeded randomness: draws that depend only on the seed and on their purpose.

A draw is a keyed hash, not a generator's next state: the same on every Python version and process,
and independent of earlier draws. Used for agents' choices, for the order of a tick's orders, and for the lots of a call.
Every purpose names its agent, so a change of one agent changes nobody else's draws: runs of one seed are pairs (decision 0055).
"""

from __future__ import annotations

from hashlib import blake2b


class Draws:
    """A stream of draws for one purpose, for instance an agent at tick 12 under one seed."""

    __slots__ = ("_count", "_key")

    def __init__(self, *purpose: int | str, of: bytes = b"") -> None:
        """Start a stream; equal purposes give equal draws. `of` is the beginning of a purpose, made once by `beginning`."""
        self._key = of + "/".join(map(str, purpose)).encode()
        self._count = 0

    def within(self, *purpose: int | str) -> Draws:
        """Return the draws of a purpose within this one, an agent's in a window: who else draws there, and how often, changes none of them."""
        return Draws(*purpose, of=self._key + b"/")

    def bits(self) -> int:
        """Return 64 uniform random bits."""
        self._count += 1
        return int.from_bytes(blake2b(b"%d:%b" % (self._count, self._key), digest_size=8).digest())

    def integer(self, low: int, high: int) -> int:
        """Return a uniform integer from low to high, both included (bias below 2**-40 for our ranges)."""
        return low + self.bits() * (high - low + 1) // 2**64

    def fraction(self) -> float:
        """Return a uniform number from 0 up to but not including 1."""
        return (self.bits() >> 11) / 2**53


def beginning(*purpose: int | str) -> bytes:
    """Return the beginning that many purposes share: `Draws(12, of=beginning(1, "act"))` draws as `Draws(1, "act", 12)`."""
    return ("/".join(map(str, purpose)) + "/").encode()


def rank(*purpose: int | str) -> bytes:
    """Return a sort key that is random in the seed: sorting by it is a seeded shuffle."""
    return blake2b("/".join(map(str, purpose)).encode(), digest_size=12).digest()
