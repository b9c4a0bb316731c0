"""A private nats-server: started, watched, restarted and stopped by the process that needs one.

Always in operator mode with the trust root of its state directory, on loopback only. The files are
`state_directory`'s, the program `binary`'s. It keeps its port over a crash, and the next server of the directory takes the
same port if it is free: clients reconnect.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import tempfile
import time
from asyncio.subprocess import Process
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from econsim.adapters.cancellation import cancel_until_done
from econsim.adapters.clock import unix_seconds
from econsim.adapters.nats.connection import connect
from econsim.adapters.poll import Poll
from econsim.adapters.server import child_processes, state_directory
from econsim.adapters.server.binary import find, version
from econsim.adapters.server.free_space import has_room
from econsim.adapters.server.server_use import wait_until_unused
from econsim.adapters.server.state_directory import HOST, Claim, Ports, ServerRecord
from econsim.config import environment
from econsim.errors import SetupError
from econsim.identity.private_files import open_append
from econsim.identity.trust_root import Trust

READY_S: Final = 120.0
"""Seconds a start may take: JetStream reads its store back, 0.9 s for a million keys; on a machine busy with other
work every step takes many times as long."""
STOP_S: Final = 10.0
"""Seconds a stop may take before the process is killed; acknowledged messages are on disk by then."""
BACKOFF_S: Final = (0.0, 0.1, 0.5, 1.0, 2.0, 5.0)
"""Pauses before the restarts after a crash; a server that fails after the last is given up."""
HEALTHY_S: Final = 30.0
"""A server that ran this long starts again at the first pause."""
PORT_TRIES: Final = 5
"""Starts with another free port when somebody takes the chosen one in between."""
LOG_BYTES_MAX: Final = 8 * 2**20
"""Size at which a start moves the log aside as `server.log.1`."""

START_INTERVAL_S: Final = 0.01
"""Pause between two looks whether a server that starts listens, in seconds."""

POLL_INTERVAL_S: Final = 2.0
"""Pause between two looks whether the disk is full or has room again, in seconds."""

_FULL: Final = {
    "no space left on device": "the disk is full; free some space, and it goes on",
    "resource limits exceeded": "the disk is full; free some space, and it goes on",
    "disk quota exceeded": "your quota of the disk is used up; free some space, and it goes on",
    "file too large": "a limit on the size of files is reached; stop, lift it (`ulimit -f`) and start again",
}
"""Words of the server's log when it stores nothing any more, and what to do; it repeats them even when there is room again."""

READING: Final = {"GOGC": "400", "GOMEMLIMIT": "1GiB"}
"""Environment of the server of a command that reads and ends: it collects garbage less often. With 100 000 events, whose reading leaves much,
it takes 0.84 s instead of 1.27, a report with it 8 % less, and up to 320 MiB instead of 110. No gain was seen for the server of a run."""

_CAUSES: Final = (
    ("no space left on device", "the disk is full; free some space and start again"),
    ("address already in use", "its port is in use; choose another"),
    ("disk quota exceeded", "your quota of the disk is used up; free some space and start again"),
    ("file too large", "a limit on the size of files is reached; lift it (`ulimit -f`) and start again"),
    ("directory is not writable", "it may not write its files; check the owner of the state directory"),
    ("permission denied", "it may not write its files; check the owner of the state directory"),
    ("resource limits exceeded", "the JetStream store is full; free some disk space and start again"),
)

OnCrash = Callable[[str], None]
"""Called with a sentence when the server died or could not be restarted, or when its stop has to wait."""


