"""Accounts, transfers and balances: requests to the ledger, its replies and its journal entries.

Vocabulary as in TigerBeetle: a transfer moves one asset between two accounts and is pending, then
posted or voided; linked transfers form a chain and succeed or fail together. Amounts are integers.
"""

from __future__ import annotations

from functools import cache
from typing import Annotated, Final

from pydantic import Field, TypeAdapter

from econsim.schemas.base import CONFIG, Command, Event, Message, Request, Word
from econsim.schemas.immutable import immutable
from econsim.schemas.money import format_credits
from econsim.schemas.types import Amount, Identifier, Name, Tick

CREDITS: Final = "credits"
"""Asset of money; every asset but this and DEBT is a resource."""

DEBT: Final = "debt"
"""Asset of debts to the treasury, in micro-credits: costs of a period that a holder could not pay."""

MONEY: Final = (CREDITS, DEBT)
"""Assets counted in micro-credits; every other asset is counted in units."""

TREASURY: Final = "treasury"
"""Holder that all money and all resources enter and leave through; it may go negative."""

TASKS_HOLDER: Final = "social"
"""Holder of the prices of tasks that have not ended."""

FISCAL_STEM: Final = "fiscal_"
"""Beginning of the names of the accounts of taxes and subsidies: such a holder may go negative in credits, by subsidies."""

PERIOD_IS_CLOSING: Final = "period_is_closing"
"""Code of the refusal of a payment that a service begins while the period is settled."""

CHAINS_PER_SUBMISSION_MAX: Final = 20_000
"""Chains in one submission, and orders that one book accepts at once: one for each agent of the largest run.
Reservations of 200 to 420 bytes each fit in a message of 8 MiB."""

LONG_CHAINS_PER_SUBMISSION_MAX: Final = 5_000
"""Chains in one submission where chains have several transfers: endowments and settlements. A sender cuts a longer
list into submissions of this size; at 400 to 800 bytes each the chains stay below the 8 MiB of one message."""

CHAINS_PER_ENTRY_MAX: Final = 200
"""Chains in one journal entry: each changes at most four keys, and an atomic batch holds 1000 messages."""


class Kind(Word):
    """The effect of a transfer."""

    TRANSFER = "transfer"
    """Move an amount at once."""
    PENDING = "pending"
    """Reserve an amount on the debit account."""
    POST = "post"
    """Resolve a reservation: move up to its amount, release the rest."""
    VOID = "void"
    """Resolve a reservation: release all of it."""


@immutable
class Transfer:
    """One immutable movement of one asset between two holders' accounts."""

    __pydantic_config__ = CONFIG

    id: Identifier
    """Id of the transfer, made by the sender, unique in the run."""
    kind: Kind
    """Kind of the transfer: its effect."""
    debit: Name
    """Holder that gives the amount."""
    credit: Name
    """Holder that receives the amount."""
    asset: Name
    """Asset of the transfer: `credits`, `debt` or a resource."""
    amount: Amount
    """Amount in micro-credits or units; 0 for a void, and for a reservation that only claims an id."""
    pending_id: Identifier | None = None
    """Id of the reservation that a post or a void resolves."""


@immutable
class Chain:
    """Linked transfers: all of them are applied, or none is."""

    __pydantic_config__ = CONFIG

    id: Identifier
    """Id of the chain, made by the sender, unique in the run; a repeat with the same transfers is idempotent."""
    cause: Identifier
    """Id of the order, trade or event that the chain settles."""
    transfers: tuple[Transfer, ...]
    """Transfers of the chain, applied in order."""


class Refusal(Word):
    """The reason of the ledger to refuse a chain."""

    EXISTS_WITH_DIFFERENT_FIELDS = "exists_with_different_fields"
    """The id was used before for something else."""
    CHAIN_MUST_NOT_BE_EMPTY = "chain_must_not_be_empty"
    """A chain needs at least one transfer."""
    TRANSFER_ID_ALREADY_USED = "transfer_id_already_used"
    """A transfer of another chain has this id."""
    ACCOUNTS_MUST_BE_DIFFERENT = "accounts_must_be_different"
    """Debit and credit name the same holder."""
    AMOUNT_MUST_NOT_BE_ZERO = "amount_must_not_be_zero"
    """Only a void, and a reservation that claims an order's id, may have no amount."""
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
    """Apply chains in order; each chain is applied or refused on its own."""

    tick: Tick
    """Logical time of the chains."""
    barrier: Annotated[int, Field(ge=0)] = 0
    """Number of books that submit for this tick in lock-step; all are applied together, sorted by `book`."""
    book: str = ""
    """Resource of the submitting book; sort key of the barrier."""
    closes_payments: bool = False
    """Wish of the clock that services reserve and pay nothing more at this tick and before it; what they reserved they still
    resolve."""
    defer_positions: bool = False
    """Permission for the stored balances and holdings to follow a moment after the reply; the journal entry never does."""
    chains: tuple[Chain, ...] = Field(max_length=CHAINS_PER_SUBMISSION_MAX)
    """Chains to apply, in order."""


