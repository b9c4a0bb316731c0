"""The directory of an embedded server: its locks, its record, its configuration.

<state>/nats/         0700
    server.lock       held by the owner and, through an inherited descriptor, by the server itself
    owner.lock        held by the owning process only: free while the server runs means an orphan
    users.lock        shared by the brief commands that use the server; taken whole by the owner when it stops
    runs.lock         shared by the commands whose runs use the server; looked at by the owner when its own run has ended
    program.json      version of the nats-server program, and the file it was asked of
    server.json       pid, port and version, for commands that want to attach
    server.conf       generated, 0600
    server.log        output of the server
    data/ resolver/   JetStream's files; account JWTs pushed to the live server
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import secrets
import shutil
import socket
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from econsim.adapters.server.child_processes import end_orphans
from econsim.adapters.server.free_space import store_bytes_max
from econsim.errors import SetupError
from econsim.identity.private_files import private_directory, write
from econsim.identity.server_config import quote
from econsim.identity.trust_root import Trust
from econsim.streams import MESSAGE_BYTES_MAX

HOST: Final = "127.0.0.1"
"""The embedded server listens on loopback only."""

PORTS: Final = range(20_000, 32_000)
"""Range of free ports: below the range systems give to outgoing connections, because a client
that keeps reconnecting to a port of that range can end up connected to itself and take the port."""

FREE_BYTES_MIN: Final = 256 * 2**20
"""Free disk a server needs to start: one block file per stream and room to work."""

MEMORY_STORE_BYTES_MAX: Final = 256 * 2**20
"""Memory streams hold counters and caches only."""

CONNECTIONS_MAX: Final = 20_000
"""Clients of one server; 5 000 agents, each in an account of its own, take 343 MB."""

SUBSCRIPTIONS_MAX: Final = 10_000
"""Subscriptions of one connection: a service has one for each run and market it serves."""

PENDING_BYTES_MAX: Final = 32 * 2**20
"""Bytes the server holds for a client that does not read before it ends the connection: four of the largest messages."""

PAGES_MAX: Final = 4
"""Live pages open at once beside one server: it accepts websockets from these origins alone, which it learns when it starts."""

ORPHAN_STOP_S: Final = 10.0
"""Seconds to wait for a server whose owner died."""

GLANCE_S: Final = 0.2
"""Longest that `running_url` in another process may hold the lock while it looks; it takes microseconds."""

SYNC_INTERVAL: Final = "always"
"""Interval at which writes are flushed: the default of 2 minutes would lose acknowledged money in a power failure."""

SYNC_INTERVAL_EPHEMERAL: Final = "24h"
"""The same for data that is deleted at the end, so that nobody would read what a power failure left."""

_WEBSOCKET: Final = re.compile(rf'^websocket .*"{re.escape(HOST)}:(\d+)"', re.MULTILINE)
_ORIGIN: Final = re.compile(rf'"http://{re.escape(HOST)}:(\d+)"')
_LISTEN: Final = re.compile(rf'^listen: "{re.escape(HOST)}:(\d+)"$', re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Ports:
    """Ports of a server on loopback."""

    client: int
    """Port that clients connect to."""
    websocket: int = 0
    """Port for websockets of live pages; 0 for none."""
    pages: tuple[int, ...] = ()
    """Ports of the only origins whose websockets the server accepts; a live page is served on one of them."""


@dataclass(frozen=True, slots=True)
class ServerRecord:
    """Record of a running server."""

    pid: int
    """Process id of the server."""
    port: int
    """Client port on loopback."""
    version: str
    """Version of the program."""
    websocket: int = 0
    """Port for websockets of live pages on loopback; 0 if the server has none."""
    pages: tuple[int, ...] = ()
    """Ports of the only origins whose websockets the server accepts; a live page is served on one of them."""
    brief: bool = False
    """True for the server of a command that reads and ends: nothing that lasts settles on it."""

    @property
    def url(self) -> str:
        """URL that clients connect to."""
        return f"nats://{HOST}:{self.port}"


def running_url(state: Path) -> str | None:
    """Return the URL of the embedded server that runs on a state directory, if one runs and its owner lives."""
    directory = state / "nats"
    if not (is_locked(directory / "server.lock") and is_locked(directory / "owner.lock")):
        return None
    record = read_record(directory)
    return record.url if record else None


def read_record(directory: Path) -> ServerRecord | None:
    """Return the record of the directory's last server."""
    try:
        found = json.loads((directory / "server.json").read_text())
        return ServerRecord(**found | {"pages": tuple(found.get("pages", ()))})
    except (OSError, ValueError, TypeError, AttributeError):
        return None


def write_record(directory: Path, record: ServerRecord) -> None:
    """Write the record of the server that runs, whole or not at all."""
    write(directory / "server.json", json.dumps(asdict(record)) + "\n")


def is_owned(state: Path) -> bool:
    """Tell whether a living process has the right to run a server on a state directory: one runs, starts or stops."""
    return is_locked(state / "nats" / "owner.lock")


def users_lock(state: Path) -> Path:
    """Return the file that commands lock together while they use the server."""
    return state / "nats" / "users.lock"


class ServerRuns(SetupError):
    """Another process runs a server on the state directory."""


