"""Accounts, transfers and balances: what the ledger is asked, answers and records.

Vocabulary as in TigerBeetle: a transfer moves one asset between two accounts and is `pending`, then
`posted` or `voided`; linked transfers form a chain and succeed or fail together. Amounts are integers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final

from pydantic import Field, TypeAdapter

from econsim.schemas.base import CONFIG, Command, Event, Message, Request, Word
from econsim.schemas.money import format_credits
from econsim.schemas.types import Amount, Identifier, Name, Tick

CREDITS: Final = "credits"
"""The asset that is money; every asset but this and DEBT is a resource."""

DEBT: Final = "debt"
"""The asset that counts what a holder owes the treasury, in micro-credits: costs of a period it could not pay."""

MONEY: Final = (CREDITS, DEBT)
"""The assets counted in micro-credits; every other one is counted in units."""

TREASURY: Final = "treasury"
"""The one holder that may go negative: all money and all resources enter and leave through it."""

CHAINS_PER_SUBMISSION_MAX: Final = 20_000
"""Chains in one submission, and orders that one book accepts at once: one for each agent of the largest run.
Reservations of 200 to 420 bytes each fit in a message of 8 MiB."""

LONG_CHAINS_PER_SUBMISSION_MAX: Final = 5_000
"""Chains in one submission where chains have several transfers: endowments and settlements. A sender cuts a longer
list into submissions of this size; at 400 to 800 bytes each the chains stay below the 8 MiB of one message."""

CHAINS_PER_ENTRY_MAX: Final = 200
"""Chains in one journal entry: each changes at most four keys, and an atomic batch holds 1000 messages."""


class Kind(Word):
    """What a transfer does."""

    TRANSFER = "transfer"
    """Move an amount at once."""
    PENDING = "pending"
    """Reserve an amount on the debit account."""
    POST = "post"
    """Resolve a reservation: move up to its amount, release the rest."""
    VOID = "void"
    """Resolve a reservation: release all of it."""


@dataclass(frozen=True, slots=True)
class Transfer:
    """One immutable movement of one asset between two holders' accounts."""

    __pydantic_config__ = CONFIG

    id: Identifier
    """Client-made id, unique in the run."""
    kind: Kind
    """What it does."""
    debit: Name
    """Holder that gives."""
    credit: Name
    """Holder that receives."""
    asset: Name
    """`credits`, `debt` or a resource."""
    amount: Amount
    """Micro-credits or units; 0 for a void, and where a reservation only claims an id."""
    pending_id: Identifier | None = None
    """The reservation that a post or a void resolves."""


@dataclass(frozen=True, slots=True)
class Chain:
    """Linked transfers: all of them are applied, or none."""

    __pydantic_config__ = CONFIG

    id: Identifier
    """Client-made id, unique in the run; sending it again with the same transfers changes nothing."""
    cause: Identifier
    """The order, trade or event this chain settles."""
    transfers: tuple[Transfer, ...]
    """The linked transfers, applied in order."""


class Refusal(Word):
    """Why the ledger refused a chain; the name is the explanation."""

    EXISTS_WITH_DIFFERENT_FIELDS = "exists_with_different_fields"
    """The id was used before for something else."""
    CHAIN_MUST_NOT_BE_EMPTY = "chain_must_not_be_empty"
    """A chain needs at least one transfer."""
    TRANSFER_ID_ALREADY_USED = "transfer_id_already_used"
    """A transfer of another chain has this id."""
    ACCOUNTS_MUST_BE_DIFFERENT = "accounts_must_be_different"
    """Debit and credit name the same holder."""
    AMOUNT_MUST_NOT_BE_ZERO = "amount_must_not_be_zero"
    """Only a void, and a reservation that claims an order's id, carry no amount."""
    AMOUNT_EXCEEDS_LIMIT = "amount_exceeds_limit"
    """An account would hold more than AMOUNT_MAX."""
    DEBIT_ACCOUNT_WOULD_GO_NEGATIVE = "debit_account_would_go_negative"
    """The holder has less than the amount available (posted minus pending)."""
    PENDING_TRANSFER_NOT_FOUND = "pending_transfer_not_found"
    """Nothing is reserved under this id."""
    PENDING_TRANSFER_ALREADY_RESOLVED = "pending_transfer_already_resolved"
    """The reservation was posted or voided before; it is resolved at most once."""
    PENDING_TRANSFER_HAS_DIFFERENT_FIELDS = "pending_transfer_has_different_fields"
    """Holders or asset differ from the reservation's."""
    AMOUNT_EXCEEDS_PENDING_AMOUNT = "amount_exceeds_pending_amount"
    """A post may not move more than was reserved."""


