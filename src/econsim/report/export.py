"""Export of a run as Parquet files, for DuckDB, polars or pandas: every event, and tables of trades, orders and so on.

Rows go through files of JSON lines, because DuckDB reads those faster than Python can hand rows over,
and so that memory stays flat however long the run was.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import fields
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any, Final

import duckdb

from econsim import subjects
from econsim.domain.admission.reports import agent_facts
from econsim.domain.agent.population import population
from econsim.domain.audit.envelope import AddressedEvent
from econsim.domain.audit.facts import Fact, Json, Record, as_record, facts
from econsim.schemas.scenario import Scenario

SOURCES: Final = {
    "events": "subject VARCHAR, event_id VARCHAR, type VARCHAR, occurred_at VARCHAR, tick BIGINT, actor VARCHAR, "
    "correlation_id VARCHAR, causation_id VARCHAR, trace_id VARCHAR, data JSON",
    "accepted": "tick BIGINT, resource VARCHAR, n BIGINT, order_id VARCHAR, agent VARCHAR, side VARCHAR, kind VARCHAR, "
    "price BIGINT, quantity BIGINT, replaces VARCHAR",
    "rejected": "tick BIGINT, resource VARCHAR, n BIGINT, order_id VARCHAR, agent VARCHAR, code VARCHAR, verb VARCHAR, "
    "kind VARCHAR, price BIGINT, quantity BIGINT, replaces VARCHAR",
    "cancelled": "tick BIGINT, resource VARCHAR, n BIGINT, order_id VARCHAR, quantity BIGINT, reason VARCHAR",
    "trades": "tick BIGINT, resource VARCHAR, n BIGINT, trade_id VARCHAR, price BIGINT, quantity BIGINT, buyer VARCHAR, "
    "seller VARCHAR, bid_id VARCHAR, ask_id VARCHAR, taker VARCHAR",
    "transfers": "sequence BIGINT, place BIGINT, tick BIGINT, chain VARCHAR, cause VARCHAR, id VARCHAR, kind VARCHAR, "
    "debit VARCHAR, credit VARCHAR, asset VARCHAR, amount BIGINT, pending_id VARCHAR",
    "prices": "tick BIGINT, resource VARCHAR, price BIGINT, bid BIGINT, ask BIGINT, volume BIGINT",
    "ticks": "tick BIGINT, period BIGINT, tick_of_period BIGINT",
    "agents": "agent VARCHAR, group_name VARCHAR, policy VARCHAR, host VARCHAR, balance_ref VARCHAR, credits BIGINT",
}
"""Table → columns, as they are read from the log. Money in micro-credits."""

TABLES: Final = {
    "events": "SELECT * FROM events",
    "trades": "SELECT * FROM trades ORDER BY tick, resource, n",
    "orders": """
        SELECT o.*, CASE WHEN o.replaces IS NULL THEN o.side ELSE 'replace' END AS verb,
               coalesce(f.filled, 0)::BIGINT AS filled, c.tick AS cancelled_tick,
               c.quantity AS cancelled, c.reason, NULL::VARCHAR AS rejected
        FROM accepted o
        LEFT JOIN (SELECT order_id, sum(quantity) AS filled FROM (
            SELECT bid_id AS order_id, quantity FROM trades UNION ALL
            SELECT ask_id, quantity FROM trades) GROUP BY order_id) f USING (order_id)
        LEFT JOIN cancelled c USING (order_id)
        UNION ALL BY NAME
        SELECT * EXCLUDE (code), CASE WHEN verb IN ('bid', 'ask') THEN verb END AS side, code AS rejected FROM rejected
        ORDER BY tick, resource, n""",
    "transfers": "SELECT * FROM transfers ORDER BY sequence, place",
    "balances": """
        SELECT tick, sequence, place, holder, asset, change, sum(change) OVER (
            PARTITION BY holder, asset ORDER BY sequence, place)::BIGINT AS posted
        FROM (SELECT tick, sequence, place, debit AS holder, asset, -amount AS change FROM transfers
              WHERE kind IN ('transfer', 'post')
              UNION ALL
              SELECT tick, sequence, place, credit, asset, amount FROM transfers
              WHERE kind IN ('transfer', 'post'))
        ORDER BY sequence, place, holder""",
    "prices": "SELECT * FROM prices ORDER BY tick, resource",
    "ticks": "SELECT * FROM ticks ORDER BY tick",
    "agents": "SELECT * FROM agents ORDER BY agent",
}
"""File → query over the sources. `balances` has a row for each change of what a holder owns.

