"""Export of a run as Parquet files, for DuckDB, polars or pandas: every event, and tables of trades, orders and so on.

Events go as they are, a line of JSON each, into a file for each source of tables, and DuckDB takes them apart: memory stays
flat however long the run was. Events are decoded here only to judge them, if the scenario has expectations.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Final, NamedTuple, Self

import duckdb

from econsim import subjects
from econsim.domain.admission.reports import agent_facts
from econsim.domain.agent.population import population
from econsim.domain.audit.envelope import AddressedEvent
from econsim.domain.audit.facts import Json, Record, as_record
from econsim.domain.expectation.judge import Judge
from econsim.domain.expectation.verdict import Verdict
from econsim.report.event_lines import event_line
from econsim.report.judging import judge
from econsim.report.whole_file import whole_file
from econsim.schemas.scenario import Scenario

MEMORY: Final = "1GB"
"""Memory that DuckDB takes before it goes on in files: without a limit a run eight times as long took three times as much, and
under 512 MB ticks of 20 000 agents did not fit."""

THREADS: Final = 2
"""Threads of DuckDB: each needs memory of its own for the events that it takes apart."""


class _TableSource(NamedTuple):
    """A table that others are made of, and the events it is read from."""

    types: tuple[str, ...]
    """Types of the events; none for all."""
    data: str
    """Type of the events' data, as DuckDB reads it."""
    query: str
    """Query over the events."""


def _items(types: tuple[str, ...], columns: str) -> _TableSource:
    """Return a source with a row for each item of some events."""
    names = ", ".join(f"item.{column.split()[0]}" for column in columns.split(", "))
    return _TableSource(
        types,
        f"STRUCT(items STRUCT({columns})[])",
        f"SELECT run, tick, split_part(subject, '.', 2) AS resource, {names} "  # noqa: S608 - names of our own
        "FROM (SELECT correlation_id AS run, tick, subject, unnest(data['items']) AS item FROM {lines})",
    )


