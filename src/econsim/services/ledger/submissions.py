"""Submissions on their way into commits: cut into parts that fit, and answered when the last part is durable.

`writer.py` queues and commits them. A repeat of a submission is cut into the same parts, so its journal keys are the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from econsim.domain.audit.envelope import derived_id
from econsim.domain.ledger import bucket
from econsim.errors import InvalidMessage, InvalidSubject
from econsim.ports import WRITES_MAX
from econsim.schemas.ledger import CHAINS_PER_ENTRY_MAX, Chain, Refusal, Submit, Submitted
from econsim.schemas.subject import token

TRANSFERS_PER_ENTRY_MAX: Final = 1200
"""Transfers in one journal entry: with ids of full length they stay under the 1 MiB of a message."""

SUBMISSION_LENGTH_MAX: Final = 58
"""Characters of a command id used as a key: leaves room for `-<part>` in a 64-character token."""


@dataclass(frozen=True, slots=True, eq=False)
class SubmissionPart:
    """A run of chains of one submission that fits in one commit."""

    command: Submit
    """Submission the chains belong to."""
    submission: str
    """Id of the submission as a key token."""
    place: int
    """Position of the part in the submission, from 0."""
    chains: tuple[Chain, ...]
    """Chains of the part."""
    holders: frozenset[str]
    """Holders that the chains name."""

    @property
    def name(self) -> str:
        """Last token of the part's journal keys."""
        return f"{self.submission}-{self.place}" if self.place else self.submission


@dataclass(slots=True, eq=False)
class WaitingSubmission:
    """A command that waits for its answer."""

    parts: list[SubmissionPart]
    answer: asyncio.Future[Submitted]
    refused: dict[str, Refusal] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class AnswerUnit:
    """Submissions answered together: one submission, or those of all books at a barrier."""

    submissions: list[WaitingSubmission]
    barrier: int = 0
    """Tick of the barrier, 0 for none."""
    items_left: int = 0
    """Number of commit items not yet durable."""
    failed: bool = False


@dataclass(slots=True, eq=False)
class CommitItem:
    """One part of a submission, or what follows its parts, to be committed as a whole."""

    unit: AnswerUnit
    submission: WaitingSubmission
    part: SubmissionPart | None
    """Part to commit; none for what follows the parts of a unit: the mark of its barrier, and changed positions."""
    refused: dict[str, Refusal] = field(default_factory=dict)
    """Refusals of the newest attempt to commit the part."""

    @property
    def is_deferring(self) -> bool:
        """Return whether this is a part whose positions may come later, so that a journal entry is all there is to commit."""
        return self.part is not None and self.part.command.defer_positions

    @property
    def holders(self) -> frozenset[str]:
        """Holders whose positions are committed with this item."""
        return frozenset() if self.part is None or self.is_deferring else self.part.holders


def holders_of(items: Iterable[CommitItem]) -> frozenset[str]:
    """Return the holders whose positions are committed with items."""
    return frozenset[str]().union(*(item.holders for item in items))


def submission_parts(command: Submit, salt: str) -> list[SubmissionPart]:
    """Return the parts of a submission, the same for every repeat; none if it has no chains.

    Raises InvalidMessage for a chain too large for one commit and for a holder with a reserved name.
    """
    submission = submission_id(command.command_id, salt)
    parts: list[SubmissionPart] = []
    chains: list[Chain] = []
    holders: set[str] = set()
    transfers = 0
    for chain in command.chains:
        named = _named_holders(chain)
        full = (
            len(chains) == CHAINS_PER_ENTRY_MAX or transfers + len(chain.transfers) > TRANSFERS_PER_ENTRY_MAX
        )
        if chains and (full or commit_size(1, len(holders) + len(named - holders)) > WRITES_MAX):
            parts.append(SubmissionPart(command, submission, len(parts), tuple(chains), frozenset(holders)))
            chains, holders, transfers = [], set(), 0
        chains.append(chain)
        holders |= named
        transfers += len(chain.transfers)
    if chains:
        parts.append(SubmissionPart(command, submission, len(parts), tuple(chains), frozenset(holders)))
    return parts


def commit_size(parts: int, holders: int) -> int:
    """Return the most writes a commit may need: two entries a part, two keys a holder, two marks."""
    return 2 * parts + 2 * holders + 2


def submission_id(command_id: str, salt: str) -> str:
    """Return a command's id if it is a key token, else an id derived from it."""
    try:
        if len(command_id) <= SUBMISSION_LENGTH_MAX:
            return token(command_id)
    except InvalidSubject:
        pass
    return derived_id(salt, "submission", command_id)


def _named_holders(chain: Chain) -> set[str]:
    """Return the holders a chain names; raises InvalidMessage if it cannot be committed."""
    named = {transfer.debit for transfer in chain.transfers} | {t.credit for t in chain.transfers}
    if commit_size(1, len(named)) > WRITES_MAX or len(chain.transfers) > TRANSFERS_PER_ENTRY_MAX:
        message = f"chain {chain.id} has {len(chain.transfers)} transfers over {len(named)} holders: too many"
        raise InvalidMessage(message, chain=chain.id)
    if reserved := named & bucket.RESERVED:
        message = f"chain {chain.id} names a holder {min(reserved)!r}; that name is reserved"
        raise InvalidMessage(message, chain=chain.id)
    return named