class Claim:
    """Exclusive right to run a server on a directory."""

    def __init__(self, directory: Path) -> None:
        """Take the right; stop a server and services of an owner that died. Raises ServerRuns if another process has it."""
        owner = _wait_for_lock(directory / "owner.lock", GLANCE_S)
        if owner is None:
            record = read_record(directory)
            where = f" at {record.url} (process {record.pid})" if record else ""
            message = f"a server already runs on {directory.parent}{where}; use it, stop it, or choose another --state"
            raise ServerRuns(message)
        self._owner = owner
        self.descriptor = _after_orphan(directory)
        """Descriptor of the lock, for the server process to inherit."""
        self._users = os.open(users_lock(directory.parent), os.O_RDWR | os.O_CREAT, 0o600)

    def keep_users_out(self) -> bool:
        """Let no command begin to use the server any more; false, and nothing done, while one does."""
        try:
            fcntl.flock(self._users, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True

    def release(self) -> None:
        """Release the directory."""
        for lock in (self.descriptor, self._users, self._owner):
            os.close(lock)


def prepare(state: Path, free_bytes_min: int = FREE_BYTES_MIN) -> Path:
    """Create `<state>/nats` and return it; raises SetupError if it is not writable or the disk is full."""
    directory = state / "nats"
    try:
        private_directory(directory)
        probe = directory / "writable.part"
        probe.write_bytes(b"\0" * 4096)
        probe.unlink()
    except OSError as error:
        message = (
            f"cannot write to {directory}: {error.strerror}; choose another state directory with --state"
        )
        raise SetupError(message) from error
    free = shutil.disk_usage(directory).free
    if free < free_bytes_min:
        message = (
            f"the disk of {directory} is full: {free // 2**20} MiB free, {free_bytes_min // 2**20} MiB needed; "
            "free some, or choose another state directory with --state"
        )
        raise SetupError(message)
    return directory


def write_config(directory: Path, trust: Trust, ports: Ports, *, ephemeral: bool) -> Path:
    """Write the server's configuration for an operator's trust and return its path.

    An ephemeral server does not flush: nobody reads its data after a power failure. Websockets are without TLS, because nothing leaves
    the machine.
    """
    text = (
        f'server_name: "econsim-{trust.sim.public[-8:].lower()}"\n'
        f'listen: "{HOST}:{ports.client}"\n'
        f"max_payload: {MESSAGE_BYTES_MAX}\n"
        f"max_connections: {CONNECTIONS_MAX}\n"
        f"max_subscriptions: {SUBSCRIPTIONS_MAX}\n"
        f"max_pending: {PENDING_BYTES_MAX}\n"
        f"jetstream {{ store_dir: {quote(directory / 'data')}, "
        f"sync_interval: {SYNC_INTERVAL_EPHEMERAL if ephemeral else SYNC_INTERVAL}, "
        f"max_memory_store: {MEMORY_STORE_BYTES_MAX}, max_file_store: {store_bytes_max(directory)} }}\n"
        f"{_websocket_config(ports)}"
        f"{trust.server_config(directory / 'resolver')}"
    )
    path = directory / "server.conf"
    write(path, text)
    return path


def _websocket_config(ports: Ports) -> str:
    if not ports.websocket:
        return ""
    origins = ", ".join(f'"{page_origin(each)}"' for each in ports.pages)
    return f'websocket {{ listen: "{HOST}:{ports.websocket}", no_tls: true, compression: true, allowed_origins: [{origins}] }}\n'


def page_origin(port: int) -> str:
    """Return the origin of a live page that is served on a port: exact, so no other name of this machine is one."""
    return f"http://{HOST}:{port}"


def last_port(directory: Path) -> int | None:
    """Return the port of the directory's last server; none if there was no server yet."""
    found = _LISTEN.search(_last_config(directory))
    return int(found[1]) if found else None


def page_ports(directory: Path) -> tuple[int, ...]:
    """Return free ports for websockets and for live pages, those of the directory's last server if possible: open pages find it again."""
    text = _last_config(directory)
    last = _WEBSOCKET.search(text)
    wanted = [int(last[1]), *map(int, _ORIGIN.findall(text))] if last else []
    return free_ports(1 + PAGES_MAX, wanted)


def _last_config(directory: Path) -> str:
    try:
        return (directory / "server.conf").read_text(errors="surrogateescape")
    except OSError:
        return ""


def free_ports(count: int, wanted: Sequence[int] = ()) -> tuple[int, ...]:
    """Return so many different loopback ports nobody listens on, the wanted ones among them if they are free."""
    found = [port for port in dict.fromkeys(wanted) if port_is_free(port)][:count]
    while len(found) < count:
        port = free_port()
        found += [port] if port not in found else []
    return tuple(found)


def free_port(wanted: int | None = None) -> int:
    """Return a loopback port nobody listens on: the wanted one if it is free."""
    while True:
        port = wanted or secrets.choice(PORTS)
        if port_is_free(port):
            return port
        wanted = None


def port_is_free(port: int) -> bool:
    """Tell whether a server could listen on the port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def _lock(path: Path, kind: int = fcntl.LOCK_EX) -> int | None:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor


def is_locked(path: Path, kind: int = fcntl.LOCK_SH) -> bool:
    """Return whether a process holds a lock in a way that excludes this kind of `fcntl.LOCK_…`."""
    # A shared lock, because two who look at once shall not take each other for a holder.
    lock = _lock(path, kind) if path.exists() else -1
    if lock is not None and lock >= 0:
        os.close(lock)
    return lock is None


def _wait_for_lock(path: Path, patience_s: float) -> int | None:
    """Return a lock, waiting so long for its holder."""
    end = time.monotonic() + patience_s
    while (lock := _lock(path)) is None and time.monotonic() < end:
        time.sleep(0.02)
    return lock


def _after_orphan(directory: Path) -> int:
    """Return the server lock, after stopping processes that outlived their owner."""
    end_orphans(directory.parent)
    lock = _wait_for_lock(directory / "server.lock", ORPHAN_STOP_S)
    if lock is not None:
        return lock
    where = directory / "server.json"
    message = f"a server left over on {directory.parent} does not stop; end it by hand (see {where})"
    raise SetupError(message)
