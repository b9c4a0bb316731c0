"""The memory of a ledger's decisions: which chains it decided, and how, so that a repeat gets the same answer. Pure.

Of the newest chains it holds all fields. Of older ones a snapshot, and a ledger that gave or took one, hold the id, a number for the
fields, and the reason of a refusal.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from econsim.domain.ledger.decisions import chain_digest
from econsim.schemas.ledger import Chain, Refusal, RefusedChain

CHAINS_REMEMBERED_MAX: Final = 1_000
"""Newest chains remembered with all their fields, so that no other chain uses their transfer ids: 0.7 to 2 kB each, and a snapshot of
the ledger holds them all."""

OLDER_CHAINS_REMEMBERED_MAX: Final = 100_000
"""Chains before those whose decisions are remembered: about 20 MB where snapshots are made. Repeats come from redelivery, seconds to minutes later; an
older one is still stopped by the store's journal key of its submission."""

_DIGITS: Final = 16

Decision = Chain | RefusedChain
"""A chain that was applied, or the refusal of one."""


@dataclass(frozen=True, slots=True)
class DecidedContent:
    """All that the memory holds, but the numbers of older chains' fields."""

    applied: tuple[Chain, ...]
    """Newest chains that were applied."""
    refused: tuple[RefusedChain, ...]
    """Newest chains that were refused."""
    order: tuple[str, ...]
    """Ids of both, oldest first."""
    older_ids: tuple[str, ...]
    """Ids of older chains, oldest first."""
    older_reasons: dict[str, Refusal]
    """Id → reason of older chains that were refused."""


class DecidedChains:
    """The decisions about chains, each remembered for a time."""

    __slots__ = ("_fresh", "_known", "_numbers", "_older", "_order", "_reasons")

    def __init__(self) -> None:
        """Start with none."""
        self._known: dict[str, Decision] = {}
        self._order: deque[str] = deque()
        self._older: deque[str] = deque()
        self._fresh = 0
        self._numbers: dict[str, int] = {}
        self._reasons: dict[str, Refusal] = {}

    def __contains__(self, id_: str) -> bool:
        """Return whether a chain of this id is remembered, applied or refused."""
        return id_ in self._known or id_ in self._numbers

    def answer(self, chain: Chain) -> Refusal | None:
        """Return why a remembered chain was refused, none if it was applied; EXISTS_WITH_DIFFERENT_FIELDS for another chain of its id."""
        known = self._known.get(chain.id)
        if known is None:
            is_same = self._numbers[chain.id] == _number(chain_digest(chain))
            reason = self._reasons.get(chain.id)
        elif isinstance(known, Chain):
            is_same, reason = known == chain, None
        else:
            is_same, reason = known.digest == chain_digest(chain), known.reason
        return reason if is_same else Refusal.EXISTS_WITH_DIFFERENT_FIELDS

    def note(self, decision: Decision) -> None:
        """Know a decision from now on; its place among the others comes with `remember`."""
        self._known[decision.id] = decision

    def remember(self, id_: str) -> Decision | None:
        """Give a known decision its place, behind all others; return the one that is no longer among the newest for it, if any."""
        self._order.append(id_)
        if len(self._order) <= CHAINS_REMEMBERED_MAX:
            return None
        id_ = self._order.popleft()
        self._older.append(id_)
        self._fresh += 1
        if len(self._older) > OLDER_CHAINS_REMEMBERED_MAX:
            self._forget(self._older.popleft())
        return self._known[id_]

    def content(self) -> DecidedContent:
        """Return all that is remembered, a copy, but the numbers of `older_numbers`."""
        self._shorten()
        decisions = [self._known[id_] for id_ in self._order]
        return DecidedContent(
            tuple(each for each in decisions if isinstance(each, Chain)),
            tuple(each for each in decisions if isinstance(each, RefusedChain)),
            tuple(self._order),
            tuple(self._older),
            dict(self._reasons),
        )

    def older_numbers(self) -> tuple[int, ...]:
        """Return the numbers of older chains' fields, 64 bits each, oldest first."""
        self._shorten()
        return tuple(self._numbers.values())

    def restore(self, content: DecidedContent, older_numbers: Sequence[int]) -> None:
        """Remember what another memory held; this one is new."""
        newest: list[Decision] = [*content.applied, *content.refused]
        self._known = {decision.id: decision for decision in newest}
        self._order, self._older = deque(content.order), deque(content.older_ids)
        self._numbers = dict(zip(content.older_ids, older_numbers, strict=True))
        self._reasons = content.older_reasons

    def __eq__(self, other: object) -> bool:
        """Return whether both remember the same decisions in the same order."""
        if not isinstance(other, DecidedChains):
            return NotImplemented
        return (self.content(), self.older_numbers()) == (other.content(), other.older_numbers())

    __hash__ = None  # type: ignore[assignment]  # the memory changes

    def _shorten(self) -> None:
        """Keep of older chains a number each: only for a snapshot, because it costs as much as to decide a chain."""
        for id_ in islice(self._older, len(self._older) - self._fresh, None):
            decision = self._known.pop(id_)
            if isinstance(decision, Chain):
                self._numbers[id_] = _number(chain_digest(decision))
            else:
                self._numbers[id_] = _number(decision.digest)
                self._reasons[id_] = decision.reason
        self._fresh = 0

    def _forget(self, id_: str) -> None:
        if self._numbers.pop(id_, None) is None:
            del self._known[id_]
            self._fresh -= 1
        self._reasons.pop(id_, None)


def _number(digest: str) -> int:
    """Return the first 64 bits of a digest: enough to tell the fields of one id apart."""
    return int(digest[:_DIGITS], 16)
