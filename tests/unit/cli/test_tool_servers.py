"""`econsim run --live-tools`: refused with a sentence where no server can answer, before anything starts."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from econsim.cli import app

FILE = """
[servers.memory]
kind = "http"
url = "http://127.0.0.1:1/mcp"
other_tools = { price = 0.05 }
"""


@pytest.fixture
def econsim(tmp_path, monkeypatch):
    """Return a function that runs `econsim run tool_market` in an empty directory, with options."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "300")
    return lambda *words: CliRunner().invoke(app, ["run", "tool_market", *words])


def test_in_memory_no_server_is_asked(econsim):
    refused = econsim("--transport", "memory", "--live-tools")

    assert (refused.exit_code, "--live-tools" in refused.stderr) == (2, True)
    assert "does nothing with --transport memory" in refused.stderr


def test_without_a_file_of_tool_servers_the_first_one_is_named(econsim):
    refused = econsim("--live-tools")

    assert refused.exit_code == 1
    assert "no tool server 'everything' is configured here; there is none" in refused.stderr


def test_a_server_that_is_lacking_is_named_with_those_there_are(econsim, tmp_path, monkeypatch):
    (tmp_path / "tools.toml").write_text(FILE)
    monkeypatch.setenv("ECONSIM_TOOLS", "tools.toml")

    refused = econsim("--live-tools")

    assert refused.exit_code == 1
    assert "no tool server 'everything' is configured here; there are memory" in refused.stderr
    assert list(tmp_path.iterdir()) == [tmp_path / "tools.toml"]
