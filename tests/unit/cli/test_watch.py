"""`econsim watch --terminal` where it cannot be shown: one line that says what to do."""

from __future__ import annotations

import sys

import pytest
from typer.testing import CliRunner

from econsim.cli import app


def cli(*words):
    """Run a command without a terminal."""
    return CliRunner().invoke(app, list(words))


@pytest.mark.parametrize("words", [("watch", "last"), ("bench", "watch", "last")])
def test_without_a_terminal_lines_are_named_instead(words) -> None:
    shown = cli(*words, "--terminal")

    assert shown.exit_code == 1
    assert "needs a terminal" in shown.stderr
    assert "econsim events RUN --follow" in shown.stderr


@pytest.mark.parametrize("words", [("watch", "last"), ("bench", "watch", "last")])
def test_without_its_library_the_command_that_installs_it_is_named(words, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "textual", None)

    shown = cli(*words, "--terminal")

    assert (shown.exit_code, "pip install 'econsim[terminal]'" in shown.stderr) == (1, True)


def test_bench_watch_says_what_last_is() -> None:
    shown = " ".join(cli("bench", "watch", "--help").stdout.split())

    assert "is the newest run in any case, never a batch" in shown


def test_the_view_shows_the_verdicts_that_the_run_was_opened_with() -> None:
    shown = cli("bench", "watch", "last", "--terminal", "--expectations", "smith1962")

    assert (shown.exit_code, "leave out --expectations" in shown.stderr) == (2, True)


def test_a_run_in_memory_is_refused_and_not_waited_for(tmp_path) -> None:
    state = ("--state", str(tmp_path))
    cli(
        *state, "run", "smith1962", "--transport", "memory", "--periods", "1", "--name", "kept", "--no-report"
    )

    shown, asked = cli(*state, "watch", "kept"), cli(*state, "quota", "show", "last")

    assert (shown.exit_code, asked.exit_code) == (1, 1)
    assert "run 'kept' is in memory, where nobody can watch it; `econsim report kept`" in shown.stderr
    assert "are in memory (`econsim runs` lists them), and this is about runs over NATS" in asked.stderr
