"""Resource limits of an agent: each with its unit and its reason."""

from __future__ import annotations

import resource
from dataclasses import dataclass, fields
from typing import Final

from econsim.errors import SetupError

MIB: Final = 2**20
"""Bytes of a mebibyte."""

CPU_MARGIN_S: Final = 2
"""Seconds by which the kernel's limit exceeds ours: ours is on the sum of all processes, and can report why it stopped them."""

ADDRESS_MARGIN_BYTES: Final = 1024 * MIB
"""Bytes of addresses a process may reserve beyond its memory: libraries, and 64 MiB for each thread."""

TIME_MAX_S: Final = 366 * 86_400
"""Largest limit on time in seconds: a year, as long as credentials are valid at most."""

MEMORY_MAX_MIB: Final = 2**24
"""Largest limit on memory in MiB: 16 TiB, which the kernel's own limits still take."""

OPEN_FILES_MAX: Final = 2**20
"""Largest limit on open files: what Linux lets a process have by default."""

PROCESSES_MAX: Final = 2**22
"""Largest limit on processes: the largest process id of Linux."""


FILES_MAX: Final = 2**31
"""Largest limit on files: more than any `/tmp` in memory has room for."""

OUTPUT_MAX_MIB: Final = 2**20
"""Largest limit on output in MiB: 1 TiB, more than a terminal takes in a year."""


@dataclass(frozen=True, slots=True)
class MachineLimits:
    """Resource limits of one agent: for all its processes together, unless a field names one process."""

    cpu_s: int = 600
    """Processor time in seconds: a bot takes a few for a day's trading; more is an endless loop."""
    memory_bytes: int = 512 * MIB
    """Memory in bytes, files in `/tmp` included; Python with NATS takes 60 MiB, a small model 300."""
    scratch_bytes: int = 64 * MIB
    """Size of `/tmp` in bytes, the only place to write; it is memory."""
    file_bytes: int = 16 * MIB
    """Size of one file in bytes, so that one mistake does not fill `/tmp`."""
    files: int = 10_000
    """Files in `/tmp`, directories included: a bot has some; each takes memory of the kernel."""
    output_bytes: int = 16 * MIB
    """Bytes of output: hours of one line a tick; the output goes to a terminal or a log."""
    open_files: int = 128
    """Open files of one process: a bot has about ten."""
    processes: int = 32
    """Processes and threads: the NATS client and a library's thread pool; a fork bomb ends here."""
    wall_s: float = 3_600.0
    """Time in seconds from start to hard stop: longer than any shipped scenario takes."""

    def __post_init__(self) -> None:
        """Raise SetupError if a limit is zero or less."""
        for field in fields(self):
            if getattr(self, field.name) <= 0:
                message = (
                    f"the limit {field.name} is {getattr(self, field.name)}; it must be more than nothing"
                )
                raise SetupError(message)

    def process_rlimits(self) -> dict[int, int]:
        """Return the kernel's limits for each process, by the number of the limit (`RLIMIT_…`)."""
        return {
            resource.RLIMIT_CPU: self.cpu_s + CPU_MARGIN_S,
            resource.RLIMIT_DATA: self.memory_bytes,
            resource.RLIMIT_AS: self.memory_bytes + ADDRESS_MARGIN_BYTES,
            resource.RLIMIT_FSIZE: self.file_bytes,
            resource.RLIMIT_NOFILE: self.open_files,
            # A core file would contain the agent's keys, and be written on the host.
            resource.RLIMIT_CORE: 0,
            resource.RLIMIT_MEMLOCK: 0,
            resource.RLIMIT_MSGQUEUE: 0,
        }


def lower_rlimits(limits: dict[int, int]) -> None:
    """Lower the limits of this process, without return; a limit that is lower already stays."""
    for number, wanted in limits.items():
        _, hard = resource.getrlimit(number)
        most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(number, (most, most))
