"""Queries that make the tables of `table_definitions` of the events of runs, in the SQL of DuckDB.

A line of an event says the place of its run among those that are read, and the trading day. With them no table is joined for either, so
rows stay in the order of the log, and memory stays flat.
"""

from __future__ import annotations

import json
import re
from typing import Final, NamedTuple

from econsim import subjects
from econsim.report.table_definitions import RUN_COLUMNS, TABLES

WHERE: Final = "run_place, correlation_id AS run, period, tick"
"""Columns of every source of events."""


class EventSource(NamedTuple):
    """A table that others are made of, and the events it is read from."""

    types: tuple[str, ...]
    """Types of the events; none for all."""
    query: str
    """Query over the events."""


def _struct(columns: str) -> dict[str, str]:
    """Return columns and their types as the form of an object of JSON."""
    return dict(each.split() for each in columns.split(", "))


def _data(form: object) -> str:
    """Return the SQL for what is needed of an event's data, which is JSON of this form."""
    return f"from_json(data, '{json.dumps(form)}')"


def _items(types: tuple[str, ...], columns: str) -> EventSource:
    """Return a source with a row for each item of some events."""
    form = _struct(columns)
    names = ", ".join(f"item.{name}" for name in form)
    return EventSource(
        types,
        f"SELECT {WHERE}, split_part(subject, '.', 2) AS resource, {names} "  # noqa: S608 - names of our own
        f"FROM (SELECT *, unnest({_data({'items': [form]})}['items']) AS item FROM {{lines}})",
    )


EVENT: Final = {
    "run_place": "BIGINT",
    "period": "BIGINT",
    "subject": "VARCHAR",
    "event_id": "VARCHAR",
    "type": "VARCHAR",
    "occurred_at": "VARCHAR",
    "tick": "BIGINT",
    "actor": "VARCHAR",
    "correlation_id": "VARCHAR",
    "causation_id": "VARCHAR",
    "trace_id": "VARCHAR",
    "data": "JSON",
}
"""Fields of the lines of events: the place of its run, its trading day, and those of the event."""

_TRANSFER: Final = "id VARCHAR, kind VARCHAR, debit VARCHAR, credit VARCHAR, asset VARCHAR, amount BIGINT, pending_id VARCHAR"
_CHAIN: Final = {"id": "VARCHAR", "cause": "VARCHAR", "transfers": [_struct(_TRANSFER)]}

SOURCES: Final = {
    "events": EventSource((), "SELECT correlation_id AS run, * FROM {lines}"),
    "accepted": _items(
        (subjects.BID_ACCEPTED.type, subjects.ASK_ACCEPTED.type),
        "n BIGINT, order_id VARCHAR, agent VARCHAR, side VARCHAR, kind VARCHAR, price BIGINT, quantity BIGINT, "
        "replaces VARCHAR",
    ),
    "rejected": _items(
        (subjects.ORDER_REJECTED.type,),
        "n BIGINT, order_id VARCHAR, agent VARCHAR, code VARCHAR, verb VARCHAR, kind VARCHAR, price BIGINT, "
        "quantity BIGINT, replaces VARCHAR",
    ),
    "cancelled": _items(
        (subjects.ORDER_CANCELLED.type,), "n BIGINT, order_id VARCHAR, quantity BIGINT, reason VARCHAR"
    ),
    "transfers": EventSource(
        (subjects.TRANSFER_POSTED.type,),
        f"""
        SELECT {WHERE}, sequence, place, made.chain, made.cause, made.of.id, made.of.kind, made.of.debit,
            made.of.credit, made.of.asset, made.of.amount, made.of.pending_id
        FROM (
            SELECT *, unnest(transfers) AS made, generate_subscripts(transfers, 1) AS place FROM (
                SELECT *, entry.sequence, flatten([
                    [{{'chain': chain.id, 'cause': chain.cause, 'of': each}} for each in chain.transfers]
                    for chain in entry.chains]) AS transfers
                FROM (SELECT *, {_data({"sequence": "BIGINT", "chains": [_CHAIN]})} AS entry FROM {{lines}})))""",  # noqa: S608 - names of our own
    ),
    "prices": EventSource(
        (subjects.PRICE_UPDATED.type,),
        f"""
        SELECT {WHERE}, split_part(subject, '.', 2) AS resource, told.price, told.quote.bid, told.quote.ask, told.volume
        FROM (SELECT *, {_data({"price": "BIGINT", "quote": _struct("bid BIGINT, ask BIGINT"), "volume": "BIGINT"})} AS told
              FROM {{lines}})""",  # noqa: S608 - names of our own
    ),
    "ticks": EventSource(
        (subjects.TICKED.type,),
        f"SELECT {WHERE}, {_data({'tick_of_period': 'BIGINT'})}['tick_of_period'] AS tick_of_period FROM {{lines}}",  # noqa: S608 - names of our own
    ),
}
"""Name → source of tables. Money in micro-credits."""

