"""`econsim providers` and `--provider`: what is configured, whether it can be used here, and refusals before anything starts."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from econsim.cli import app

FILE = """
[providers.ollama]
kind = "openai_compatible"
base_url = "http://127.0.0.1:11434/v1"
key_env = "KEY_THAT_NOBODY_SET"
"""

THINKING = """
name = "think"
markets = [{ resource = "cpu" }]
clock = { ticks_per_period = 2 }

[[agents]]
name = "thinker"
policy = "llm"
roles = [{ resource = "cpu", side = "bid", first = 3, last = 3 }]

[[agents]]
name = "seller"
policy = "zip"
roles = [{ resource = "cpu", side = "ask", first = 1, last = 1 }]
"""


@pytest.fixture
def econsim(tmp_path, monkeypatch):
    """Return a function that runs a command in an empty directory with one file of a scenario that thinks."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "300")
    (tmp_path / "think.toml").write_text(THINKING)
    return lambda *words: CliRunner().invoke(app, words)


def test_without_a_file_rules_alone_answers(econsim):
    shown = econsim("providers")

    assert (shown.exit_code, "rules" in shown.stdout, "ECONSIM_PROVIDERS" in shown.stdout) == (0, True, True)


def test_a_provider_that_cannot_be_used_here_is_shown_with_the_reason(econsim, tmp_path, monkeypatch):
    (tmp_path / "providers.toml").write_text(FILE)
    monkeypatch.setenv("ECONSIM_PROVIDERS", "providers.toml")

    (row,) = [line for line in econsim("providers").stdout.splitlines() if "ollama" in line]

    assert "http://127.0.0.1:11434/v1" in row
    assert "econsim[llm]" in row or "KEY_THAT_NOBODY_SET" in row


def test_in_memory_only_deterministic_providers_are_asked(econsim):
    refused = econsim("run", "think.toml", "--transport", "memory", "--provider", "live")

    assert refused.exit_code == 1
    assert "'live', but a run in memory asks only 'rules'" in refused.stderr


def test_over_nats_a_provider_that_is_not_configured_is_refused_before_a_server_starts(econsim, tmp_path):
    refused = econsim("run", "think.toml", "--provider", "live")

    assert refused.exit_code == 1
    assert "no provider 'live' is configured here; there are rules" in refused.stderr
    assert not (tmp_path / ".econsim" / "nats").exists()


def test_a_provider_for_a_scenario_in_which_nobody_thinks_is_refused(econsim):
    refused = econsim("run", "smith1962", "--transport", "memory", "--provider", "rules")

    assert (refused.exit_code, "leave --provider out" in refused.stderr) == (1, True)
