"""Export of runs as Parquet files, for DuckDB, polars or pandas: every event, and tables of trades, orders and so on.

Events go as they are, a line each, into a file for each source of tables, and DuckDB takes them apart: memory stays flat however
long the runs are. Events are decoded here only for the rows of `table_rows`. A line has the fields of the event's envelope, then its
data: read so, events take half the time of lines of JSON, whose data DuckDB would write again.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Final, Literal, Self

import duckdb

from econsim.domain.audit.envelope import AddressedEvent
from econsim.domain.audit.facts import Json, Record, as_record
from econsim.report.event_lines import data_text
from econsim.report.table_definitions import TABLES
from econsim.report.table_queries import (
    EVENT,
    MACROS,
    OF_A_RUN,
    OF_TYPE,
    ROWS,
    SOURCES,
    sources_of,
    table_query,
)
from econsim.report.table_rows import READ, RunRows
from econsim.report.whole_file import whole_file

MEMORY: Final = "1GB"
"""Memory that DuckDB takes before it goes on in files: without a limit a run eight times as long took three times as much, and
under 512 MB ticks of 20 000 agents did not fit."""

THREADS: Final = 1
"""Threads of DuckDB: a second one took a third more processor time for the same rows, and needs memory of its own for them."""

SEPARATOR: Final = "\x1f"
"""Character between the fields of a line: JSON has none, so its text needs no marks around it."""

NOTHING: Final = r"\N"
"""Field without a value."""

LINE_MAX: Final = 2**24
"""Bytes of a line that DuckDB reads, twice the largest event, and bytes that it reads at once: with more, memory grew with the file."""

_BREAKS: Final = str.maketrans(dict.fromkeys("\r\n" + SEPARATOR, " "))
"""Characters that would end a field or a line."""

ROWS_A_GROUP: Final = 30_720
"""Rows that DuckDB holds before it writes them into a file of columns: four times as many, its default, took 60 MiB more."""


def export(events: Iterable[Record | AddressedEvent], directory: Path) -> dict[str, int]:
    """Write the events of a run and tables of them into a directory; see `Export.write`."""
    with Export() as tables:
        for event in events:
            tables.add(as_record(event))
        return tables.write(directory)


class Export(AbstractContextManager["Export"]):
    """The events of runs on their way into tables, in temporary files until the context ends."""

    def __init__(self, tables: Iterable[str] = TABLES) -> None:
        """Take the names of the tables that are wanted, by default all."""
        self._sources = frozenset[str]().union(*map(sources_of, tables))

    def __enter__(self) -> Self:
        """Make the temporary files."""
        with ExitStack() as stack:
            self._work = Path(stack.enter_context(TemporaryDirectory(prefix="econsim-export-")))
            self._out: dict[str, IO[str]] = {
                name: stack.enter_context((self._work / name).open("w", encoding="utf-8"))
                for name in self._sources
            }
            self._files: dict[str, list[IO[str]]] = {}
            self._runs: list[RunRows] = []
            self._is_finished = False
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *failure: object) -> None:
        """Remove the temporary files."""
        self._stack.close()

    def begin(self, treatment: str = "") -> None:
        """Begin another run, of a treatment of a study; the first one needs no call. The tables of all stand below each other."""
        self._finish()
        self._runs.append(RunRows(len(self._runs) + 1, treatment, judges="verdicts" in self._sources))

    def takes(self, type_: str) -> bool:
        """Tell whether events of a type matter to the tables that are wanted."""
        every = not self._sources.isdisjoint(("events", "verdicts"))
        return every or type_ in READ or OF_TYPE.get(type_) in self._sources

    def add(self, entry: Record) -> None:
        """Add the next event of the run."""
        if not self._runs:
            self.begin()
        run = self._runs[-1]
        if run.reads(entry.type):
            self._write(run.add(entry))
        files = self._files.get(entry.type)
        if files is None:
            names = self._sources.intersection(("events", OF_TYPE.get(entry.type, "")))
            files = self._files[entry.type] = [self._out[name] for name in names]
        if files:
            line = _line(run, entry)
            for file in files:
                file.write(line)

    def write(self, directory: Path) -> dict[str, int]:
        """Write the tables as `<table>.parquet`; return the rows of each. Files of an earlier export are replaced."""
        directory.mkdir(parents=True, exist_ok=True)
        with self._database() as database:
            return {
                name: _copy(database, name, directory / f"{name}.parquet", _parquet(name)) for name in TABLES
            }

    def write_lines(self, table: str, path: Path) -> int:
        """Write a table as lines of JSON, one for each row, as a whole file; return their number."""
        with self._database() as database, whole_file(path) as out:
            return _copy(database, table, Path(out.name), "FORMAT json")

    def _finish(self) -> None:
        if self._runs:
            self._write(self._runs[-1].close())

    def _write(self, rows: Iterable[tuple[str, Json]]) -> None:
        for table, row in rows:
            if table in self._out:
                self._out[table].write(json.dumps(row) + "\n")

    @contextmanager
    def _database(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Provide the sources of the tables as views; no event can be added any more."""
        spill = str(self._work / "spill")
        with duckdb.connect(
            config={"memory_limit": MEMORY, "threads": THREADS, "temp_directory": spill}
        ) as database:
            self.define(database, "VIEW")
            self._keep_transfers(database)
            yield database

    def _keep_transfers(self, database: duckdb.DuckDBPyConnection) -> None:
        """Keep the transfers as columns in a file: balances read them twice, and to take them out of JSON costs most of a table."""
        if "transfers" in self._sources:
            place = _literal(str(self._work / "transfers.parquet"))
            database.execute(f"COPY transfers TO {place} (FORMAT parquet, ROW_GROUP_SIZE {ROWS_A_GROUP})")
            database.execute(f"CREATE OR REPLACE VIEW transfers AS FROM {place}")

    def define(self, database: duckdb.DuckDBPyConnection, kind: Literal["TABLE", "VIEW"]) -> None:
        """Define the sources of the tables in a database, for `table_query`; no event can be added any more.

        Views read the temporary files; tables do not need them any more. A source that the database has already stays.
        """
        if not self._is_finished:
            self._finish()
            self._is_finished = True
        for file in self._out.values():
            file.close()
        database.execute(MACROS)
        for name, value in self._of_runs().items():
            database.execute(f"SET VARIABLE {name} = {value}")
        for name in self._sources:
            if source := SOURCES.get(name):
                query = source.query.replace("{lines}", f"read_csv({self._place(name)}, {_FORM})")
            else:
                rows = f"format = 'newline_delimited', columns = {ROWS[name]}"
                query = f"FROM read_json({self._place(name)}, {rows})"
            database.execute(f"CREATE {kind} IF NOT EXISTS {name} AS {query}")

    def _of_runs(self) -> dict[str, str]:
        """Return the lists of what has one value for each run, as SQL."""
        known = [(run.scenario, run.treatment) for run in self._runs]
        values: dict[str, list[object]] = {
            "seed": [scenario and scenario.seed for scenario, _ in known],
            "scenario": [scenario and scenario.name for scenario, _ in known],
            "treatment": [treatment for _, treatment in known],
        }
        return {name: f"[{', '.join(map(_literal, values[name]))}]" for name in OF_A_RUN}

    def _place(self, name: str) -> str:
        """Return the place of one of the temporary files, as SQL."""
        return _literal(str(self._work / name))


