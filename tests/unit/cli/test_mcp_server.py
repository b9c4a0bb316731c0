"""`econsim mcp-server` without its library."""

import sys

from typer.testing import CliRunner

from econsim.cli import app


def test_a_missing_library_is_named_with_its_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "mcp", None)

    done = CliRunner().invoke(app, ["mcp-server", "--run", "demo", "--agent", "ana"])

    assert done.exit_code == 1
    assert "pip install 'econsim[mcp]'" in done.output
