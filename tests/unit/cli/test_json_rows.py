"""`--json` through the tree of commands. Catches: a command whose table only a person can read, a row that is no JSON, a width that nobody asked for."""

from __future__ import annotations

import json
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from econsim.cli import app

SAY_WHAT_THEY_DID = {
    *("up", "new", "mcp-server", "synadia-bridge", "watch", "play", "export", "catalog"),
    *("runs archive", "runs delete", "runs prune"),
    *("bench worker", "bench watch", "bench gc"),
    *("agent create", "agent revoke", "agent run", "agent watch", "dead-letters retry", "dead-letters drop"),
    *("inbox answer", "inbox watch", "inbox ask", "quota set", "tools call", "streams apply"),
    *("trust init", "trust rotate", "trust grant", "operator create"),
}
"""Commands that start, write or change something, and say so in sentences. All others show something, and have `--json`."""

SHOWN_WITHOUT_A_SERVER = [
    ["scenarios"],
    ["providers"],
    ["experiment"],
    ["adversary", "--list"],
    ["check", "genesis"],
    ["bench", "list"],
]


def leaves(command: Any = None, path: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return the words of every command that has none below it, and of groups that do something by themselves → the command."""
    command = command or typer.main.get_command(app)
    below = getattr(command, "commands", None)
    found = {} if below and not (path and command.invoke_without_command) else {" ".join(path): command}
    for name, each in (below or {}).items():
        found |= leaves(each, (*path, name))
    return found


def test_every_command_that_shows_something_has_json():
    has = {
        path for path, command in leaves().items() if any("--json" in each.opts for each in command.params)
    }

    assert leaves().keys() - has == SAY_WHAT_THEY_DID


@pytest.mark.parametrize("words", SHOWN_WITHOUT_A_SERVER, ids=" ".join)
def test_each_line_is_a_row_of_json_and_nothing_else_is_printed(words, tmp_path):
    shown = CliRunner().invoke(app, [*words, "--json", "--state", str(tmp_path)])

    assert shown.exit_code == 0
    assert all(isinstance(json.loads(line), dict) for line in shown.stdout.splitlines())


def test_the_figures_of_a_run_are_one_row(tmp_path):
    words = ["run", "zip_learning", "--transport", "memory", "--periods", "1", "--state", str(tmp_path)]

    shown = CliRunner().invoke(app, [*words, "--json", "--name", "a"])

    (line,) = shown.stdout.splitlines()
    row = json.loads(line)
    assert (row["run"], row["state"], len(row["markets"])) == ("a", "closed", 2)


@pytest.mark.parametrize("columns", [60, 120])
def test_columns_are_obeyed_in_a_pipe(columns, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(columns))

    lines = CliRunner().invoke(app, ["scenarios"]).stdout.splitlines()

    assert max(map(len, lines)) <= columns