class Submitted(Message):
    """The ledger's reply to a submission; the submission is durable when the reply is sent."""

    refused: dict[str, Refusal] = Field(default_factory=dict)
    """Refused chains: id → reason; every other chain is applied."""
    sequence: int = 0
    """Sequence of the run's newest journal entry at the reply."""
    pending: int = 0
    """Number of the run's reservations that are neither posted nor voided at the reply."""


@immutable
class RefusedChain:
    """A chain that was refused, recorded so that a repeat gets the same reply."""

    __pydantic_config__ = CONFIG

    id: Identifier
    """Id of the chain."""
    cause: Identifier
    """Id of the order, trade or event that the chain would settle."""
    holder: Name
    """Debit holder of the chain's first transfer."""
    reason: Refusal
    """Reason of the refusal."""
    digest: str
    """Fingerprint of the chain's fields."""


class TransferPosted(Message):
    """A journal entry of applied chains, linked to the entry before it by a hash chain."""

    sequence: int
    """Sequence of the entry in the run's journal, from 1, without gaps."""
    previous_hash: str
    """Hash of the entry before; 64 zeros for the first entry."""
    hash: str
    """Hash of the entry in hex: SHA-256 over `previous_hash`, `sequence`, the word `posted` and the JSON of `chains`, joined by
    line feeds."""
    chains: tuple[Chain, ...]
    """Applied chains, in order."""


class TransferRefused(Message):
    """A journal entry of refused chains, linked to the entry before it by the same hash chain."""

    sequence: int
    """Sequence of the entry in the run's journal, from 1, without gaps."""
    previous_hash: str
    """Hash of the entry before."""
    hash: str
    """Hash of the entry, as in TransferPosted but with the word `refused`."""
    chains: tuple[RefusedChain, ...]
    """Refused chains, each with its reason."""


TransferPostedEvent = Event[TransferPosted]
TransferRefusedEvent = Event[TransferRefused]


@immutable
class Position:
    """The amounts that a holder has of one asset."""

    __pydantic_config__ = CONFIG

    posted: int
    """Amount owned; negative for the treasury only."""
    pending: int
    """Amount reserved, a part of `posted`; the rest is available."""


class GetBalance(Request):
    """Ask for the asking agent's own positions."""


class Balance(Message):
    """All positions of one holder."""

    holder: Name
    """Holder of the positions."""
    credits: Position
    """Position in money, in micro-credits."""
    debt: int = 0
    """Debt to the treasury in micro-credits: costs the holder could not pay, repaid first at a period's end."""
    holdings: dict[str, Position] = Field(default_factory=dict)
    """Positions in resources: resource → units."""
    sequence: int
    """Sequence of the journal entry that these positions reflect."""


def clearing_holder(resource: str) -> str:
    """Return the holder that credits and units of a market's fills pass through."""
    return f"clearing_{resource}"


def fiscal_holder(account: str) -> str:
    """Return the holder that taxes go to and subsidies come from."""
    return f"{FISCAL_STEM}{account}"


def may_owe(holder: str) -> bool:
    """Return whether a holder may go negative: the treasury, and the accounts of taxes and subsidies."""
    return holder == TREASURY or holder.startswith(FISCAL_STEM)


def format_amount(amount: int, asset: str) -> str:
    """Return an amount of an asset as text: money in credits, every other asset in units."""
    return format_credits(amount) if asset in MONEY else str(amount)


@cache
def chain_json() -> TypeAdapter[Chain]:
    """Return the wire form of one chain: compact JSON, fields in the order declared here."""
    return TypeAdapter(Chain)


@cache
def posted_json() -> TypeAdapter[tuple[Chain, ...]]:
    """Return the wire form of the chains of a TransferPosted; the journal's hash covers these bytes."""
    return TypeAdapter(tuple[Chain, ...])


@cache
def refused_json() -> TypeAdapter[tuple[RefusedChain, ...]]:
    """Return the wire form of the chains of a TransferRefused; the journal's hash covers these bytes."""
    return TypeAdapter(tuple[RefusedChain, ...])