class Submit(Command):
    """Apply chains in order; each is applied or refused on its own."""

    tick: Tick
    """Logical time the chains belong to."""
    barrier: Annotated[int, Field(ge=0)] = 0
    """Lock-step: how many books submit for this tick; all are applied together, sorted by `book`."""
    book: str = ""
    """Resource of the submitting book; the sort key of the barrier."""
    chains: tuple[Chain, ...] = Field(max_length=CHAINS_PER_SUBMISSION_MAX)
    """The chains, in the order they are to be applied."""


class Submitted(Message):
    """The ledger's answer to a submission: durable when sent."""

    refused: dict[str, Refusal] = Field(default_factory=dict)
    """Chain id → reason, for those refused; every other chain holds."""
    sequence: int = 0
    """The run's newest journal entry when this was answered."""


@dataclass(frozen=True, slots=True)
class RefusedChain:
    """A chain that was not applied, kept so that a duplicate gets the same answer."""

    __pydantic_config__ = CONFIG

    id: Identifier
    """The chain's id."""
    cause: Identifier
    """What the chain was for."""
    holder: Name
    """Debit holder of its first transfer."""
    reason: Refusal
    """Why."""
    digest: str
    """Fingerprint of the refused chain's fields."""


class TransferPosted(Message):
    """A journal entry: chains that were applied, sealed by a hash chain."""

    sequence: int
    """Position in the run's journal, from 1, without gaps."""
    previous_hash: str
    """`hash` of the entry before; 64 zeros for the first."""
    hash: str
    """SHA-256 over `previous_hash`, `sequence` and the entries, hex."""
    chains: tuple[Chain, ...]
    """What was applied, in order."""


class TransferRefused(Message):
    """A journal entry: chains that were refused, sealed by the same hash chain."""

    sequence: int
    """Position in the run's journal, from 1, without gaps."""
    previous_hash: str
    """`hash` of the entry before."""
    hash: str
    """SHA-256 as in TransferPosted."""
    chains: tuple[RefusedChain, ...]
    """What was refused, and why."""


TransferPostedEvent = Event[TransferPosted]
TransferRefusedEvent = Event[TransferRefused]


@dataclass(frozen=True, slots=True)
class Position:
    """What a holder has of one asset."""

    __pydantic_config__ = CONFIG

    posted: int
    """Amount owned; negative only for the treasury."""
    pending: int
    """Part of `posted` that is reserved; what is left is available."""


class GetBalance(Request):
    """Ask for the asking agent's own positions."""


class Balance(Message):
    """All positions of one holder."""

    holder: Name
    """Whose."""
    credits: Position
    """Money, in micro-credits."""
    debt: int = 0
    """Micro-credits it owes the treasury: costs it could not pay, repaid first at a period's end."""
    holdings: dict[str, Position] = Field(default_factory=dict)
    """Resource → units."""
    sequence: int
    """Journal sequence these positions reflect."""


def clearing_holder(resource: str) -> str:
    """Return the holder that credits and units of a market's fills pass through."""
    return f"clearing_{resource}"


def format_amount(amount: int, asset: str) -> str:
    """Write an amount of an asset: money in credits, everything else in units."""
    return format_credits(amount) if asset in MONEY else str(amount)


CHAIN_JSON: Final = TypeAdapter(Chain)
"""Wire form of one chain: compact JSON, fields in the order declared here."""

POSTED_JSON: Final = TypeAdapter(tuple[Chain, ...])
"""Wire form of the chains of a TransferPosted; the journal's hash is taken over these bytes."""

REFUSED_JSON: Final = TypeAdapter(tuple[RefusedChain, ...])
"""Wire form of the chains of a TransferRefused; the journal's hash is taken over these bytes."""