_FORM: Final = (
    f"columns = {EVENT}, delim = '{SEPARATOR}', nullstr = '{NOTHING}', max_line_size = {LINE_MAX}, buffer_size = {LINE_MAX}, "
    "header = false, auto_detect = false, quote = '', escape = '', new_line = '\\n'"
)
"""Form of the lines of events, as SQL."""


def _line(run: RunRows, entry: Record) -> str:
    """Return an event as a line: its fields in the order of EVENT."""
    period = NOTHING if run.period is None else run.period
    cause, trace = entry.causation_id or NOTHING, _plain(entry.trace_id or NOTHING)
    # Between the parts of JSON, a carriage return means no more than a space.
    data = data_text(entry).replace("\r", " ")
    return (
        f"{run.place}\x1f{period}\x1f{entry.subject}\x1f{entry.event_id}\x1f{entry.type}\x1f{_plain(entry.occurred_at)}\x1f{entry.tick}\x1f"
        f"{entry.actor}\x1f{entry.correlation_id}\x1f{cause}\x1f{trace}\x1f{data}\n"
    )


@lru_cache(1024)
def _plain(text: str) -> str:
    """Return the text of a field that may be any text, without what would end the field or the line; no service writes that."""
    return text.translate(_BREAKS)


def _parquet(table: str) -> str:
    """Return the options of a table's file: what the table and its columns mean stands in its metadata."""
    meant = {column.name: column.text for column in TABLES[table].columns}
    about = (
        f"'econsim.table': {_literal(TABLES[table].text)}, 'econsim.columns': {_literal(json.dumps(meant))}"
    )
    return f"FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, ROW_GROUP_SIZE {ROWS_A_GROUP}, KV_METADATA {{{about}}}"


def _copy(database: duckdb.DuckDBPyConnection, table: str, path: Path, options: str) -> int:
    copied = database.execute(f"COPY ({table_query(table)}) TO {_literal(str(path))} ({options})").fetchone()
    return int(copied[0]) if copied else 0


def _literal(value: object) -> str:
    """Return a value as SQL."""
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return "NULL" if value is None else str(value)
