"""Rows of a table as lines of JSON: the option `--json` of every command that prints a table.

Imports nothing heavy, because every start of the program loads it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Annotated

import typer

from econsim.cli.output import flush_stdout, write_json

JsonOption = Annotated[bool, typer.Option("--json", help="Print each row as one line of JSON.")]
"""Option: rows as lines of JSON. Money in micro-credits where a name does not say `credits`, times as RFC 3339."""


def write_rows(rows: Iterable[Mapping[str, object]]) -> None:
    """Print each row as one line of JSON."""
    for row in rows:
        write_json(json.dumps(row, ensure_ascii=False))
    flush_stdout()