`orders` has a row for each order that was accepted, and for each command that was refused: `verb` is the kind of
command, so a refused `cancel` is no refused order.

`agents` describes every agent that other tables name: events name an agent, and the run's opening describes it.
"""

_ENVELOPE: Final = tuple(field.name for field in fields(Record))
"""Columns of `events`."""

_ITEMS: Final = {
    subjects.BID_ACCEPTED.type: "accepted",
    subjects.ASK_ACCEPTED.type: "accepted",
    subjects.ORDER_REJECTED.type: "rejected",
    subjects.ORDER_CANCELLED.type: "cancelled",
    subjects.TRADE_EXECUTED.type: "trades",
}


def export(events: Iterable[Record | AddressedEvent], directory: Path) -> dict[str, int]:
    """Write a run's events and tables into a directory as `<table>.parquet`; return the rows of each.

    An event id that comes again is left out. Files of an earlier export are replaced.
    """
    directory.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix="econsim-export-") as scratch:
        work = Path(scratch)
        _write_lines(events, work)
        with duckdb.connect() as database:
            for name, columns in SOURCES.items():
                database.execute(
                    f"CREATE VIEW {name} AS SELECT * FROM read_json({_sql_literal(work / name)}, "  # noqa: S608 - names and paths of our own
                    f"format = 'newline_delimited', columns = {_columns(columns)})"
                )
            return {
                name: _copy(database, query, directory / f"{name}.parquet") for name, query in TABLES.items()
            }


def _copy(database: duckdb.DuckDBPyConnection, query: str, path: Path) -> int:
    copied = database.execute(
        f"COPY ({query}) TO {_sql_literal(path)} (FORMAT parquet, COMPRESSION zstd)"
    ).fetchone()
    return int(copied[0]) if copied else 0


def _sql_literal(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"


def _columns(columns: str) -> str:
    pairs = (column.rsplit(" ", 1) for column in columns.split(", "))
    return "{" + ", ".join(f"{name}: '{kind}'" for name, kind in pairs) + "}"


def _write_lines(events: Iterable[Record | AddressedEvent], work: Path) -> None:
    seen: set[str] = set()
    with ExitStack() as stack:
        out: dict[str, IO[str]] = {
            name: stack.enter_context((work / name).open("w", encoding="utf-8")) for name in SOURCES
        }
        for event in events:
            entry = as_record(event)
            if entry.event_id in seen:
                continue
            seen.add(entry.event_id)
            for table, row in _rows(entry):
                out[table].write(json.dumps(row) + "\n")


def _rows(entry: Record) -> Iterator[tuple[str, dict[str, Any]]]:
    yield "events", {name: getattr(entry, name) for name in _ENVELOPE}
    match entry.type:
        case kind if kind in _ITEMS:
            yield from ((_ITEMS[kind], _item(fact)) for fact in facts(entry))
        case subjects.TRANSFER_POSTED.type:
            yield from (("transfers", row) for row in _transfers(entry))
        case subjects.PRICE_UPDATED.type:
            yield "prices", _price(entry)
        case subjects.TICKED.type:
            yield "ticks", {"tick": entry.tick} | entry.data
        case subjects.RUN_OPENED.type:
            yield from (("agents", row) for row in _agents(entry))


def _price(entry: Record) -> Json:
    price, quote = entry.data, entry.data["quote"]
    row = {"tick": entry.tick, "resource": entry.entity, "bid": quote["bid"], "ask": quote["ask"]}
    return row | {"price": price["price"], "volume": price["volume"]}


def _item(fact: Fact) -> Json:
    return {"tick": fact.tick, "resource": fact.entity} | fact.data


def _transfers(entry: Record) -> Iterator[Json]:
    place = 0
    for chain in entry.data["chains"]:
        head = {"sequence": entry.data["sequence"], "tick": entry.tick}
        head |= {"chain": chain["id"], "cause": chain["cause"]}
        for transfer in chain["transfers"]:
            place += 1
            yield head | {"place": place} | transfer


def _agents(opened: Record) -> Iterator[Json]:
    for agent in population(Scenario.model_validate(opened.data["scenario"])):
        known = agent_facts(opened.correlation_id, agent).model_dump()
        yield known | {"agent": agent.id, "group_name": agent.group, "credits": agent.credits}
