"""Supervisor of services in processes of their own: starts, watches and restarts them, and stops them with this process."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from econsim.adapters.server import child_processes
from econsim.app import METRICS, Server
from econsim.config import environment
from econsim.identity.private_files import open_append, private_directory

BACKOFF_S: Final = (0.0, 0.2, 1.0, 2.0, 5.0)
"""Pauses in seconds before a dead service is restarted; the last one repeats."""

HEALTHY_S: Final = 30.0
"""Seconds after which a running service counts as healthy: its next restart uses the first pause."""

STOP_S: Final = 10.0
"""Seconds a service may take to stop before it is killed."""


class Processes:
    """Processes of the services, by name."""

    def __init__(self, server: Server, state: Path, on_exit: Callable[[str], None]) -> None:
        """Start services against a server; their logs are below the state directory."""
        self.running: dict[str, Process] = {}
        self._state = state
        self._logs = state / "logs"
        self._on_exit = on_exit
        self._environment = (
            {"ECONSIM_LOG_FORMAT": "json", "ECONSIM_LOG_LEVEL": "info"}
            | environment()
            | {
                "ECONSIM_NATS": server.url,
                "ECONSIM_CREDS": str(server.creds("market").parent),
                "ECONSIM_STATE": str(state),
                child_processes.PARENT: str(os.getpid()),
            }
            | ({"ECONSIM_POLICIES": str(server.policies)} if server.policies else {})
        )

    async def watch(self, service: str, workers: int) -> None:
        """Supervise one service until cancelled: restart it whenever it ends."""
        attempt = 0
        loop = asyncio.get_running_loop()
        while True:
            started = loop.time()
            process = self.running[service] = await self._start(service, workers)
            try:
                child_processes.note(self._state, process.pid)
                status = await process.wait()
            except BaseException:
                await _end(process)
                raise
            finally:
                child_processes.forget(self._state, process.pid)
            attempt = 0 if loop.time() - started > HEALTHY_S else min(attempt, len(BACKOFF_S) - 1)
            self._on_exit(f"service {service} ended with status {status}; it is started again")
            await asyncio.sleep(BACKOFF_S[attempt])
            attempt += 1

    async def _start(self, service: str, workers: int) -> Process:
        private_directory(self._logs)
        with open_append(self._logs / f"{service}.log") as log:
            return await asyncio.create_subprocess_exec(
                sys.executable,
                "-P",  # as the empty `--app-dir`: a `random.py` in the working directory is no module of the service's
                "-m",
                "faststream",
                "run",
                f"econsim.app:{service}",
                "--app-dir=",
                *(("--workers", str(workers)) if workers > 1 else ()),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self._environment,
                # Ctrl-C in a terminal reaches the whole process group; services must end after the run.
                start_new_session=True,
            )


@asynccontextmanager
async def spread(
    services: Sequence[str], server: Server, state: Path, on_exit: Callable[[str], None], workers: int = 1
) -> AsyncIterator[Processes]:
    """Run each service in `workers` processes of its own for the time of the context."""
    await asyncio.to_thread(child_processes.end_orphans, state)
    processes = Processes(server, state, on_exit)
    watching = [
        # One process can listen at an address.
        asyncio.create_task(processes.watch(service, 1 if service == METRICS else workers))
        for service in services
    ]
    try:
        yield processes
    finally:
        for task in watching:
            task.cancel()
        await asyncio.gather(*watching, return_exceptions=True)


async def _end(process: Process) -> None:
    """Stop a process; kill it after STOP_S."""
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        await asyncio.wait_for(process.wait(), STOP_S)
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
