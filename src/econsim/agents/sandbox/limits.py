"""How much of the machine an agent may use: every limit with its unit and its reason."""

from __future__ import annotations

import resource
from dataclasses import dataclass, fields
from typing import Final

from econsim.errors import SetupError

MIB: Final = 2**20
"""Bytes of a mebibyte."""

CPU_MARGIN_S: Final = 2
"""The kernel's own limit lies above ours by this: ours is on the sum, and can say why it stopped something."""

ADDRESS_MARGIN_BYTES: Final = 1024 * MIB
"""Addresses a process may reserve beyond its memory: libraries, and 64 MiB that each thread sets aside."""

TIME_MAX_S: Final = 366 * 86_400
"""Seconds a limit on time may be: a year, as long as credentials hold at most."""

MEMORY_MAX_MIB: Final = 2**24
"""MiB a limit on memory may be: 16 TiB, which the kernel's own limits still take."""

OPEN_FILES_MAX: Final = 2**20
"""Open files a limit may be: what Linux lets a process have by default."""

PROCESSES_MAX: Final = 2**22
"""Processes a limit may be: what Linux counts to."""


FILES_MAX: Final = 2**31
"""Files a limit may be: more than any `/tmp` in memory has room for."""

OUTPUT_MAX_MIB: Final = 2**20
"""MiB of output a limit may be: 1 TiB, more than a year's terminal takes."""


@dataclass(frozen=True, slots=True)
class MachineLimits:
    """What one agent may use, all its processes together unless it says otherwise."""

    cpu_s: int = 600
    """Processor time in seconds: a day's trading takes a bot a few; more is a loop."""
    memory_bytes: int = 512 * MIB
    """Memory with what lies in `/tmp`; Python with NATS takes 60 MiB, a small model 300."""
    scratch_bytes: int = 64 * MIB
    """Size of `/tmp`, the only place to write; it is memory."""
    file_bytes: int = 16 * MIB
    """Size of one file, so that no mistake fills `/tmp` at once."""
    files: int = 10_000
    """Files in `/tmp`, directories included: a bot has some; each takes memory of the kernel's."""
    output_bytes: int = 16 * MIB
    """Bytes it may say on its outputs: hours of a line a tick; they go to a terminal or a log."""
    open_files: int = 128
    """Open files of one process: a bot has about ten."""
    processes: int = 32
    """Processes and threads: the client's and a library's thread pool; a fork bomb ends here."""
    wall_s: float = 3_600.0
    """Time in seconds from start to hard stop: longer than any shipped scenario takes."""

    def __post_init__(self) -> None:
        """Raise SetupError if a limit leaves nothing."""
        for field in fields(self):
            if getattr(self, field.name) <= 0:
                message = (
                    f"the limit {field.name} is {getattr(self, field.name)}; it must be more than nothing"
                )
                raise SetupError(message)

    def process_rlimits(self) -> dict[int, int]:
        """Return what the kernel holds each process to, by the number of its limit."""
        return {
            resource.RLIMIT_CPU: self.cpu_s + CPU_MARGIN_S,
            resource.RLIMIT_DATA: self.memory_bytes,
            resource.RLIMIT_AS: self.memory_bytes + ADDRESS_MARGIN_BYTES,
            resource.RLIMIT_FSIZE: self.file_bytes,
            resource.RLIMIT_NOFILE: self.open_files,
            # A core file would hold its keys, and land on the host.
            resource.RLIMIT_CORE: 0,
            resource.RLIMIT_MEMLOCK: 0,
            resource.RLIMIT_MSGQUEUE: 0,
        }


def lower_rlimits(limits: dict[int, int]) -> None:
    """Lower this process to the limits for good; one that is lower already stays."""
    for number, wanted in limits.items():
        _, hard = resource.getrlimit(number)
        most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(number, (most, most))
