"""`econsim tools` without a run: the operator's servers are started for the command, and no money moves."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from econsim.cli import app

FAULTY = Path(__file__).parents[2] / "faulty_tool_server.py"
FILE = f"""
[servers.faulty]
kind = "stdio"
command = "python"
args = ["{FAULTY}", "calls"]
calls_per_second = 5
isolation = "limits"
[servers.faulty.tools]
echo = {{ price = 0.05, pure = true, cached_for_s = 60, cached_price = 0.01 }}
broken = {{ price = 0.05 }}
ecko = {{}}
"""
ABSENT = """
[servers.absent]
kind = "stdio"
command = "python"
args = ["-c", "print('no server')"]
isolation = "limits"
"""


@pytest.fixture
def econsim(tmp_path, monkeypatch):
    """Return a function that runs `econsim tools` in a directory with a file of one server."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "300")
    monkeypatch.setenv("ECONSIM_TOOLS", "tools.toml")
    (tmp_path / "tools.toml").write_text(FILE)
    return lambda *words: CliRunner().invoke(app, ["tools", *words])


@pytest.mark.slow
def test_a_list_has_prices_limits_and_what_the_file_offers_in_vain(econsim):
    shown = econsim("list")

    (row,) = [line.split() for line in shown.stdout.splitlines() if "echo" in line]
    assert (shown.exit_code, row[:3]) == (0, ["faulty", "echo", "0.05"])
    assert "60 s, then 0.01" in shown.stdout
    assert "5 a second" in shown.stdout
    assert "warning: faulty has no usable tool 'ecko'" in shown.stderr


@pytest.mark.slow
def test_a_server_that_does_not_start_is_named_beside_the_others(econsim, tmp_path):
    (tmp_path / "tools.toml").write_text(FILE + ABSENT)

    shown = econsim("list")

    assert (shown.exit_code, "echo" in shown.stdout) == (1, True)
    assert "tool server 'absent' does not start" in shown.stderr


@pytest.mark.slow
def test_a_call_prints_the_result_and_that_no_money_moved(econsim):
    called = econsim("call", "faulty", "echo", "text=5")

    assert (called.exit_code, "  | 5" in called.stdout) == (0, True), called.output
    assert "no money moved" in called.stdout
    assert "costs 0.05 credits" in called.stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("faulty", "echo", "5"), "'5' is no argument; write the arguments as one JSON object"),
        (("faulty", "echo"), "params do not follow the input schema of 'echo'"),
        (("faulty", "ecko"), "server 'faulty' offers no tool 'ecko'; it offers broken, echo"),
        (("faulty", "broken"), "faulty failed: it broke"),
    ],
)
def test_a_call_that_fails_says_why_in_one_line(econsim, words, sentence):
    failed = econsim("call", *words)

    assert (failed.exit_code, failed.stdout) == (1, "")
    assert sentence in failed.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("call", "nix", "echo"), "there is no tool server 'nix'; there are faulty"),
        (("call", "faulty", "hang"), "server 'faulty' offers no tool 'hang'; it offers broken, echo, ecko"),
        (("list", "--run", "demo", "--agent", "ana"), "no NATS server runs on .econsim; start one"),
    ],
)
def test_what_cannot_be_asked_is_refused_before_a_server_starts(econsim, words, sentence):
    refused = econsim(*words)

    assert (refused.exit_code, sentence in refused.stderr) == (1, True), refused.stderr


def test_without_a_file_the_variable_and_the_other_way_are_named(econsim, monkeypatch):
    monkeypatch.delenv("ECONSIM_TOOLS")

    refused = econsim("list")

    assert refused.exit_code == 1
    assert "ECONSIM_TOOLS" in refused.stderr
    assert "--run and --agent" in refused.stderr


@pytest.mark.parametrize(
    ("words", "lacking"),
    [
        (("list", "--run", "demo"), "'--agent': is needed too"),
        (("list", "--agent", "ana"), "'--run': is needed too"),
        (("call", "faulty", "echo", "--id", "a"), "'--id': does nothing without --run and --agent"),
    ],
)
def test_an_option_that_needs_another_one_names_it(econsim, words, lacking):
    refused = econsim(*words)

    assert (refused.exit_code, lacking in refused.stderr) == (2, True), refused.stderr


@pytest.mark.parametrize("command", ["list", "call"])
def test_every_command_has_an_example(econsim, command):
    shown = econsim(command, "--help")

    assert (shown.exit_code, f"econsim tools {command}" in shown.output) == (0, True)
