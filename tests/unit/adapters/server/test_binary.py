"""A nats-server program that cannot be used is told by what is wrong with it; one that can is asked once."""

import os
import platform
import time

import pytest

from econsim.adapters.server.binary import version
from econsim.errors import SetupError, Unavailable


@pytest.fixture
def program(tmp_path):
    """Return a function that writes a program into a file."""

    def written(content, mode=0o700):
        path = tmp_path / "nats-server"
        path.write_bytes(content if isinstance(content, bytes) else f"#!/bin/sh\n{content}\n".encode())
        path.chmod(mode)
        return path

    return written


def test_a_slow_program_is_waited_for(program):
    slow = program("sleep 1; echo 'nats-server: v2.15.1'")

    assert version(slow) == "2.15.1"


def test_one_that_does_not_answer_is_no_reason_to_install_another(program):
    stuck = program("exec sleep 60")

    with pytest.raises(
        Unavailable, match=r"did not say its version within 0 s: this machine is too busy"
    ) as told:
        version(stuck, answer_s=0.2)

    assert "pip" not in str(told.value)


def test_what_it_said_is_remembered_until_it_is_another_program(program, tmp_path):
    memory, asked = tmp_path / "program.json", tmp_path / "asked"
    one = program(f"echo >>'{asked}'; echo 'nats-server: v2.15.1'")

    told = [version(one, memory) for _ in range(3)]
    one.write_text(one.read_text().replace("2.15.1", "2.16.0"))
    os.utime(one, ns=(time.time_ns(), one.stat().st_mtime_ns + 1))
    told.append(version(one, memory))

    assert told == ["2.15.1", "2.15.1", "2.15.1", "2.16.0"]
    assert asked.read_text() == "\n\n"


@pytest.mark.parametrize("content", ["{", "[]", "{}", '"text"', '{"version": "9.9.9"}', ""])
def test_what_is_remembered_and_cannot_be_read_is_asked_again(content, program, tmp_path):
    (tmp_path / "program.json").write_text(content)

    assert version(program("echo 'nats-server: v2.15.1'"), tmp_path / "program.json") == "2.15.1"


@pytest.mark.parametrize(
    ("content", "mode", "told"),
    [
        ("echo", 0o600, r"may not be run: `chmod \+x` it"),
        (b"\x7fELF of another machine", 0o700, rf"is no program for this machine \({platform.machine()}\)"),
        (b"#!/no/such/loader\n", 0o700, r"is not there, or what runs such programs is not"),
        ("kill -ILL $$", 0o700, r"ended with SIGILL .*made for another processor"),
        ("echo 'nats-server: v2.11.4'", 0o700, r"2\.11\.4 .*is too old"),
        ("echo hello", 0o700, r"does not say its version"),
    ],
)
def test_what_is_wrong_with_a_program_is_named(content, mode, told, program):
    with pytest.raises(SetupError, match=told):
        version(program(content, mode))
