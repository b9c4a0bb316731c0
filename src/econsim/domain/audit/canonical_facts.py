"""The canonical text of the facts that most events hold: orders, trades, transfers and ticks. Pure.

`canonical_log.py` takes the facts of every other event from its JSON. For these types it would cost more than the run
itself, so their text is written straight from the data, keys in order, without the fields that differ between equal
runs. A property test holds both ways equal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from json.encoder import encode_basestring_ascii as quoted
from types import MappingProxyType
from typing import Any, Final

from econsim.schemas.clock import Ticked
from econsim.schemas.ledger import Chain, Kind, RefusedChain, TransferPosted, TransferRefused
from econsim.schemas.market import (
    Accepted,
    Cancelled,
    Item,
    OrderAccepted,
    OrderCancelled,
    OrderRejected,
    PriceUpdated,
    Rejected,
    TickCleared,
    Traded,
    TradeExecuted,
)
from econsim.schemas.orders import Side

_BID: Final = Side.BID

Prices = tuple[int | None, int | None, int | None]
"""Best bid, best ask and last price."""

Leg = tuple[str, Kind, str, str, str, int, str | None]
"""The fields of a transfer in their order: id, kind, debit, credit, asset, amount, id of the reservation."""

FactText = tuple[str, str | None, int, str, str | None]
"""One fact as canonical text: its data (JSON without white space, keys in order), its actor (none for the event's actor), its place
within its subject, the id of its chain (a second sort key, empty for other facts) and its cause (none for the event's cause)."""


def fact_texts(data: object) -> Iterator[FactText] | None:
    """Return the texts of an event's facts; none for a type whose text is taken from its JSON."""
    texts = _TEXTS.get(type(data))
    return texts(data) if texts else None


def _item_texts(data: Accepted | Rejected | Traded | Cancelled) -> Iterator[FactText]:
    for item in data.items:
        yield _item(item)


def _item(item: Item) -> FactText:
    match item:
        case OrderAccepted(n, order_id, agent, side, kind, price, quantity, replaces):
            return accepted_text(n, order_id, agent, side, kind, price, quantity, replaces)
        case TradeExecuted(n, trade_id, price, quantity, buyer, seller, bid_id, ask_id, taker):
            return trade_text(n, trade_id, price, quantity, buyer, seller, bid_id, ask_id, taker)
        case OrderCancelled(n, order_id, agent, side, quantity, reason):
            return cancelled_text(n, order_id, agent, side, quantity, reason)
        case OrderRejected(n, order_id, agent, code, verb, price, quantity, kind, replaces):
            return rejected_text(n, order_id, agent, code, verb, price, quantity, kind, replaces)


def accepted_text(  # noqa: PLR0913, PLR0917 - the fields of the item
    n: int,
    order_id: str,
    agent: str,
    side: str,
    kind: str,
    price: int,
    quantity: int,
    replaces: str | None,
) -> FactText:
    """Return the text of an order that was accepted, from the fields of its item in their order."""
    text = (
        f'{{"agent":{quoted(agent)},"kind":{quoted(kind)},"n":{n},"order_id":{quoted(order_id)},"price":{price},'
        f'"quantity":{quantity},"replaces":{_text(replaces)},"side":{quoted(side)}}}'
    )
    return text, agent, n, "", None


def trade_text(  # noqa: PLR0913, PLR0917 - the fields of the item
    n: int,
    trade_id: str,
    price: int,
    quantity: int,
    buyer: str,
    seller: str,
    bid_id: str,
    ask_id: str,
    taker: str,
) -> FactText:
    """Return the text of a trade, from the fields of its item in their order."""
    text = (
        f'{{"ask_id":{quoted(ask_id)},"bid_id":{quoted(bid_id)},"buyer":{quoted(buyer)},"n":{n},"price":{price},'
        f'"quantity":{quantity},"seller":{quoted(seller)},"taker":{quoted(taker)},"trade_id":{quoted(trade_id)}}}'
    )
    return text, buyer if taker == _BID else seller, n, "", None


def cancelled_text(  # noqa: PLR0913, PLR0917 - the fields of the item
    n: int, order_id: str, agent: str, side: str, quantity: int, reason: str
) -> FactText:
    """Return the text of an order that was cancelled, from the fields of its item in their order."""
    text = (
        f'{{"agent":{quoted(agent)},"n":{n},"order_id":{quoted(order_id)},"quantity":{quantity},'
        f'"reason":{quoted(reason)},"side":{quoted(side)}}}'
    )
    return text, agent, n, "", None


def rejected_text(  # noqa: PLR0913, PLR0917 - the fields of the item
    n: int,
    order_id: str,
    agent: str,
    code: str,
    verb: str | None,
    price: int | None,
    quantity: int | None,
    kind: str | None,
    replaces: str | None,
) -> FactText:
    """Return the text of an action that was refused, from the fields of its item in their order."""
    text = (
        f'{{"agent":{quoted(agent)},"code":{quoted(code)},"kind":{_text(kind)},"n":{n},"order_id":{quoted(order_id)},'
        f'"price":{_number(price)},"quantity":{_number(quantity)},"replaces":{_text(replaces)},"verb":{_text(verb)}}}'
    )
    return text, agent, n, "", None


def _chain_texts(data: TransferPosted) -> Iterator[FactText]:
    for chain in data.chains:
        yield _chain(chain)


def _chain(chain: Chain) -> FactText:
    legs = [(t.id, t.kind, t.debit, t.credit, t.asset, t.amount, t.pending_id) for t in chain.transfers]
    return chain_text(chain.id, chain.cause, legs)


def chain_text(id_: str, cause: str, legs: Sequence[Leg]) -> FactText:
    """Return the text of an applied chain, from its id, its cause and the fields of its transfers in their order."""
    transfers = ",".join(
        [
            f'{{"amount":{amount},"asset":{quoted(asset)},"credit":{quoted(credit)},"debit":{quoted(debit)},"id":{quoted(leg)},'
            f'"kind":{quoted(kind)},"pending_id":{_text(pending)}}}'
            for leg, kind, debit, credit, asset, amount, pending in legs
        ]
    )
    return f'{{"id":{quoted(id_)},"transfers":[{transfers}]}}', legs[0][2] if legs else None, 0, id_, cause


def _refusal_texts(data: TransferRefused) -> Iterator[FactText]:
    for chain in data.chains:
        yield _refused_chain(chain)


def _refused_chain(chain: RefusedChain) -> FactText:
    return refused_text(chain.id, chain.cause, chain.holder, chain.reason, chain.digest)


def refused_text(id_: str, cause: str, holder: str, reason: str, digest: str) -> FactText:
    """Return the text of a refused chain, from its fields in their order."""
    text = f'{{"digest":{quoted(digest)},"holder":{quoted(holder)},"id":{quoted(id_)},"reason":{quoted(reason)}}}'
    return text, holder, 0, id_, cause


def _tick_texts(data: Ticked) -> Iterator[FactText]:
    yield tick_text(data.period, data.tick_of_period)


def tick_text(period: int, tick_of_period: int) -> FactText:
    """Return the text of the opening of a tick."""
    return whole_text(f'{{"period":{period},"tick_of_period":{tick_of_period}}}')


def whole_text(text: str) -> FactText:
    """Return the text of an event that is one fact."""
    return text, None, 0, "", None


def _summary_texts(data: TickCleared) -> Iterator[FactText]:
    quote = data.quote
    yield summary_text(
        data.batch,
        data.period,
        data.items,
        data.orders,
        data.trades,
        data.volume,
        (quote.bid, quote.ask, quote.last),
        [(shout.side, shout.price, shout.traded) for shout in data.tape],
        data.period_closed,
    )


def summary_text(  # noqa: PLR0913, PLR0917 - the fields of the summary
    batch: int,
    period: int,
    items: int,
    orders: int,
    trades: int,
    volume: int,
    quote: Prices,
    tape: Iterable[tuple[str, int, bool]],
    period_closed: bool,  # noqa: FBT001 - a field like the others
) -> FactText:
    """Return the text of the end of a batch, from the fields of its summary in their order."""
    shouts = ",".join(
        [
            f'{{"price":{price},"side":{quoted(side)},"traded":{"true" if traded else "false"}}}'
            for side, price, traded in tape
        ]
    )
    return whole_text(
        f'{{"batch":{batch},"items":{items},"orders":{orders},"period":{period},'
        f'"period_closed":{"true" if period_closed else "false"},"quote":{_quote(*quote)},"tape":[{shouts}],'
        f'"trades":{trades},"volume":{volume}}}'
    )


def _price_texts(data: PriceUpdated) -> Iterator[FactText]:
    quote = data.quote
    yield price_text(data.resource, data.price, (quote.bid, quote.ask, quote.last), data.volume)


def price_text(resource: str, price: int | None, quote: Prices, volume: int) -> FactText:
    """Return the text of a market's new price."""
    return whole_text(
        f'{{"price":{_number(price)},"quote":{_quote(*quote)},"resource":{quoted(resource)},"volume":{volume}}}'
    )


def _quote(bid: int | None, ask: int | None, last: int | None) -> str:
    return f'{{"ask":{_number(ask)},"bid":{_number(bid)},"last":{_number(last)}}}'


def _number(value: int | None) -> int | str:
    return "null" if value is None else value


def _text(value: str | None) -> str:
    return "null" if value is None else quoted(value)


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
