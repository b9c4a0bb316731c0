"""Output of commands on unusual terminals and pipes: encodings, closed pipes, no colours."""

from __future__ import annotations

import io
import json
import os
import pty
import subprocess
import sys

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from econsim.cli import app
from econsim.cli.output import PIPE_CLOSED, PLAIN, set_encoding_fallback

ROOT = get_command(app)
ENCODINGS = ["ascii", "cp1252"]


def helps(command=ROOT, path=()):
    """Yield the command lines that ask for help of every command and group."""
    yield [*path, "--help"]
    for name, below in getattr(command, "commands", {}).items():
        yield from helps(below, (*path, name))


PRINTING = [
    ["scenarios"],
    ["experiment"],
    ["adversary", "--list"],
    ["catalog"],
    ["catalog", "--table"],
    ["check", "genesis"],
    ["check", "nowhere"],
    ["new", "ä"],
]


def printed(words, encoding):
    """Return exit code and bytes of a command whose standard output has an encoding."""
    done = CliRunner(charset=encoding).invoke(app, words)
    assert isinstance(done.exception, SystemExit | None), done.exception
    return done.exit_code, done.stdout_bytes + done.stderr_bytes


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.slow
def test_every_help_is_printed_in_every_encoding(encoding) -> None:
    for words in helps():
        status, text = printed(words, encoding)

        assert status == 0
        assert text.decode(encoding)


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("words", PRINTING, ids=" ".join)
def test_every_output_is_printed_in_every_encoding(words, encoding, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    usual, _ = printed(words, "utf-8")

    status, text = printed(words, encoding)

    assert status == usual
    assert text.decode(encoding)


def test_a_run_is_printed_in_plain_characters(tmp_path) -> None:
    words = ["run", "smith1962", "--transport", "memory", "--periods", "1", "--state", str(tmp_path)]

    status, text = printed(words, "ascii")

    assert status == 0
    assert "price path" in text.decode("ascii")


def test_json_stays_json_in_every_encoding() -> None:
    there, here = printed(["catalog"], "ascii")[1], printed(["catalog"], "utf-8")[1]

    assert json.loads(there) == json.loads(here)


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("▁▄█", "_:#"),
        ("a → b … ±", "a -> b ... +-"),
        ("┌─┐", "+-+"),
        ("⠋⣿ ✓✗ ▸", "** +x >"),
        ("ä日", "\\xe4\\u65e5"),
        ("\udcff", "\\udcff"),
    ],
)
def test_a_character_an_encoding_lacks_has_a_plain_one(text, plain, monkeypatch) -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", stream)

    set_encoding_fallback()
    stream.write(text)
    stream.flush()

    assert stream.buffer.getvalue().decode() == plain


def test_plain_characters_are_plain() -> None:
    assert all(text.isascii() for text in PLAIN.values())


def econsim(*words, **more):
    return subprocess.Popen([sys.executable, "-m", "econsim", *words], **more)


def test_a_closed_pipe_ends_a_command_without_output() -> None:
    command = econsim("catalog", stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    command.stdout.close()
    with command.stderr as said:
        assert said.read() == b""

    assert command.wait() == PIPE_CLOSED


def test_a_closed_standard_output_is_no_traceback() -> None:
    shell = 'exec "$0" -m econsim scenarios >&-'

    done = subprocess.run(["sh", "-c", shell, sys.executable], check=False, capture_output=True, text=True)

    assert "Traceback" not in done.stderr


def test_no_color_is_heeded_on_a_terminal() -> None:
    ours, theirs = pty.openpty()
    environment = {**os.environ, "NO_COLOR": "1", "TERM": "xterm"}

    command = econsim("check", "nowhere", stderr=theirs, env=environment)
    command.wait()

    assert b"error: nowhere" in (said := os.read(ours, 10_000))
    assert b"\x1b" not in said
