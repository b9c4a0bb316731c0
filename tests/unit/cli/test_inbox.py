"""`econsim inbox` without a server: what it prints of an agent's text, and its help."""

import pytest
from typer.testing import CliRunner

from econsim.cli import app
from econsim.domain.social.display import printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Buy?\nNow?", "Buy?\nNow?"),
        ("\x1b[2J\x1b]0;owned\x07Buy?", " [2J ]0;owned Buy?"),
        ("yes\u202eon", "yes on"),
        ("a\r\nb\tc\x00", "a\nb c"),
    ],
)
def test_no_control_character_of_an_agent_reaches_the_terminal(text, shown):
    assert printable(text) == shown


@pytest.mark.parametrize("command", ["show", "answer", "watch", "ask"])
def test_every_command_has_an_example(command):
    found = CliRunner().invoke(app, ["inbox", command, "--help"])

    assert found.exit_code == 0
    assert f"econsim inbox {command}" in found.output
