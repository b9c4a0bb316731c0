"""The processes of one agent as a unit that starts, uses the machine and ends: in namespaces, or below a subreaper."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import os
import signal
import socket
import sys
from abc import ABC, abstractmethod
from asyncio.subprocess import DEVNULL, PIPE, STDOUT, Process
from typing import Any, Final

from econsim.agents.sandbox import bubblewrap, prelaunch, seccomp, usage
from econsim.agents.sandbox.init import HOST
from econsim.agents.sandbox.spec import AgentSpec
from econsim.agents.sandbox.usage import Usage
from econsim.errors import SetupError

BWRAP_EXIT_S: Final = 2.0
"""Seconds to wait for `bwrap` to exit after the sandbox's first process was killed."""

KILL_S: Final = 10.0
"""Seconds a killed sandbox may take to end: each of its processes has to leave the kernel first."""

REMEDY: Final = (
    "allow user namespaces (sysctl user.max_user_namespaces, kernel.unprivileged_userns_clone, "
    "kernel.apparmor_restrict_unprivileged_userns; in a container its seccomp profile), "
    "or accept less with `--isolation limits`"
)
"""Remedy on a system whose kernel forbids the namespaces."""


class AgentProcesses(ABC):
    """Processes of one agent."""

    process: Process
    """Process of the agent that is a child of this process."""

    def __init__(self, spec: AgentSpec) -> None:
        """Take the description of the agent; `start` starts its processes."""
        self.spec = spec

    @abstractmethod
    async def start(self) -> None:
        """Start the child process, whose output can then be read; raises SetupError if it cannot start."""

    @abstractmethod
    async def relay_socket(self) -> socket.socket | None:
        """Wait until the agent starts; return the listening socket for the relay, none if it needs no relay."""

    @abstractmethod
    def usage(self) -> Usage:
        """Return the resources the processes use now."""

    @abstractmethod
    async def end(self) -> None:
        """Kill all processes; return when none is left."""


class NamespacedProcesses(AgentProcesses):
    """Processes in namespaces of their own; when the first one ends, the kernel ends the others."""

    _first: int | None = None
    _descriptor: int | None = None

    async def start(self) -> None:
        """Start `prelaunch`, which becomes `bwrap`."""
        spec = self.spec
        if not spec.creds.is_file():
            message = f"there is no creds file {spec.creds}; make it with `econsim agent create`"
            raise SetupError(message)
        readable = bubblewrap.readable(spec.command, spec.directory, spec.readable)
        bubblewrap.refuse_secrets(readable, spec.secrets)
        view = bubblewrap.SandboxView(
            bubblewrap.program(), readable, spec.directory, prelaunch.root_can_be_given_up()
        )
        filtered = seccomp.filter_for()
        self._ours, theirs = socket.socketpair()
        reading, info = os.pipe()
        self._info = os.fdopen(reading, "rb", buffering=0)
        content = spec.creds.read_bytes()
        descriptors = bubblewrap.Descriptors(
            memory_file(content), memory_file(filtered), info, theirs.detach()
        )
        try:
            self.process = await _python(
                "prelaunch", self._instructions(view, descriptors), descriptors.all()
            )
        finally:
            for descriptor in descriptors.all():
                os.close(descriptor)

    async def relay_socket(self) -> socket.socket | None:
        """Wait for the id of the sandbox's first process, and for its listening socket."""
        report = await _read_all(self._info)
        if report:
            self._first = int(json.loads(report)["child-pid"])
            with contextlib.suppress(ProcessLookupError):
                self._descriptor = os.pidfd_open(self._first)
        self._ours.setblocking(False)  # noqa: FBT003 - it takes no name
        await _wait_readable(self._ours.fileno())
        _, handed, _, _ = socket.recv_fds(self._ours, 1, 1)
        self._ours.close()
        if not handed:
            raise SetupError
        return socket.socket(fileno=handed[0])

    def usage(self) -> Usage:
        """Return the usage of the sandbox's processes and of its `/tmp`."""
        if self._first is None:
            return Usage()
        tree = usage.tree_usage(self._first)
        scratch = usage.scratch_usage(self._first)
        return Usage(tree.cpu_s, tree.memory_bytes + scratch.memory_bytes, tree.tasks, scratch.files)

    async def end(self) -> None:
        """Kill the first process; the kernel kills the others before that process is gone."""
        self._ours.close()
        self._info.close()
        if self._descriptor is not None:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._descriptor, signal.SIGKILL)
            # `bwrap` reaps it and exits by itself; if `bwrap` were killed first, a zombie would stay.
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.process.wait(), BWRAP_EXIT_S)
        else:
            self._kill_unreported()
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        await self.process.wait()
        if self._descriptor is not None:
            await asyncio.wait_for(_wait_readable(self._descriptor), KILL_S)
            os.close(self._descriptor)
            self._descriptor = None

    def _kill_unreported(self) -> None:
        """Kill a first process whose id `bwrap` did not report: it would wait for `bwrap` for ever."""
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGSTOP)
            for pid in usage.descendants(self.process.pid):
                os.kill(pid, signal.SIGKILL)

    def _instructions(
        self, view: bubblewrap.SandboxView, descriptors: bubblewrap.Descriptors
    ) -> dict[str, Any]:
        spec = self.spec
        environment = spec.environment(f"nats://{HOST}:{bubblewrap.PORT}", bubblewrap.CREDS)
        inner = bubblewrap.init_command(spec.command, environment, descriptors.parent, spec.limits.processes)
        return {
            "limits": spec.limits.process_rlimits(),
            "mounted": view.mounted,
            "sources": view.sources(),
            "command": view.command(inner, descriptors, spec.limits),
        }