OF_TYPE: Final = {kind: name for name, source in SOURCES.items() for kind in source.types}
"""Type of an event → source that is made of it, beside that of all events."""

MACROS: Final = """
    CREATE OR REPLACE MACRO credits(micros) AS CAST(micros::DECIMAL(19, 0) * 0.000001::DECIMAL(6, 6) AS DECIMAL(25, 6));
    CREATE OR REPLACE MACRO is_money(asset) AS asset IN ('credits', 'debt')"""
"""Exact credits of micro-credits; and whether an asset is counted in them."""

OF_A_RUN: Final = tuple(column.name for column in RUN_COLUMNS if column.name != "run")
"""Columns that have one value in all rows of a run."""

ROWS: Final = {
    name: {"run_place": "BIGINT"}
    | {column.name: column.kind for column in TABLES[name].columns if not column.name.endswith("_credits")}
    for name in ("runs", "periods", "trades", "agents", "verdicts")
}
"""Table whose rows are made by `table_rows` → type of each field; credits are computed of micro-credits."""

_QUERIES: Final = {
    "quotes": """
        SELECT *, ask - bid AS spread FROM prices
        WINDOW earlier AS (PARTITION BY run_place, resource ORDER BY tick)
        QUALIFY bid IS DISTINCT FROM lag(bid) OVER earlier OR ask IS DISTINCT FROM lag(ask) OVER earlier""",
    "orders": """
        SELECT o.*, CASE WHEN o.replaces IS NULL THEN o.side ELSE 'replace' END AS verb,
               coalesce(f.filled, 0)::BIGINT AS filled, c.tick AS cancelled_tick,
               c.quantity AS cancelled, c.reason, NULL::VARCHAR AS rejected
        FROM accepted o
        LEFT JOIN (SELECT run_place, resource, order_id, sum(quantity) AS filled FROM (
            SELECT run_place, resource, bid_id AS order_id, quantity FROM trades UNION ALL
            SELECT run_place, resource, ask_id, quantity FROM trades) GROUP BY ALL) f USING (run_place, resource, order_id)
        LEFT JOIN cancelled c USING (run_place, resource, order_id)
        UNION ALL BY NAME
        SELECT * EXCLUDE (code), CASE WHEN verb IN ('bid', 'ask') THEN verb END AS side, code AS rejected FROM rejected""",
    "transfers": "SELECT *, CASE WHEN is_money(asset) THEN credits(amount) END AS amount_credits FROM transfers",
    "balances": """
        SELECT *, CASE WHEN is_money(asset) THEN credits(change) END AS change_credits,
               CASE WHEN is_money(asset) THEN credits(posted) END AS posted_credits
        FROM (SELECT *, sum(change) OVER (
                  PARTITION BY run_place, holder, asset ORDER BY sequence, place)::BIGINT AS posted
              FROM (SELECT run_place, run, period, tick, sequence, place, debit AS holder, asset, -amount AS change FROM transfers
                    WHERE kind IN ('transfer', 'post')
                    UNION ALL
                    SELECT run_place, run, period, tick, sequence, place, credit, asset, amount FROM transfers
                    WHERE kind IN ('transfer', 'post')))""",
}
"""Table → query over the sources; the others have their source's rows."""

_ORDER: Final = {
    "trades": "tick, resource, n",
    "orders": "tick, resource, n",
    "quotes": "tick, resource",
    "prices": "tick, resource",
    "agents": "agent",
    "transfers": "sequence, place",
    "balances": "sequence, place, holder",
    "ticks": "tick",
}
"""Table → order of its rows within a run; the others stay in the order in which they were read."""

_COMPUTED: Final = frozenset({"transfers", "balances"})
"""Tables whose query gives the credits, because not every amount is money."""


def sources_of(name: str) -> frozenset[str]:
    """Return the names of the sources that a table is made of."""
    return frozenset(re.findall(r"\w+", _QUERIES.get(name, name))) & (SOURCES.keys() | ROWS.keys())


def table_query(name: str) -> str:
    """Return the query of a table: its columns as they are defined, run by run.

    The variables `seed`, `scenario` and `treatment` are lists of one value for each run.
    """
    made = _QUERIES.get(name, f"SELECT * FROM {name}")  # noqa: S608 - names of our own
    columns = ", ".join(
        f'CAST({_value_of(name, column.name)} AS {column.kind}) AS "{column.name}"'
        for column in TABLES[name].columns
    )
    order = f"ORDER BY run_place, {_ORDER[name]}" if name in _ORDER else ""
    return f"SELECT {columns} FROM ({made}) {order}"  # noqa: S608 - names of our own


def _value_of(table: str, column: str) -> str:
    """Return the SQL of a column's value."""
    if column in OF_A_RUN:
        return f"getvariable('{column}')[run_place]"
    micros = column.removesuffix("_credits")
    return f'"{column}"' if micros == column or table in _COMPUTED else f'credits("{micros}")'