class EmbeddedServer:
    """A nats-server of our own, as an async context manager."""

    def __init__(  # noqa: PLR0913 - each has a default and is passed by name
        self,
        state: Path,
        *,
        port: int | None = None,
        restart: bool = True,
        ephemeral: bool = False,
        brief: bool = False,
        on_crash: OnCrash | None = None,
        binary: Path | None = None,
        free_bytes_min: int = state_directory.FREE_BYTES_MIN,
    ) -> None:
        """Describe the server; entering the context starts it.

        `port` asks for one port, otherwise a free one is chosen, the last one if possible. `ephemeral` keeps everything in a
        temporary directory, whatever `state` is: it is removed on stop, and its writes are not flushed. `brief` says that its
        command reads and ends (`server_use`).
        """
        self.state = state
        """Directory of keys and data."""
        self.crashes = 0
        """Times the server ended without being asked to."""
        self.websocket = 0
        """Port for websockets of live pages on loopback; 0 for an ephemeral server, which has none."""
        self.pages: tuple[int, ...] = ()
        """Ports of the origins whose websockets the server accepts."""
        self._ephemeral = ephemeral
        self._brief = brief
        self._throw_away = False
        self._asked_port = port
        self._restart = restart
        self._on_crash = on_crash or (lambda _: None)
        self._binary = binary
        self._free_bytes_min = free_bytes_min
        self._stopping = False

    @property
    def url(self) -> str:
        """URL that clients connect to, the same over restarts."""
        return f"nats://{HOST}:{self.port}"

    @property
    def pid(self) -> int:
        """Process id of the server that runs now."""
        return self._process.pid

    def creds(self, service: str) -> Path:
        """Return the creds file of a service for this server."""
        return self.trust.creds(service)

    async def __aenter__(self) -> Self:
        """Start the server and wait until JetStream answers; raises SetupError with what to do next."""
        try:
            await self._enter()
        except BaseException:
            self._discard()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the server: when no brief command uses it any more, within USERS_S; at once if cancelled again."""
        try:
            if not self._stopping:
                await wait_until_unused(self._claim, self._on_crash)
        finally:
            await self.stop()

    async def stop(self) -> None:
        """Stop the server, by force after STOP_S, and remove the data of an ephemeral one."""
        if self._stopping:
            return
        self._stopping = True
        # A restart that is cancelled ends its server first, which takes up to STOP_S.
        await cancel_until_done([self._watcher], 2 * STOP_S)
        # First, so that no command finds a server that ends.
        (self._directory / "server.json").unlink(missing_ok=True)
        await self._end_process()
        self._claim.release()
        self._discard()

    async def _enter(self) -> None:
        self._program = self._binary or find()
        if self._ephemeral:
            self.state = Path(tempfile.mkdtemp(prefix="econsim-"))
            self._throw_away = True
        self._directory = state_directory.prepare(self.state, self._free_bytes_min)
        self._version = await asyncio.to_thread(version, self._program, self._directory / "program.json")
        if self._asked_port is not None and not state_directory.port_is_free(self._asked_port):
            message = (
                f"port {self._asked_port} is in use; stop what listens there or name another in ECONSIM_PORT"
            )
            raise SetupError(message)
        self.trust = Trust.open(self.state, unix_seconds)
        self._claim = await asyncio.to_thread(Claim, self._directory)
        try:
            await self._first_start()
        except BaseException:
            self._claim.release()
            raise
        self._watcher = asyncio.create_task(self._watch(), name="nats-server watcher")

    async def _first_start(self) -> None:
        last = state_directory.last_port(self._directory)
        for tries_left in reversed(range(PORT_TRIES)):
            self.port = self._asked_port or state_directory.free_port(last)
            # Nobody finds the directory of an ephemeral server, so nobody watches it.
            if not self._ephemeral:
                self.websocket, *pages = state_directory.page_ports(self._directory)
                self.pages = tuple(pages)
            try:
                await self._start()
            except SetupError:
                ports = (self.port, self.websocket) if self.websocket else (self.port,)
                taken = not all(map(state_directory.port_is_free, ports))
                if self._asked_port is not None or not taken or not tries_left:
                    raise
            else:
                return

    async def _start(self) -> None:
        ports = Ports(self.port, self.websocket, self.pages)
        config = state_directory.write_config(self._directory, self.trust, ports, ephemeral=self._ephemeral)
        log = self._directory / "server.log"
        if log.exists() and log.stat().st_size > LOG_BYTES_MAX:
            log.replace(log.with_suffix(".log.1"))
        with open_append(log) as file:
            self._log_start = file.tell()
            self._process = await asyncio.create_subprocess_exec(
                str(self._program),
                "--config",
                str(config),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                env=environment() | (READING if self._brief else {}),
                # Ctrl-C in a terminal reaches the whole group; the services must end first.
                start_new_session=True,
                pass_fds=(self._claim.descriptor,),
            )
        try:
            child_processes.note(self.state, self._process.pid)
            await self._until_ready()
        except BaseException:
            await self._end_process()
            raise
        state_directory.write_record(
            self._directory,
            ServerRecord(
                self._process.pid, self.port, self._version, self.websocket, self.pages, self._brief
            ),
        )

    async def _until_ready(self) -> None:
        async for _ in Poll(START_INTERVAL_S, READY_S):
            if await _listens(self.port):
                break
            if self._process.returncode is not None:
                raise SetupError(self._failure("nats-server did not start"))
        else:
            slow = f"nats-server is still starting after {READY_S:.0f} s, so this machine is too busy; try again later"
            raise SetupError(self._failure(slow))
        client = await connect(self.url, self.trust.creds("setup"), "econsim-start")
        try:
            await client.jetstream(timeout=READY_S).account_info()
        finally:
            await client.close()

    async def _watch(self) -> None:
        attempt = 0
        while True:
            started = time.monotonic()
            restarting = await self._wait_until_ended_or_freed()
            if not restarting:
                child_processes.forget(self.state, self._process.pid)
                self.crashes += 1
                self._on_crash(self._failure(f"nats-server ended with status {self._process.returncode}"))
            if restarting or time.monotonic() - started > HEALTHY_S:
                attempt = 0
            attempt = await self._restart_after(attempt)
            if attempt < 0:
                return

    async def _wait_until_ended_or_freed(self) -> bool:
        """Wait until the server has ended; true if it was ended here, because its disk had been full and has room again.

        After one failed write the server stores nothing more in that stream until it is started anew.
        """
        ended, full = asyncio.ensure_future(self._process.wait()), ""
        while not (await asyncio.wait({ended}, timeout=POLL_INTERVAL_S))[0]:
            if not full and (full := self._full_disk()):
                self._on_crash(f"nats-server stores nothing: {full}")
            if full and has_room(self._directory, self._free_bytes_min):
                self._on_crash("the disk has room again; nats-server is started anew")
                await self._end_process()
                return True
        return False

    def _full_disk(self) -> str:
        """Return what the server has logged since it started about a disk that takes nothing more; empty if it has not."""
        text = self._log_tail(self._log_start).lower()
        return next((remedy for sign, remedy in _FULL.items() if sign in text), "")

    def _log_tail(self, start: int) -> str:
        """Return the end of the server's log from a place on."""
        log = self._directory / "server.log"
        with log.open("rb") as file:
            file.seek(max(start, log.stat().st_size - 20_000))
            return file.read().decode(errors="replace")

    async def _restart_after(self, attempt: int) -> int:
        """Start after a crash; return the number of the next attempt, or -1 when given up."""
        while self._restart and attempt < len(BACKOFF_S):
            await asyncio.sleep(BACKOFF_S[attempt])
            attempt += 1
            try:
                await self._start()
            except SetupError as error:
                self._on_crash(str(error))
            else:
                return attempt
        if self._restart:
            self._on_crash("nats-server is not started again: it failed too often; see the messages before")
        return -1

    def _failure(self, what: str) -> str:
        """Return a sentence about a failure, with the reason as far as the log has it."""
        log = self._directory / "server.log"
        text = self._log_tail(self._log_start)
        causes = [remedy for sign, remedy in _CAUSES if sign in text.lower()]
        why = f": {causes[0]}" if causes else ""
        last = text.strip().splitlines()[-1:] or ["nothing"]
        return f"{what}{why} (its log {log} ends with: {last[0][-300:]})"

    async def _end_process(self) -> None:
        await _end(self._process)
        child_processes.forget(self.state, self._process.pid)

    def _discard(self) -> None:
        if self._throw_away:
            shutil.rmtree(self.state, ignore_errors=True)


async def _end(process: Process) -> None:
    """Ask a process to stop, then kill it."""
    if process.returncode is not None:
        return
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        await asyncio.wait_for(process.wait(), STOP_S)
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def _listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection(HOST, port)
    except OSError:
        return False
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return True