_EVENT: Final = {
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
"""Columns of events."""

_AGENT: Final = {
    "agent": "VARCHAR",
    "group_name": "VARCHAR",
    "policy": "VARCHAR",
    "host": "VARCHAR",
    "balance_ref": "VARCHAR",
    "credits": "BIGINT",
}
"""Columns of agents."""

_VERDICT: Final = {
    "run": "VARCHAR",
    "name": "VARCHAR",
    "form": "VARCHAR",
    "outcome": "VARCHAR",
    "message": "VARCHAR",
    "missed_by": "VARCHAR",
    "witness": "VARCHAR[]",
    "nearest": "VARCHAR",
    "expectation": "JSON",
}
"""Columns of verdicts. The witness and the nearest miss are ids of facts."""

_TRANSFER: Final = "id VARCHAR, kind VARCHAR, debit VARCHAR, credit VARCHAR, asset VARCHAR, amount BIGINT, pending_id VARCHAR"

_SOURCES: Final = {
    "events": _TableSource((), "JSON", "SELECT * FROM {lines}"),
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
    "trades": _items(
        (subjects.TRADE_EXECUTED.type,),
        "n BIGINT, trade_id VARCHAR, price BIGINT, quantity BIGINT, buyer VARCHAR, seller VARCHAR, bid_id VARCHAR, "
        "ask_id VARCHAR, taker VARCHAR",
    ),
    "transfers": _TableSource(
        (subjects.TRANSFER_POSTED.type,),
        f"STRUCT(sequence BIGINT, chains STRUCT(id VARCHAR, cause VARCHAR, transfers STRUCT({_TRANSFER})[])[])",
        """
        SELECT run, sequence, place, tick, made.chain, made.cause, made.of.id, made.of.kind, made.of.debit,
            made.of.credit, made.of.asset, made.of.amount, made.of.pending_id
        FROM (
            SELECT run, tick, sequence, unnest(transfers) AS made, generate_subscripts(transfers, 1) AS place FROM (
                SELECT correlation_id AS run, tick, data['sequence'] AS sequence, flatten([
                    [{'chain': chain.id, 'cause': chain.cause, 'of': each} for each in chain.transfers]
                    for chain in data['chains']]) AS transfers
                FROM {lines}))""",
    ),
    "prices": _TableSource(
        (subjects.PRICE_UPDATED.type,),
        "STRUCT(price BIGINT, quote STRUCT(bid BIGINT, ask BIGINT), volume BIGINT)",
        "SELECT correlation_id AS run, tick, split_part(subject, '.', 2) AS resource, data.price, data.quote.bid, "
        "data.quote.ask, data.volume FROM {lines}",
    ),
    "ticks": _TableSource(
        (subjects.TICKED.type,),
        "STRUCT(period BIGINT, tick_of_period BIGINT)",
        "SELECT correlation_id AS run, tick, data.period, data.tick_of_period FROM {lines}",
    ),
}
"""Table → its events. Money in micro-credits."""

_MACROS: Final = """
    CREATE MACRO credits(micros) AS CAST(micros::DECIMAL(19, 0) * 0.000001::DECIMAL(6, 6) AS DECIMAL(25, 6));
    CREATE MACRO is_money(asset) AS asset IN ('credits', 'debt')"""
"""Exact credits of micro-credits; and whether an asset is counted in them."""

TABLES: Final = {
    "events": "SELECT * FROM events",
    "trades": """
        SELECT run, period, trades.* EXCLUDE (run), credits(price) AS price_credits
        FROM trades LEFT JOIN periods USING (run, tick) ORDER BY tick, resource, n""",
    "quotes": """
        SELECT run, period, tick, resource, bid, ask, ask - bid AS spread,
               credits(bid) AS bid_credits, credits(ask) AS ask_credits, credits(ask - bid) AS spread_credits
        FROM prices LEFT JOIN periods USING (run, tick)
        WINDOW earlier AS (PARTITION BY resource ORDER BY tick)
        QUALIFY bid IS DISTINCT FROM lag(bid) OVER earlier OR ask IS DISTINCT FROM lag(ask) OVER earlier
        ORDER BY tick, resource""",
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
        SELECT run, period, tick, sequence, place, holder, asset, change, posted,
               CASE WHEN is_money(asset) THEN credits(change) END AS change_credits,
               CASE WHEN is_money(asset) THEN credits(posted) END AS posted_credits
        FROM (SELECT *, sum(change) OVER (
                  PARTITION BY holder, asset ORDER BY sequence, place)::BIGINT AS posted
              FROM (SELECT run, tick, sequence, place, debit AS holder, asset, -amount AS change FROM transfers
                    WHERE kind IN ('transfer', 'post')
                    UNION ALL
                    SELECT run, tick, sequence, place, credit, asset, amount FROM transfers
                    WHERE kind IN ('transfer', 'post')))
        LEFT JOIN periods USING (run, tick)
        ORDER BY sequence, place, holder""",
    "prices": """
        SELECT run, period, prices.* EXCLUDE (run), credits(price) AS price_credits
        FROM prices LEFT JOIN periods USING (run, tick) ORDER BY tick, resource""",
    "ticks": "SELECT * FROM ticks ORDER BY tick",
    "agents": "SELECT * FROM agents ORDER BY agent",
    "verdicts": "SELECT * FROM verdicts",
}
"""File → query over the sources. Money in micro-credits, and in columns `…_credits` as exact decimals; no period at tick 0.

`trades`, `quotes`, `balances`, `prices` and `verdicts` are made to work with. `quotes` has a row for each change of a market's best
bid or ask at the end of a tick, `prices` one for each tick with a new price or quote, `balances` one for each change of
what a holder owns.

`orders` has a row for each order that was accepted, and for each command that was refused: `verb` is the kind of
command, so a refused `cancel` is no refused order.

`verdicts` has a row for each expectation of the scenario, in its order; of a run that goes on, what can be said so far.

`agents` describes every agent that other tables name: events name an agent, and the run's opening describes it.
"""

_OF_TYPE: Final = {kind: name for name, source in _SOURCES.items() for kind in source.types}
"""Type of an event → table that is made of it, beside that of all events."""


def export(events: Iterable[Record | AddressedEvent], directory: Path) -> dict[str, int]:
    """Write the events of a run and tables of them into a directory; see `Export.write`."""
    with Export() as tables:
        for event in events:
            tables.add(as_record(event))
        return tables.write(directory)


class Export(AbstractContextManager["Export"]):
    """The events of a run on their way into tables, in temporary files until the context ends."""

    def __enter__(self) -> Self:
        """Make the temporary files."""
        with ExitStack() as stack:
            self._work = Path(stack.enter_context(TemporaryDirectory(prefix="econsim-export-")))
            self._out: dict[str, IO[str]] = {
                name: stack.enter_context((self._work / name).open("w", encoding="utf-8"))
                for name in (*_SOURCES, "agents", "verdicts")
            }
            self._judge: Judge | None = None
            self._count, self._closed = 0, False
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *failure: object) -> None:
        """Remove the temporary files."""
        self._stack.close()

    def add(self, entry: Record) -> None:
        """Add the next event."""
        line = event_line(entry)
        self._out["events"].write(line)
        if table := _OF_TYPE.get(entry.type):
            self._out[table].write(line)
        if entry.type == subjects.RUN_OPENED.type:
            self._out["agents"].writelines(json.dumps(row) + "\n" for row in _agents(entry))
            scenario = Scenario.model_validate(entry.data["scenario"])
            self._judge = judge(scenario) if scenario.expectations else None
        self._count += 1
        self._closed = self._closed or entry.type == subjects.RUN_CLOSED.type
        if self._judge:
            self._judge.add(entry, self._count)

    def write(self, directory: Path) -> dict[str, int]:
        """Write the tables as `<table>.parquet`; return the rows of each. Files of an earlier export are replaced."""
        directory.mkdir(parents=True, exist_ok=True)
        with self._database() as database:
            return {
                name: _copy(database, query, directory / f"{name}.parquet", "parquet, COMPRESSION zstd")
                for name, query in TABLES.items()
            }

    def write_lines(self, table: str, path: Path) -> int:
        """Write a table as lines of JSON, one for each row, as a whole file; return their number."""
        with self._database() as database, whole_file(path) as out:
            return _copy(database, TABLES[table], Path(out.name), "json")

    @contextmanager
    def _database(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Provide the sources of the tables as views; no event can be added any more."""
        if self._judge:
            found = self._judge.close() if self._closed else self._judge.verdicts()
            self._out["verdicts"].writelines(json.dumps(_verdict_row(verdict)) + "\n" for verdict in found)
            self._judge = None
        for file in self._out.values():
            file.close()
        spill = str(self._work / "spill")
        with duckdb.connect(
            config={"memory_limit": MEMORY, "threads": THREADS, "temp_directory": spill}
        ) as database:
            database.execute(_MACROS)
            for name, source in _SOURCES.items():
                query = source.query.replace("{lines}", self._lines(name, _EVENT | {"data": source.data}))
                database.execute(f"CREATE VIEW {name} AS {query}")
            database.execute("CREATE VIEW periods AS SELECT run, tick, period FROM ticks")
            database.execute(f"CREATE VIEW agents AS FROM {self._lines('agents', _AGENT)}")
            database.execute(f"CREATE VIEW verdicts AS FROM {self._lines('verdicts', _VERDICT)}")
            yield database

    def _lines(self, name: str, columns: dict[str, str]) -> str:
        """Return the SQL that reads one of the temporary files."""
        return (
            f"read_json({_sql_literal(self._work / name)}, format = 'newline_delimited', columns = {columns})"
        )


def _copy(database: duckdb.DuckDBPyConnection, query: str, path: Path, file_format: str) -> int:
    copied = database.execute(f"COPY ({query}) TO {_sql_literal(path)} (FORMAT {file_format})").fetchone()
    return int(copied[0]) if copied else 0


def _sql_literal(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"


def _agents(opened: Record) -> Iterable[Json]:
    for agent in population(Scenario.model_validate(opened.data["scenario"])):
        known = agent_facts(opened.correlation_id, agent).model_dump()
        yield known | {"agent": agent.id, "group_name": agent.group, "credits": agent.credits}


def _verdict_row(verdict: Verdict) -> Json:
    shown = verdict.as_json()
    facts = [each.event_id for each in verdict.witness]
    return {name: shown[name] for name in _VERDICT} | {
        "witness": facts,
        "nearest": verdict.nearest.event_id if verdict.nearest else None,
    }
