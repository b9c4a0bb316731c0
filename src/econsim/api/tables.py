"""Tables of runs and studies in databases in memory, as Arrow data for every library that reads it; those of a run are made when first asked for.

Owns no definition of a table: those are the ones of `econsim export` (`report/table_definitions.py`) and of studies (`evaluation/studies/table.py`). The
database is DuckDB's, which gives Arrow data without a library of Arrow, so nothing has to be installed for tables beside econsim.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from html import escape
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import RLock
from typing import TYPE_CHECKING, Any, Final

import duckdb

from econsim.domain.audit.envelope import AddressedEvent
from econsim.domain.audit.facts import as_record
from econsim.errors import NotFound, SetupError, quoted_value
from econsim.report.export import Export
from econsim.report.format import plural
from econsim.report.table_definitions import TABLES
from econsim.report.table_queries import table_query

if TYPE_CHECKING:
    import pandas as pd  # type: ignore[import-untyped]  # its stubs are a package of their own
    import polars as pl

ROWS_SHOWN: Final = 10
"""Rows of a table that a notebook shows: the first and the last five, if there are more."""

THREADS: Final = 2
"""Threads of a database: tables of a run are small, and several runs may be looked at once."""

_MADE: Final = "made"
"""Schema of the finished tables; their sources have names that are partly the same."""


class RunTables:
    """Tables of one run; safe to use from several threads."""

    def __init__(self, events: Sequence[AddressedEvent]) -> None:
        """Take the run's events in log order."""
        self._events = events
        self._lock = RLock()
        self._database: duckdb.DuckDBPyConnection | None = None
        self._made: set[str] = set()

    def table(self, name: str) -> Table:
        """Return a table of `econsim export`; raises NotFound for another name."""
        if name not in TABLES:
            message = f"there is no table {quoted_value(name)}; the tables are {', '.join(TABLES)}"
            raise NotFound(message)
        with self._lock:
            database = self._connect()
            if name not in self._made:
                self._export(database, name)
            return Table(database.cursor(), name)

    def table_of(self, name: str, columns: Mapping[str, str], rows: Iterable[Sequence[object]]) -> Table:
        """Return a table of rows that the caller made; `columns` are names and types of DuckDB."""
        with self._lock:
            database = self._connect()
            if name not in self._made:
                with TemporaryDirectory(prefix="econsim-table-") as folder:
                    file = Path(folder) / name
                    lines = (json.dumps(dict(zip(columns, row, strict=True))) for row in rows)
                    file.write_text("\n".join(lines), encoding="utf-8")
                    read = f"read_json('{file}', format = 'newline_delimited', columns = {dict(columns)})"
                    database.execute(f"CREATE TABLE {_MADE}.{name} AS FROM {read}")
                self._made.add(name)
            return Table(database.cursor(), name)

    def _connect(self) -> duckdb.DuckDBPyConnection:
        self._database = self._database or _database()
        return self._database

    def _export(self, database: duckdb.DuckDBPyConnection, name: str) -> None:
        """Make a table of the events that it needs: few, for most tables."""
        with Export([name]) as lines:
            for addressed in self._events:
                if lines.takes(addressed.type):
                    lines.add(as_record(addressed))
            lines.define(database, "TABLE")
        database.execute(f"CREATE TABLE {_MADE}.{name} AS {table_query(name)}")
        self._made.add(name)


def table_of_file(path: Path, name: str) -> Table:
    """Return the table that a Parquet file holds, by another name than the file's."""
    database = _database()
    # A view takes no parameters of a statement.
    file = str(path).replace("'", "''")
    database.execute(f"CREATE VIEW {_MADE}.{name} AS FROM read_parquet('{file}')")
    return Table(database, name)


def _database() -> duckdb.DuckDBPyConnection:
    # No directory to spill into: a reader of tables holds them in memory anyway.
    database = duckdb.connect(config={"threads": THREADS, "temp_directory": ""})
    database.execute(f"CREATE SCHEMA {_MADE}")
    return database


