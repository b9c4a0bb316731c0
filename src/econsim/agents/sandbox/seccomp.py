"""System calls that an agent may not make, as a seccomp filter.

Namespaces hide the host, but some calls do not go through them: a vsock reaches the hypervisor from any network
namespace, and System V memory outlives the process it is counted for. The other calls of the list are needed by no
trader, and kernels were broken through them.
"""

from __future__ import annotations

import platform
import struct
from dataclasses import dataclass
from typing import Final

from econsim.errors import SetupError

FAMILIES: Final = (1, 2, 10)
"""Socket families an agent may open: unix, IPv4, IPv6. They all end at the network namespace."""


REFUSED: Final = {
    # System V memory and message queues, and files without a name: memory that no process is charged for.
    "shmget": (29, 194),
    "shmat": (30, 196),
    "shmctl": (31, 195),
    "semget": (64, 190),
    "semctl": (66, 191),
    "msgget": (68, 186),
    "msgsnd": (69, 189),
    "mq_open": (240, 180),
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    # Keys of the user who started econsim.
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    # Other processes' memory and files.
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "kcmp": (312, 272),
    "pidfd_getfd": (438, 438),
    "process_madvise": (440, 440),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    # Programs for the kernel, and calls that do not pass this filter.
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    # Another view of the machine.
    "chroot": (161, 51),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "unshare": (272, 97),
    "setns": (308, 268),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    # Another kernel.
    "init_module": (175, 105),
    "delete_module": (176, 106),
    "finit_module": (313, 273),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
}
"""System calls that fail with EPERM, with their numbers on x86_64 and aarch64."""


@dataclass(frozen=True, slots=True)
class Machine:
    """Numbering of system calls on one kind of processor."""

    audit: int
    """Audit number of the architecture in the kernel."""
    socket: int
    """Number of the system call `socket`."""
    refused: tuple[int, ...]
    """Numbers of the refused system calls."""
    foreign: int | None = None
    """First number of a second numbering of the same calls; none if there is none."""


MACHINES: Final = {
    "x86_64": Machine(0xC000003E, 41, tuple(one for one, _ in REFUSED.values()), 0x40000000),
    "aarch64": Machine(0xC00000B7, 198, tuple(other for _, other in REFUSED.values())),
}
"""Known processors by the name that `platform.machine` gives."""

_LOAD: Final = 0x20
_IF_EQUAL: Final = 0x15
_IF_AT_LEAST: Final = 0x35
_RETURN: Final = 0x06
_ALLOW: Final = 0x7FFF0000
_NOT_PERMITTED: Final = 0x00050001
_KILL: Final = 0x80000000
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT = 0, 4, 16

_Step = tuple[int, int, int, int]


def filter_for(name: str = "") -> bytes:
    """Return the filter program for a processor, by default this one; raises SetupError for an unknown processor."""
    name = name or platform.machine()
    if name not in MACHINES:
        message = f"there is no list of system calls for {name}; known are {', '.join(MACHINES)}"
        raise SetupError(message)
    machine = MACHINES[name]
    return b"".join(struct.pack("=HBBI", *step) for step in _steps(machine))


def _steps(machine: Machine) -> list[_Step]:
    """Return the steps of the filter: a jump counts the steps it skips; each test either returns or falls through."""
    refuse: _Step = (_RETURN, 0, 0, _NOT_PERMITTED)
    steps: list[_Step] = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_IF_EQUAL, 1, 0, machine.audit),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER),
    ]
    if machine.foreign is not None:
        steps += [(_IF_AT_LEAST, 0, 1, machine.foreign), refuse]
    for number in machine.refused:
        steps += [(_IF_EQUAL, 0, 1, number), refuse]
    allow: _Step = (_RETURN, 0, 0, _ALLOW)
    steps += [(_IF_EQUAL, 1, 0, machine.socket), allow, (_LOAD, 0, 0, _FIRST_ARGUMENT)]
    for family in FAMILIES:
        steps += [(_IF_EQUAL, 0, 1, family), allow]
    return [*steps, refuse]
