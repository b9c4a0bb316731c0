"""The canonical text of facts from the rows of a stored event: `canonical_facts` writes the same from models. Pure.

A property test holds both equal. Rows have no name that must be escaped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from econsim import subjects
from econsim.domain.audit.canonical_facts import FactText
from econsim.domain.audit.stored_rows import Row


def row_texts(type_: str, rows: Iterable[Row]) -> list[FactText]:
    """Return the texts of the facts of an event of a type that `stored_rows` reads."""
    text = _TEXTS[type_]
    return [text(*row) for row in rows]


def _accepted_text(  # noqa: PLR0913, PLR0917 - the fields of the item
    n: str, order_id: str, agent: str, side: str, kind: str, price: str, quantity: str, replaces: str
) -> FactText:
    text = (
        f'{{"agent":"{agent}","kind":"{kind}","n":{n},"order_id":"{order_id}","price":{price},'
        f'"quantity":{quantity},"replaces":{replaces},"side":"{side}"}}'
    )
    return text, agent, int(n), "", None


def _rejected_text(  # noqa: PLR0913, PLR0917 - the fields of the item
    n: str,
    order_id: str,
    agent: str,
    code: str,
    verb: str,
    price: str,
    quantity: str,
    kind: str,
    replaces: str,
) -> FactText:
    text = (
        f'{{"agent":"{agent}","code":"{code}","kind":{kind},"n":{n},"order_id":"{order_id}",'
        f'"price":{price},"quantity":{quantity},"replaces":{replaces},"verb":{verb}}}'
    )
    return text, agent, int(n), "", None


def _traded_text(  # noqa: PLR0913, PLR0917 - the fields of the item
    n: str,
    trade_id: str,
    price: str,
    quantity: str,
    buyer: str,
    seller: str,
    bid_id: str,
    ask_id: str,
    taker: str,
) -> FactText:
    text = (
        f'{{"ask_id":"{ask_id}","bid_id":"{bid_id}","buyer":"{buyer}","n":{n},"price":{price},'
        f'"quantity":{quantity},"seller":"{seller}","taker":"{taker}","trade_id":"{trade_id}"}}'
    )
    return text, buyer if taker == "bid" else seller, int(n), "", None


def _cancelled_text(  # noqa: PLR0913, PLR0917 - the fields of the item
    n: str, order_id: str, agent: str, side: str, quantity: str, reason: str
) -> FactText:
    text = (
        f'{{"agent":"{agent}","n":{n},"order_id":"{order_id}","quantity":{quantity},'
        f'"reason":"{reason}","side":"{side}"}}'
    )
    return text, agent, int(n), "", None


def _chain_text(id_: str, cause: str, transfers: Sequence[Row]) -> FactText:
    legs = ",".join(
        [
            f'{{"amount":{amount},"asset":"{asset}","credit":"{credit}","debit":"{debit}","id":"{leg}",'
            f'"kind":"{kind}","pending_id":{pending}}}'
            for leg, kind, debit, credit, asset, amount, pending in transfers
        ]
    )
    return f'{{"id":"{id_}","transfers":[{legs}]}}', transfers[0][2] if transfers else None, 0, id_, cause


def _ticked_text(period: str, tick_of_period: str) -> FactText:
    return f'{{"period":{period},"tick_of_period":{tick_of_period}}}', None, 0, "", None


def _cleared_text(  # noqa: PLR0913, PLR0917 - the fields of the summary
    batch: str,
    period: str,
    items: str,
    orders: str,
    trades: str,
    volume: str,
    bid: str,
    ask: str,
    last: str,
    tape: Sequence[Row],
    period_closed: str,
    _last_sequence: str,
) -> FactText:
    shouts = ",".join(
        [f'{{"price":{price},"side":"{side}","traded":{traded}}}' for side, price, traded in tape]
    )
    text = (
        f'{{"batch":{batch},"items":{items},"orders":{orders},"period":{period},"period_closed":{period_closed},'
        f'"quote":{{"ask":{ask},"bid":{bid},"last":{last}}},"tape":[{shouts}],"trades":{trades},"volume":{volume}}}'
    )
    return text, None, 0, "", None


def _price_text(  # noqa: PLR0913, PLR0917 - the fields of the price
    resource: str, price: str, bid: str, ask: str, last: str, volume: str
) -> FactText:
    text = (
        f'{{"price":{price},"quote":{{"ask":{ask},"bid":{bid},"last":{last}}},'
        f'"resource":"{resource}","volume":{volume}}}'
    )
    return text, None, 0, "", None


_TEXTS: Final[dict[str, Callable[..., FactText]]] = {
    subjects.BID_ACCEPTED.type: _accepted_text,
    subjects.ASK_ACCEPTED.type: _accepted_text,
    subjects.ORDER_REJECTED.type: _rejected_text,
    subjects.TRADE_EXECUTED.type: _traded_text,
    subjects.ORDER_CANCELLED.type: _cancelled_text,
    subjects.TRANSFER_POSTED.type: _chain_text,
    subjects.TICKED.type: _ticked_text,
    subjects.TICK_CLEARED.type: _cleared_text,
    subjects.PRICE_UPDATED.type: _price_text,
}
"""Type of an event → text of a row."""
