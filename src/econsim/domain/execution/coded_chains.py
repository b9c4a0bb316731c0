"""The ledger's chains in a run of coded agents, as plain records: objects, texts and hashes are made for who reads them. Pure.

A row is the number of a form and the fields that the form needs; a form gives the id, the cause and the legs of the chain, as
`market/settlement` makes them for one-unit orders. A property test holds both equal. Rows hold nothing but texts and numbers, so that
the garbage collector lets go of them at its first look: with functions and members of enums in them, a run of 1 000 traders took a
quarter longer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import blake2b
from typing import Any, Final

from econsim.domain.audit.canonical_facts import FactText, Leg, chain_text
from econsim.schemas.ledger import (
    CREDITS,
    Chain,
    Kind,
    Refusal,
)

ChainParts = tuple[str, str, Sequence[Leg]]
"""Id, cause and legs of a chain."""

ChainRow = tuple[Any, ...]
"""The number of a form, then its fields. Those of a reservation are id, agent, asset, amount to reserve now, amount that the order holds then,
order that it replaces, price: `coded_items` takes them for the facts of the order too. With rows of their own for the acceptance, the
take-over and the cancellation of the replaced order, an order of 20 000 traders had a quarter more cache misses."""

RESERVE, REPLACE, FILL, RELEASE, RELEASE_MORE, GIVEN, TAXED_FILL = range(7)
"""Numbers of the forms. REPLACE has two: it reserves what a replacement needs beyond its order, then takes the order's reservation over."""

MOVING: Final = frozenset((FILL, TAXED_FILL, GIVEN))
"""Numbers of the forms that change what somebody owns; the others reserve and release."""

SHORT: Final = Refusal.DEBIT_ACCOUNT_WOULD_GO_NEGATIVE
"""The only reason of the ledger to refuse a reservation of a coded agent."""

_TRANSFER, _PENDING, _POST, _VOID = Kind.TRANSFER, Kind.PENDING, Kind.POST, Kind.VOID


def _reserve(clearing: str, order_id: str, agent: str, asset: str, more: int, *_: object) -> ChainParts:
    """Reserve for a new order."""
    id_ = f"{order_id}.r0"
    return id_, order_id, ((id_, _PENDING, agent, clearing, asset, more, None),)


def _reserve_more(clearing: str, order_id: str, agent: str, asset: str, more: int, *_: object) -> ChainParts:
    """Reserve what a replacement needs beyond its order."""
    return f"{order_id}.r0", order_id, ((f"{order_id}.t", _PENDING, agent, clearing, asset, more, None),)


def _take_over(  # noqa: PLR0913, PLR0917 - a chain has these parts
    clearing: str, order_id: str, agent: str, asset: str, _more: int, amount: int, old: str, _price: int
) -> ChainParts:
    """Make the reservation of a replacement of its order's and the difference."""
    legs = (
        (f"{old}.v", _VOID, agent, clearing, asset, 0, f"{old}.r0"),
        (f"{order_id}.tv", _VOID, agent, clearing, asset, 0, f"{order_id}.t"),
        (f"{order_id}.r0", _PENDING, agent, clearing, asset, amount, None),
    )
    return f"{order_id}.s", order_id, legs


def _fill(  # noqa: PLR0913, PLR0917 - a chain has these parts
    clearing: str, trade_id: str, resource: str, price: int, buyer: str, seller: str, bid: str, ask: str
) -> ChainParts:
    """Post a trade of one unit."""
    legs = (
        (f"{trade_id}.1", _POST, buyer, clearing, CREDITS, price, f"{bid}.r0"),
        (f"{trade_id}.2", _TRANSFER, clearing, seller, CREDITS, price, None),
        (f"{trade_id}.3", _POST, seller, clearing, resource, 1, f"{ask}.r0"),
        (f"{trade_id}.4", _TRANSFER, clearing, buyer, resource, 1, None),
    )
    return trade_id, trade_id, legs


def _taxed_fill(  # noqa: PLR0913, PLR0917 - a chain has these parts
    clearing: str,
    trade_id: str,
    resource: str,
    price: int,
    buyer: str,
    seller: str,
    bid: str,
    ask: str,
    debit: str,
    credit: str,
    tax: int,
) -> ChainParts:
    """Post a trade of one unit, and its tax or subsidy."""
    id_, cause, legs = _fill(clearing, trade_id, resource, price, buyer, seller, bid, ask)
    return id_, cause, (*legs, (f"{trade_id}.5", _TRANSFER, debit, credit, CREDITS, tax, None))


def _release(clearing: str, order_id: str, agent: str, asset: str) -> ChainParts:
    """Void the reservation of an order that left the book, or did not enter it."""
    id_ = f"{order_id}.v"
    return id_, order_id, ((id_, _VOID, agent, clearing, asset, 0, f"{order_id}.r0"),)


