"""`econsim agent run` as a command: what it finds by itself, what it refuses, and how it ends."""

import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from econsim.cli import agent_run
from econsim.cli.command_group import RootGroup
from econsim.config import settings

pytestmark = pytest.mark.nats

URL = "nats://127.0.0.1:1"


def invoke(state, *args, **set_to):
    app = typer.Typer(cls=RootGroup)
    app.command("run")(agent_run.run)
    app.callback()(lambda: None)
    return CliRunner().invoke(app, ["run", *args], obj=settings(state=state, nats=URL, **set_to))


def write_creds(state, run, name):
    path = state / "trust" / "agents" / run / f"{name}.creds"
    path.parent.mkdir(parents=True)
    path.write_text("bob's")


def test_the_agents_words_and_its_exit_code_are_passed_on(tmp_path):
    write_creds(tmp_path / "state", "r1", "bob")
    code = "import os; print(open(os.environ['ECONSIM_CREDS']).read(), os.environ['ECONSIM_AGENT']); exit(7)"

    done = invoke(tmp_path / "state", "bob", "--run", "r1", "--", "python", "-c", code)

    assert (done.exit_code, done.stdout) == (7, "bob's bob\n")


@pytest.mark.parametrize("python", [sys.executable, str(Path(sys.executable).resolve()), "python"])
def test_python_may_be_named_by_its_path(tmp_path, python):
    write_creds(tmp_path / "state", "r1", "bob")

    done = invoke(tmp_path / "state", "bob", "--run", "r1", "--", python, "-c", "print('works')")

    assert (done.exit_code, done.stdout) == (0, "works\n")


def test_no_more_is_printed_than_an_agent_may_say(tmp_path):
    write_creds(tmp_path / "state", "r1", "bob")
    chatter = ("python", "-c", "while True: print('x' * 999)")

    done = invoke(tmp_path / "state", "bob", "--run", "r1", "--output-mib", "1", "--", *chatter)

    assert (done.exit_code, len(done.stdout) <= 2**21) == (1, True)
    assert "the agent was stopped: it wrote too much output" in done.stderr


def test_a_broken_limit_is_said(tmp_path):
    write_creds(tmp_path / "state", "r1", "bob")
    loop = ("python", "-c", "while True: pass")

    done = invoke(tmp_path / "state", "bob", "--run", "r1", "--cpu-s", "1", "--", *loop)

    assert done.exit_code == 1
    assert "the agent was stopped: its processor time was used up" in done.stderr


def test_an_agent_without_creds_is_told_how_to_get_some(tmp_path):
    done = invoke(tmp_path / "state", "bob", "--run", "r1", "--", "true")

    assert done.exit_code == 1
    assert "bob.creds; make it with `econsim agent create`" in done.stderr


def test_creds_can_be_named(tmp_path):
    (tmp_path / "mine").write_text("mine")
    show = ("cat", "/run/econsim/agent.creds")

    done = invoke(tmp_path, "bob", "--run", "r1", "--", *show, creds=tmp_path / "mine")

    assert done.stdout == "mine\n"


def test_a_name_that_is_a_path_is_refused(tmp_path):
    done = invoke(tmp_path, "../operator", "--run", "r1", "--", "true")

    assert done.exit_code == 2
    assert "'NAME': '../operator' is no name" in done.stderr


def test_the_state_directory_is_never_shown(tmp_path):
    write_creds(tmp_path / "state", "r1", "bob")

    done = invoke(tmp_path / "state", "bob", "--run", "r1", "--read", str(tmp_path), "--", "true")

    assert done.exit_code == 1
    assert "cannot be shown to an agent" in done.stderr
