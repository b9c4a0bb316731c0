"""Tables lose nothing, however narrow the console is and wherever the output goes."""

from __future__ import annotations

from io import StringIO

import pytest
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from typer.testing import CliRunner

from econsim.cli import app
from econsim.report.tables import print_table

WORDS = ("a_long_name_that_nobody_may_break", "some words that may be broken", "1 000 000", "")


def printed(width):
    """Return what a table of one row with fixed and free columns looks like."""
    table = Table(box=SIMPLE_HEAD, title="things")
    table.add_column("name", no_wrap=True)
    table.add_column("what")
    table.add_column("count", justify="right", no_wrap=True)
    table.add_column("state", no_wrap=True)
    table.add_row(*WORDS)
    out = StringIO()
    print_table(Console(width=width, file=out), table)
    return out.getvalue()


@pytest.mark.parametrize("width", [20, 40, 60, 80, 200])
def test_a_table_keeps_every_letter_at_any_width(width) -> None:
    lines = printed(width).splitlines()

    assert max(map(len, lines)) <= width
    for word in ("things", "name", "what", "count", "state", *WORDS):
        assert set(word.split()) <= set(printed(width).split()) or word.replace(" ", "") in joined(lines)


def joined(lines):
    return "".join("".join(line.split()) for line in lines)


def test_a_table_that_has_no_room_is_a_list_of_its_rows() -> None:
    lines = [line.rstrip() for line in printed(50).splitlines()]

    assert lines[1:3] == ["name   a_long_name_that_nobody_may_break", "what   some words that may be broken"]


def test_a_table_without_room_is_set_closer_and_breaks_neither_words_nor_numbers_with_intervals() -> None:
    table = Table(box=SIMPLE_HEAD)
    for heading in (
        "treatment",
        "ticks_per_period",
        "efficiency, %",
        "n",
        "minus random",
        "minus that at 20",
    ):
        table.add_column(heading)
    words = ("learning", "80", "87.50 ± 9.06", "4", "2.50 ± 10.93", "-20.00 ± 34.37")
    table.add_row(*words)
    out = StringIO()
    print_table(Console(width=80, file=out), table)

    found = out.getvalue()
    assert [word for word in ("ticks_per_period", *words) if word not in found] == []
    assert "minus that at" in found.splitlines()[1]


@pytest.mark.parametrize(("columns", "widest"), [("40", 40), ("100", 100), ("", 200), ("none", 200)])
def test_a_pipe_is_as_wide_as_columns_says_and_else_has_room(columns, widest, monkeypatch) -> None:
    monkeypatch.setenv("COLUMNS", columns)

    lines = CliRunner().invoke(app, ["scenarios"]).stdout.splitlines()

    assert widest / 2 < max(map(len, lines)) <= widest
    assert not [line for line in lines if "…" in line]