def _release_more(clearing: str, order_id: str, agent: str, asset: str) -> ChainParts:
    """Void what was reserved for a replacement that did not enter."""
    id_ = f"{order_id}.v"
    return id_, order_id, ((id_, _VOID, agent, clearing, asset, 0, f"{order_id}.t"),)


def _clock_chain(_: str, id_: str, cause: str, *moves: tuple[str, str, str, str, int]) -> ChainParts:
    """Take a chain of the clock: of each transfer the id, debit, credit, asset and amount."""
    return (
        id_,
        cause,
        [(leg, _TRANSFER, debit, credit, asset, amount, None) for leg, debit, credit, asset, amount in moves],
    )


def given_row(chain: Chain) -> ChainRow:
    """Return the row of a chain of the clock, which only transfers."""
    moves = [(leg.id, leg.debit, leg.credit, leg.asset, leg.amount) for leg in chain.transfers]
    return (GIVEN, chain.id, chain.cause, *moves)


FORMS: Final = (
    _reserve,
    _take_over,
    _fill,
    _release,
    _release_more,
    _clock_chain,
    _taxed_fill,
)
"""Functions of clearing holder and fields, by their numbers."""

RESERVATIONS: Final = _reserve, _reserve_more
"""Those of reservations."""


def _reserve_text(clearing: str, order_id: str, agent: str, asset: str, more: int, *_: object) -> FactText:
    id_ = f"{order_id}.r0"
    text = (
        f'{{"id":"{id_}","transfers":[{{"amount":{more},"asset":"{asset}","credit":"{clearing}","debit":"{agent}",'
        f'"id":"{id_}","kind":"pending","pending_id":null}}]}}'
    )
    return text, agent, 0, id_, order_id


def _reserve_more_text(
    clearing: str, order_id: str, agent: str, asset: str, more: int, *_: object
) -> FactText:
    id_ = f"{order_id}.r0"
    text = (
        f'{{"id":"{id_}","transfers":[{{"amount":{more},"asset":"{asset}","credit":"{clearing}","debit":"{agent}",'
        f'"id":"{order_id}.t","kind":"pending","pending_id":null}}]}}'
    )
    return text, agent, 0, id_, order_id


def _take_over_text(  # noqa: PLR0913, PLR0917 - a chain has these parts
    clearing: str, order_id: str, agent: str, asset: str, _more: int, amount: int, old: str, _price: int
) -> FactText:
    accounts = f'"asset":"{asset}","credit":"{clearing}","debit":"{agent}"'
    text = (
        f'{{"id":"{order_id}.s","transfers":[{{"amount":0,{accounts},"id":"{old}.v","kind":"void","pending_id":"{old}.r0"}},'
        f'{{"amount":0,{accounts},"id":"{order_id}.tv","kind":"void","pending_id":"{order_id}.t"}},'
        f'{{"amount":{amount},{accounts},"id":"{order_id}.r0","kind":"pending","pending_id":null}}]}}'
    )
    return text, agent, 0, f"{order_id}.s", order_id


def _release_text(clearing: str, order_id: str, agent: str, asset: str) -> FactText:
    id_ = f"{order_id}.v"
    text = (
        f'{{"id":"{id_}","transfers":[{{"amount":0,"asset":"{asset}","credit":"{clearing}","debit":"{agent}",'
        f'"id":"{id_}","kind":"void","pending_id":"{order_id}.r0"}}]}}'
    )
    return text, agent, 0, id_, order_id


def _text_of(form: Callable[..., ChainParts]) -> Callable[..., FactText]:
    return lambda clearing, *fields: chain_text(*form(clearing, *fields))


TEXTS: Final = (
    _reserve_text,
    _take_over_text,
    _text_of(_fill),
    _release_text,
    _text_of(_release_more),
    _text_of(_clock_chain),
    _text_of(_taxed_fill),
)
"""Canonical texts of the forms, by their numbers. Those of most chains are written at once: by way of their legs they took a third
of the time of a hash."""

RESERVATION_TEXTS: Final = _reserve_text, _reserve_more_text
"""Those of reservations."""


def chain_json(id_: str, cause: str, legs: Sequence[Leg]) -> str:
    """Return the wire form of a chain; names and ids need no escaping."""
    transfers = ",".join([_transfer_json(leg) for leg in legs])
    return f'{{"id":"{id_}","cause":"{cause}","transfers":[{transfers}]}}'


def _transfer_json(leg: Leg) -> str:
    id_, kind, debit, credit, asset, amount, pending = leg
    resolves = f'"{pending}"' if pending else "null"
    return (
        f'{{"id":"{id_}","kind":"{kind}","debit":"{debit}","credit":"{credit}","asset":"{asset}",'
        f'"amount":{amount},"pending_id":{resolves}}}'
    )


def chain_digest(parts: ChainParts) -> str:
    """Return the fingerprint of a chain's fields, as `decisions.chain_digest` makes it of the chain."""
    return blake2b(chain_json(*parts).encode(), digest_size=16).hexdigest()