class SubreaperProcesses(AgentProcesses):
    """Ordinary processes below a subreaper, which no process escapes unless it kills the subreaper."""

    async def start(self) -> None:
        """Start the subreaper, which starts the agent."""
        spec = self.spec
        creds = spec.creds.absolute()
        instructions = {
            "limits": spec.limits.process_rlimits(),
            "command": spec.command,
            "environment": spec.environment(spec.server, str(creds)),
            "directory": str(spec.directory),
        }
        self.process = await _python("subreaper", instructions, (), stdin=PIPE)

    async def relay_socket(self) -> socket.socket | None:
        """Return none: the agent connects to the server directly."""
        return None

    def usage(self) -> Usage:
        """Return the usage of the subreaper and of every process below it."""
        return usage.tree_usage(self.process.pid)

    async def end(self) -> None:
        """Close the standard input of the subreaper, which then kills the other processes."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        await self.process.wait()


async def _python(
    module: str, instructions: dict[str, Any], keep: tuple[int, ...], stdin: int = DEVNULL
) -> Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", "-m", f"{__package__}.{module}", json.dumps(instructions)),
        stdin=stdin,
        stdout=PIPE,
        stderr=STDOUT,
        env={},
        cwd="/",
        pass_fds=keep,
        # Ctrl-C in a terminal reaches the whole process group; the caller decides when the agent ends.
        start_new_session=True,
    )


def memory_file(content: bytes) -> int:
    """Return the descriptor of a nameless file with this content."""
    descriptor = os.memfd_create("econsim")
    os.write(descriptor, content)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


async def _read_all(pipe: io.FileIO) -> bytes:
    """Read a pipe to its end, and close it."""
    reader = asyncio.StreamReader()
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), pipe
    )
    try:
        return await reader.read()
    finally:
        transport.close()


async def _wait_readable(descriptor: int) -> None:
    """Wait until a descriptor has something to read, or until the process of a pidfd is dead."""
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()

    def set_ready() -> None:
        if not ready.done():
            ready.set_result(None)

    loop.add_reader(descriptor, set_ready)
    try:
        await ready
    finally:
        loop.remove_reader(descriptor)
