"""The sandbox of a tool server's process: the same namespaces, filter and limits as an untrusted agent has.

A server differs from an agent in three things: it is spoken to over its standard input and output, it gets no connection
to NATS and no credentials, and the operator may let it write to some directories. A server that needs the network runs
with isolation `limits`: an ordinary process of this user with limits and a clean environment.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Final

from econsim.adapters.mcp.server_process import Launch
from econsim.agents.sandbox import bubblewrap, prelaunch, seccomp
from econsim.agents.sandbox.isolation import memory_file
from econsim.agents.sandbox.limits import MIB, MachineLimits
from econsim.errors import SetupError
from econsim.schemas.tool_server_file import StdioTable

OPEN_FILES: Final = 512
"""Open files of a server's process."""

SCRATCH_BYTES: Final = 64 * MIB
"""Size of a server's `/tmp`."""

OWN_PYTHON: Final = "python"
"""Command that stands for the Python econsim runs with."""


def launcher(
    environment: Mapping[str, str], secrets: tuple[Path, ...]
) -> Callable[[StdioTable], AbstractContextManager[Launch]]:
    """Return the launcher of tool servers; `secrets` are paths that no server may see."""

    @contextmanager
    def launch(table: StdioTable) -> Iterator[Launch]:
        command = (_program(table.command), *table.args)
        given = _environment(table, environment)
        if table.isolation == "limits":
            yield _plain_launch(table, command, given)
            return
        with _sandbox_launch(table, command, given, secrets) as found:
            yield found

    return launch


def _program(command: str) -> str:
    if command == OWN_PYTHON:
        return sys.executable
    found = shutil.which(command)
    if found is None:
        message = f"there is no program {command!r}; write its path, or put it on PATH"
        raise SetupError(message)
    return found


def _environment(table: StdioTable, environment: Mapping[str, str]) -> dict[str, str]:
    """Return the whole environment of a server: it inherits the variables that its table names."""
    named = {name: environment[name] for name in table.environment if name in environment}
    return {
        "PATH": f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin",
        "HOME": bubblewrap.SCRATCH,
        "LANG": "C.UTF-8",
        "PYTHONUNBUFFERED": "1",
        **named,
    }


def _plain_launch(table: StdioTable, command: tuple[str, ...], environment: dict[str, str]) -> Launch:
    instructions = {"limits": _rlimits(table), "command": command}
    module = f"{__package__}.tool_prelaunch"
    directory = str(table.directory or tempfile.gettempdir())
    return Launch((sys.executable, "-I", "-m", module, json.dumps(instructions)), environment, directory)


@contextmanager
def _sandbox_launch(
    table: StdioTable, command: tuple[str, ...], environment: dict[str, str], secrets: tuple[Path, ...]
) -> Iterator[Launch]:
    directory = table.directory or Path(bubblewrap.SCRATCH)
    readable = bubblewrap.readable(command, directory, table.readable)
    bubblewrap.refuse_secrets((*readable, *table.writable), secrets)
    view = bubblewrap.SandboxView(
        bubblewrap.program(), readable, directory, prelaunch.root_can_be_given_up(), table.writable
    )
    limits = MachineLimits(scratch_bytes=SCRATCH_BYTES, memory_bytes=table.memory_mib * MIB)
    filter_descriptor = memory_file(seccomp.filter_for())
    instructions = {
        "limits": _rlimits(table),
        "inherits": True,
        "mounted": view.mounted,
        "sources": view.sources(),
        "command": view.tool_command([*command], filter_descriptor, limits),
    }
    module = f"{__package__}.prelaunch"
    try:
        yield Launch(
            (sys.executable, "-I", "-m", module, json.dumps(instructions)),
            environment,
            "/",
            (filter_descriptor,),
        )
    finally:
        os.close(filter_descriptor)


def _rlimits(table: StdioTable) -> dict[int, int]:
    """Return the kernel's limits for each process of a server.

    Addresses are not limited: Node.js reserves many times what it uses. Data are.
    """
    return {
        resource.RLIMIT_DATA: table.memory_mib * MIB,
        resource.RLIMIT_NOFILE: OPEN_FILES,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_MEMLOCK: 0,
        resource.RLIMIT_MSGQUEUE: 0,
    }