class Table:
    """One table of a run or a study.

    Libraries that read Arrow data take it as it is (`polars.DataFrame(table)`, `pandas.DataFrame.from_arrow(table)`,
    `pyarrow.table(table)`), and it has methods for the two that most people use. Money of a run is in micro-credits, whole numbers, and in
    columns `…_credits` in credits, exact decimals; money of a study is in credits.
    """

    def __init__(self, database: duckdb.DuckDBPyConnection, name: str) -> None:
        """Use a table of a database; made by `Result` and `StudyResult`."""
        self._database = database
        self.name: Final = name
        """Name of the table, such as `trades`."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Return the rows as a stream of the Arrow PyCapsule interface."""
        return self._database.cursor().table(f"{_MADE}.{self.name}").__arrow_c_stream__(requested_schema)

    @property
    def columns(self) -> tuple[str, ...]:
        """Return the names of the columns."""
        return tuple(self.types)

    @property
    def types(self) -> dict[str, str]:
        """Return the type of each column, as DuckDB names it: `BIGINT`, `DECIMAL(25,6)`, `VARCHAR`."""
        found = self._run("SELECT * FROM {table} LIMIT 0").description or ()
        return {name: str(type_) for name, type_, *_ in found}

    def rows(self) -> list[dict[str, Any]]:
        """Return the rows as dictionaries; credits are decimals."""
        names = self.columns
        return [dict(zip(names, row, strict=True)) for row in self._run("FROM {table}").fetchall()]

    def __getitem__(self, column: str) -> list[Any]:
        """Return the values of a column; raises NotFound for another name."""
        if column not in self.columns:
            message = f"table {self.name} has no column {quoted_value(str(column))}; its columns are {', '.join(self.columns)}"
            raise NotFound(message)
        query = f'SELECT "{column}" FROM {{table}}'  # noqa: S608 - a name that the table has
        return [value for (value,) in self._run(query).fetchall()]

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Iterate over the rows."""
        return iter(self.rows())

    def __len__(self) -> int:
        """Return the number of rows."""
        counted = self._run("SELECT count(*) FROM {table}").fetchone()
        return int(counted[0]) if counted else 0

    def to_polars(self) -> pl.DataFrame:
        """Return the table for polars, credits as its decimals; raises SetupError if polars is not installed."""
        try:
            import polars as pl
        except ImportError as error:
            raise _not_installed(error) from None
        return pl.DataFrame(self)

    def to_pandas(self, *, exact: bool = False) -> pd.DataFrame:
        """Return the table for pandas; raises SetupError if pandas is not installed.

        Credits become floats, which statistics and figures of pandas need; if `exact`, they stay decimals, as objects. Micro-credits are whole
        numbers either way.
        """
        try:
            import pandas as pd
        except ImportError as error:
            raise _not_installed(error) from None
        types, rows = self.types, self._run("FROM {table}").fetchall()
        columns = zip(*rows, strict=True) if rows else ((),) * len(types)
        return pd.DataFrame(
            {
                name: pd.Series(values, dtype=_pandas_type(type_, values, exact=exact))
                for (name, type_), values in zip(types.items(), columns, strict=True)
            }
        )

    def _run(self, query: str) -> duckdb.DuckDBPyConnection:
        # A cursor of its own: a connection reads one result at a time.
        return self._database.cursor().execute(query.format(table=f"{_MADE}.{self.name}"))

    def __repr__(self) -> str:
        """Return name and size of the table."""
        return f"<table {self.name}, {plural(len(self), 'row')}: {', '.join(self.columns)}>"

    def _repr_html_(self) -> str:
        """Return the table as a notebook shows it: its first and last rows."""
        rows, names = self._run("FROM {table}").fetchall(), self.columns
        half = ROWS_SHOWN // 2
        shown = rows if len(rows) <= ROWS_SHOWN else [*rows[:half], ["…"] * len(names), *rows[-half:]]
        head = "".join(f"<th>{escape(name)}</th>" for name in names)
        body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in shown)
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table><p>{self.name}: {plural(len(rows), 'row')}</p>"


def _pandas_type(type_: str, values: Sequence[object], *, exact: bool) -> str | None:
    """Return the type of a column for pandas; none to leave it to pandas. Its `int64` knows no missing numbers."""
    if type_ == "BIGINT":
        return "Int64" if None in values else "int64"
    if type_.startswith("DECIMAL"):
        return "object" if exact else "float64"
    return None


def _cell(value: object) -> str:
    text = "" if value is None else f"{value.normalize():f}" if isinstance(value, Decimal) else str(value)
    return f"<td>{escape(text)}</td>"


def _not_installed(missing: ImportError) -> SetupError:
    library = missing.name
    return SetupError(f"{library} is not installed; install it with `pip install {library}`")
