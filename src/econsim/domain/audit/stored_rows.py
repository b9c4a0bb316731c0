"""Rows of the most frequent events, read from their text as their service wrote it. Pure.

The hash and the figures of a stored run need a few fields of each fact. To decode the JSON of all events, and to write it again with
its keys in order, took most of the time of a report. Here one expression a type finds the fields, as text: numbers as they
are written, names without their quotation marks, what may be missing as JSON. A text in any other form has no rows, and is decoded.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, Final, NamedTuple

from econsim import subjects

Row = tuple[Any, ...]
"""Fields of an item, a chain or an event, in the order in which they are written: text, or a list of such rows."""

_DATA: Final = ',"data":{'
_NAME: Final = '"([^"]+)"'
_NUMBER: Final = r"(-?\d+)"
_NAME_OR_NULL: Final = '(null|"[^"]+")'
_NUMBER_OR_NULL: Final = r"(null|-?\d+)"
_LIST: Final = r"\[([^\]]*)\]"
_QUOTE: Final = rf'\{{"bid":{_NUMBER_OR_NULL},"ask":{_NUMBER_OR_NULL},"last":{_NUMBER_OR_NULL}\}}'


def _object(**fields: str) -> str:
    """Return the expression for an object of JSON with these fields."""
    inside = ",".join(f'"{name}":{pattern}' for name, pattern in fields.items())
    return rf"\{{{inside}\}}"


_TRANSFER: Final = _object(
    id=_NAME,
    kind=_NAME,
    debit=_NAME,
    credit=_NAME,
    asset=_NAME,
    amount=_NUMBER,
    pending_id=_NAME_OR_NULL,
)
_SHOUT: Final = _object(side=_NAME, price=_NUMBER, traded="(true|false)")
_ACCEPTED: Final = _object(
    n=_NUMBER,
    order_id=_NAME,
    agent=_NAME,
    side=_NAME,
    kind=_NAME,
    price=_NUMBER,
    quantity=_NUMBER,
    replaces=_NAME_OR_NULL,
)
_REJECTED: Final = _object(
    n=_NUMBER,
    order_id=_NAME,
    agent=_NAME,
    code=_NAME,
    verb=_NAME_OR_NULL,
    price=_NUMBER_OR_NULL,
    quantity=_NUMBER_OR_NULL,
    kind=_NAME_OR_NULL,
    replaces=_NAME_OR_NULL,
)
_TRADED: Final = _object(
    n=_NUMBER,
    trade_id=_NAME,
    price=_NUMBER,
    quantity=_NUMBER,
    buyer=_NAME,
    seller=_NAME,
    bid_id=_NAME,
    ask_id=_NAME,
    taker=_NAME,
)
_CANCELLED: Final = _object(
    n=_NUMBER, order_id=_NAME, agent=_NAME, side=_NAME, quantity=_NUMBER, reason=_NAME
)
_CHAIN: Final = _object(id=_NAME, cause=_NAME, transfers=_LIST)
_TICKED: Final = _object(period=_NUMBER, tick_of_period=_NUMBER)
_CLEARED: Final = _object(
    batch=_NUMBER,
    period=_NUMBER,
    items=_NUMBER,
    orders=_NUMBER,
    trades=_NUMBER,
    volume=_NUMBER,
    quote=_QUOTE,
    tape=_LIST,
    period_closed="(true|false)",
    last_sequence=_NUMBER,
)
_PRICE: Final = _object(resource=_NAME, price=_NUMBER_OR_NULL, quote=_QUOTE, volume=_NUMBER)


class _DataForm(NamedTuple):
    """Form of the data of a type."""

    pattern: str
    """Expression for a row."""
    rows: str
    """Text with which the list of rows begins; empty for an event that is one row."""
    inner: str = ""
    """Expression for the rows of a list within a row; empty without one."""
    place: int = -1
    """Place of that list in its row."""
    objects: int = 1
    """Objects of the data that are no rows: the data, or the event's row and the quote in it."""


_ITEMS, _CHAINS = '"items":[', '"chains":['
_FORMS: Final = {
    subjects.BID_ACCEPTED.type: _DataForm(_ACCEPTED, _ITEMS),
    subjects.ASK_ACCEPTED.type: _DataForm(_ACCEPTED, _ITEMS),
    subjects.ORDER_REJECTED.type: _DataForm(_REJECTED, _ITEMS),
    subjects.TRADE_EXECUTED.type: _DataForm(_TRADED, _ITEMS),
    subjects.ORDER_CANCELLED.type: _DataForm(_CANCELLED, _ITEMS),
    subjects.TRANSFER_POSTED.type: _DataForm(_CHAIN, _CHAINS, _TRANSFER, 2),
    subjects.TICKED.type: _DataForm(_TICKED, ""),
    subjects.TICK_CLEARED.type: _DataForm(_CLEARED, "", _SHOUT, 9, objects=2),
    subjects.PRICE_UPDATED.type: _DataForm(_PRICE, "", objects=2),
}
"""Type of an event → form of its data."""


def stored_rows(type_: str, text: str) -> list[Row] | None:
    """Return the rows of an event from its text: one for each item or chain, or one for the event; none if it has another form."""
    found = _expressions(type_)
    # What JSON escapes, here or in the canonical log, is decoded.
    if found is None or "\\" in text or not text.isascii():
        return None
    form, pattern, inner = found
    start, objects = text.find(_DATA) + len(_DATA) - 1, form.objects
    if form.rows:
        if form.rows not in text or not text.endswith("]}}"):
            return None
        rows = pattern.findall(text, start)
        objects += len(rows)
    else:
        whole = pattern.fullmatch(text, start, len(text) - 1)
        if not whole:
            return None
        rows = [whole.groups()]
    if inner:
        rows = [_with_list(row, inner, form.place) for row in rows]
        objects += sum([len(row[form.place]) for row in rows])
    # Every object that begins or ends is one of these, the last end the event's: so none is left over, which would have another form.
    return rows if text.count("{", start) == objects == text.count("}", start) - 1 else None


@lru_cache(1024)
def _expressions(type_: str) -> tuple[_DataForm, re.Pattern[str], re.Pattern[str] | None] | None:
    """Return the form of a type with its expressions; who reads few types need not wait for those of all."""
    form = _FORMS.get(type_)
    return form and (form, re.compile(form.pattern), re.compile(form.inner) if form.inner else None)


def _with_list(row: Row, pattern: re.Pattern[str], place: int) -> Row:
    """Return a row with the rows of its list in place of their text."""
    return (*row[:place], pattern.findall(row[place]), *row[place + 1 :])
