"""Start, watch and stop one untrusted agent.

Life cycle: entering `Sandbox` starts the processes and waits for the listening socket; a task then runs the relay and
checks the limits every WATCH_S until the agent ends, breaks a limit, or is stopped. On every way out, cancellation
included, all processes are killed before the context is left.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
from dataclasses import dataclass
from enum import StrEnum
from types import TracebackType
from typing import Final, Self

from econsim.agents.sandbox.bubblewrap import OWN_TASKS
from econsim.agents.sandbox.isolation import REMEDY, NamespacedProcesses, SubreaperProcesses
from econsim.agents.sandbox.limits import MachineLimits
from econsim.agents.sandbox.nats_relay import Relay, address
from econsim.agents.sandbox.output_tail import OnLine, OutputTail
from econsim.agents.sandbox.spec import AgentSpec, Isolation
from econsim.agents.sandbox.usage import Usage
from econsim.errors import SetupError

START_S: Final = 30.0
"""Seconds a sandbox may take to start: it takes 0.2 s, from a cold disk some seconds."""

WATCH_S: Final = 0.2
"""Pause in seconds between two checks of the limits; a check takes about 3 ms on a machine with 100 processes."""

FLUSH_S: Final = 1.0
"""Seconds to wait for the last output of dead processes."""

NOT_ISOLATED: Final = (
    "this agent is not isolated: it can read what this user can read and reach what this machine can reach; "
    "it has limits, a clean environment and a hard stop, nothing else"
)
"""Warning about an agent that runs without namespaces."""

_log = logging.getLogger(__name__)


class EndReason(StrEnum):
    """Reasons why an agent's processes ended."""

    BY_ITSELF = "it ended by itself"
    STOPPED = "it was stopped"
    WALL = "its time was over"
    CPU = "its processor time was used up"
    MEMORY = "it took too much memory"
    PROCESSES = "it had too many processes"
    FILES = "it made too many files"
    OUTPUT = "it wrote too much output"


@dataclass(frozen=True, slots=True)
class SandboxResult:
    """Result of running an agent in a sandbox."""

    end_reason: EndReason
    """Reason why the agent ended."""
    status: int
    """Exit code of the agent; 128 plus the signal's number if a signal ended it."""
    wall_s: float
    """Time from start to end in seconds."""
    cpu_s: float
    """Processor time in seconds, as last measured."""
    memory_bytes: int
    """Largest memory measured, in bytes."""
    lines: tuple[str, ...]
    """Last lines of its output, made printable."""


class Sandbox:
    """Sandbox of one agent, an async context manager; leaving the context kills the agent."""

    def __init__(self, spec: AgentSpec, on_line: OnLine | None = None) -> None:
        """Take the description of the agent; entering the context starts it. `on_line` gets each line of its output."""
        self.spec = spec
        """Description of the agent."""
        self._tail = OutputTail(on_line, spec.limits.output_bytes)
        self._stop_requested = asyncio.Event()
        self._used = Usage()

    async def __aenter__(self) -> Self:
        """Start the agent; raises SetupError with the remedy if it cannot be isolated as requested."""
        if not sys.platform.startswith("linux"):
            message = f"an agent can be confined on Linux only, and this is {sys.platform}"
            raise SetupError(message)
        address(self.spec.server)
        isolated = self.spec.isolation is Isolation.NAMESPACES
        if not isolated:
            _log.warning(NOT_ISOLATED)
        self._began = asyncio.get_running_loop().time()
        self._processes = NamespacedProcesses(self.spec) if isolated else SubreaperProcesses(self.spec)
        await self._start()
        stream = self._processes.process.stdout
        assert stream is not None
        self._following = asyncio.create_task(self._tail.follow(stream))
        await self._start_relay()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Kill the agent."""
        await self.stop()

    async def wait(self) -> SandboxResult:
        """Wait until the agent ends or breaks a limit; none of its processes is left then."""
        return await asyncio.shield(self._supervising)

    async def stop(self) -> SandboxResult:
        """Kill the agent with every process it started, and return when none is left; idempotent."""
        self._stop_requested.set()
        return await self.wait()

    async def _start(self) -> None:
        """Start the processes completely, also when cancelled meanwhile: a half-started process could not be killed."""
        starting = asyncio.ensure_future(self._processes.start())
        try:
            await asyncio.shield(starting)
        except asyncio.CancelledError:
            await starting
            await self._processes.end()
            raise

    async def _start_relay(self) -> None:
        """Wait until the agent starts; then start the relay and the checks of the limits."""
        try:
            listener = await asyncio.wait_for(self._processes.relay_socket(), START_S)
        except BaseException as error:
            await self._processes.end()
            await self._drain_output()
            if not isinstance(error, SetupError | TimeoutError):
                raise
            last_line = (self._tail.lines or ["it did not answer"])[-1]
            message = f"no sandbox can be made here ({last_line}); {REMEDY}"
            raise SetupError(message) from error
        relay = Relay(listener, self.spec.server) if listener else contextlib.nullcontext()
        self._supervising = asyncio.create_task(self._supervise(relay), name=f"sandbox of {self.spec.agent}")

    async def _supervise(self, relay: contextlib.AbstractAsyncContextManager[object]) -> SandboxResult:
        try:
            async with relay:
                end_reason = await self._watch()
        finally:
            await self._processes.end()
            await self._drain_output()
        status = self._processes.process.returncode or 0
        return SandboxResult(
            end_reason,
            128 - status if status < 0 else status,
            self._age_s(),
            self._used.cpu_s,
            self._used.memory_bytes,
            tuple(self._tail.lines),
        )

    async def _watch(self) -> EndReason:
        exiting = asyncio.ensure_future(self._processes.process.wait())
        asked = asyncio.ensure_future(self._stop_requested.wait())
        try:
            while True:
                left_s = max(0.0, self.spec.limits.wall_s - self._age_s())
                await asyncio.wait(
                    {exiting, asked}, timeout=min(WATCH_S, left_s), return_when="FIRST_COMPLETED"
                )
                if exiting.done():
                    return EndReason.BY_ITSELF
                if asked.done():
                    return EndReason.STOPPED
                if exceeded := self._exceeded_limit():
                    return exceeded
        finally:
            exiting.cancel()
            asked.cancel()

    def _exceeded_limit(self) -> EndReason | None:
        """Return the limit that the agent exceeds now; none if it exceeds none."""
        now, limits = self._processes.usage(), self.spec.limits
        # The usage of an ended process is missing if its parent did not wait for it.
        self._used = Usage(
            max(now.cpu_s, self._used.cpu_s), max(now.memory_bytes, self._used.memory_bytes), now.tasks
        )
        return EndReason.OUTPUT if self._tail.over else _first_exceeded(limits, now, self._age_s())

    async def _drain_output(self) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._following, FLUSH_S)
        self._tail.finish()

    def _age_s(self) -> float:
        return asyncio.get_running_loop().time() - self._began


def _first_exceeded(limits: MachineLimits, used: Usage, age_s: float) -> EndReason | None:
    if used.cpu_s >= limits.cpu_s:
        return EndReason.CPU
    if used.memory_bytes > limits.memory_bytes:
        return EndReason.MEMORY
    if used.tasks > limits.processes + OWN_TASKS:
        return EndReason.PROCESSES
    if used.files > limits.files:
        return EndReason.FILES
    return EndReason.WALL if age_s >= limits.wall_s else None
