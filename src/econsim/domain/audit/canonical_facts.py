"""The canonical text of the facts that most events hold: orders, trades, transfers and ticks. Pure.

`canonical_log.py` takes the facts of every other event from its JSON. For these types it would cost more than the run
itself, so their text is written straight from the data, keys in order, without the fields that differ between equal
runs. A property test holds both ways equal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from json.encoder import encode_basestring_ascii as quoted
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from econsim.schemas.clock import Ticked
from econsim.schemas.ledger import Chain, RefusedChain, Transfer, TransferPosted, TransferRefused
from econsim.schemas.market import (
    Accepted,
    Cancelled,
    Item,
    OrderAccepted,
    OrderCancelled,
    OrderRejected,
    PriceUpdated,
    Quote,
    Rejected,
    Shout,
    TickCleared,
    Traded,
    TradeExecuted,
)
from econsim.schemas.orders import Side


class FactText(NamedTuple):
    """One fact as canonical text."""

    data: str
    """Data of the fact, JSON without white space, keys in order."""
    actor: str | None = None
    """Actor of the fact; none for the event's actor."""
    number: int = 0
    """Place of the fact within its subject."""
    chain: str = ""
    """Id of the chain, a second sort key; empty for other facts."""
    cause: str | None = None
    """Cause of the fact; none for the event's cause."""


def fact_texts(data: object) -> Iterator[FactText] | None:
    """Return the texts of an event's facts; none for a type whose text is taken from its JSON."""
    texts = _TEXTS.get(type(data))
    return texts(data) if texts else None


def _item_texts(data: Accepted | Rejected | Traded | Cancelled) -> Iterator[FactText]:
    for item in data.items:
        yield _item(item)


def _item(item: Item) -> FactText:
    match item:
        case OrderAccepted():
            text = (
                f'{{"agent":{quoted(item.agent)},"kind":{quoted(item.kind)},"n":{item.n},'
                f'"order_id":{quoted(item.order_id)},"price":{item.price},"quantity":{item.quantity},'
                f'"replaces":{_text(item.replaces)},"side":{quoted(item.side)}}}'
            )
            return FactText(text, item.agent, item.n)
        case TradeExecuted():
            text = (
                f'{{"ask_id":{quoted(item.ask_id)},"bid_id":{quoted(item.bid_id)},"buyer":{quoted(item.buyer)},'
                f'"n":{item.n},"price":{item.price},"quantity":{item.quantity},"seller":{quoted(item.seller)},'
                f'"taker":{quoted(item.taker)},"trade_id":{quoted(item.trade_id)}}}'
            )
            return FactText(text, item.buyer if item.taker is Side.BID else item.seller, item.n)
        case OrderCancelled():
            text = (
                f'{{"agent":{quoted(item.agent)},"n":{item.n},"order_id":{quoted(item.order_id)},'
                f'"quantity":{item.quantity},"reason":{quoted(item.reason)},"side":{quoted(item.side)}}}'
            )
            return FactText(text, item.agent, item.n)
        case OrderRejected():
            text = (
                f'{{"agent":{quoted(item.agent)},"code":{quoted(item.code)},"kind":{_text(item.kind)},"n":{item.n},'
                f'"order_id":{quoted(item.order_id)},"price":{_number(item.price)},'
                f'"quantity":{_number(item.quantity)},"replaces":{_text(item.replaces)},"verb":{_text(item.verb)}}}'
            )
            return FactText(text, item.agent, item.n)


def _chain_texts(data: TransferPosted) -> Iterator[FactText]:
    for chain in data.chains:
        yield _chain(chain)


def _chain(chain: Chain) -> FactText:
    transfers = ",".join(map(_transfer, chain.transfers))
    text = f'{{"id":{quoted(chain.id)},"transfers":[{transfers}]}}'
    actor = chain.transfers[0].debit if chain.transfers else None
    return FactText(text, actor, 0, chain.id, chain.cause)


def _transfer(transfer: Transfer) -> str:
    return (
        f'{{"amount":{transfer.amount},"asset":{quoted(transfer.asset)},"credit":{quoted(transfer.credit)},'
        f'"debit":{quoted(transfer.debit)},"id":{quoted(transfer.id)},"kind":{quoted(transfer.kind)},'
        f'"pending_id":{_text(transfer.pending_id)}}}'
    )


def _refusal_texts(data: TransferRefused) -> Iterator[FactText]:
    for chain in data.chains:
        yield _refused_chain(chain)


def _refused_chain(chain: RefusedChain) -> FactText:
    text = (
        f'{{"digest":{quoted(chain.digest)},"holder":{quoted(chain.holder)},"id":{quoted(chain.id)},'
        f'"reason":{quoted(chain.reason)}}}'
    )
    return FactText(text, chain.holder, 0, chain.id, chain.cause)


def _tick_texts(data: Ticked) -> Iterator[FactText]:
    yield FactText(f'{{"period":{data.period},"tick_of_period":{data.tick_of_period}}}')


def _summary_texts(data: TickCleared) -> Iterator[FactText]:
    tape = ",".join(map(_shout, data.tape))
    yield FactText(
        f'{{"batch":{data.batch},"items":{data.items},"orders":{data.orders},"period":{data.period},'
        f'"period_closed":{_truth(data.period_closed)},"quote":{_quote(data.quote)},"tape":[{tape}],'
        f'"trades":{data.trades},"volume":{data.volume}}}'
    )


def _shout(shout: Shout) -> str:
    return f'{{"price":{shout.price},"side":{quoted(shout.side)},"traded":{_truth(shout.traded)}}}'


def _price_texts(data: PriceUpdated) -> Iterator[FactText]:
    yield FactText(
        f'{{"price":{_number(data.price)},"quote":{_quote(data.quote)},"resource":{quoted(data.resource)},'
        f'"volume":{data.volume}}}'
    )


def _quote(quote: Quote) -> str:
    return f'{{"ask":{_number(quote.ask)},"bid":{_number(quote.bid)},"last":{_number(quote.last)}}}'


def _number(value: int | None) -> int | str:
    return "null" if value is None else value


def _text(value: str | None) -> str:
    return "null" if value is None else quoted(value)


def _truth(value: bool) -> str:  # noqa: FBT001 - the one value to write
    return "true" if value else "false"


_TEXTS: Final[Mapping[type[object], Callable[[Any], Iterator[FactText]]]] = MappingProxyType(
    {
        Accepted: _item_texts,
        Rejected: _item_texts,
        Traded: _item_texts,
        Cancelled: _item_texts,
        TransferPosted: _chain_texts,
        TransferRefused: _refusal_texts,
        Ticked: _tick_texts,
        TickCleared: _summary_texts,
        PriceUpdated: _price_texts,
    }
)
"""Type of data → texts of its facts."""
