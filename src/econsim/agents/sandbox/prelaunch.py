"""Process outside the sandbox: lower the limits, give up root, become `bwrap`.

Started as root, it first mounts the paths that the sandbox shows below MOUNT_ROOT: an ordinary user could not
reach a Python below root's home directory. Only this process, and `bwrap` after it, see these mounts.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import sys
from pathlib import Path
from typing import Any, Final

from econsim.agents.sandbox.limits import lower_rlimits

MOUNT_ROOT: Final = "/tmp"  # noqa: S108 - covered by a file system that nobody else sees
"""Directory of the mounts, one numbered directory for each source that `bwrap` itself may not reach."""

AGENT_ID: Final = 65_534
"""User and group id of a sandbox that root starts: `nobody`, who owns no file."""

_NEW_MOUNTS: Final = 0x00020000
_BIND: Final = 0x1000
_ALL_BELOW: Final = 0x4000
_PRIVATE: Final = 0x40000


def root_can_be_given_up() -> bool:
    """Tell whether this is root with another user to become; a root that is the only mapped user has none."""
    if os.geteuid() != 0:
        return False
    ranges = [list(map(int, line.split())) for line in Path("/proc/self/uid_map").read_text().splitlines()]
    return any(first <= AGENT_ID < first + count for first, _, count in ranges)


def main(instructions: dict[str, Any]) -> None:
    """Become `bwrap`; raises OSError that says what the kernel forbids."""
    lower_rlimits({int(number): most for number, most in instructions["limits"].items()})
    # When the machine runs out of memory, the external agent goes first.
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")
    if instructions["mounted"]:
        _mount_sources(instructions["sources"])
        os.setgroups([])
        os.setresgid(AGENT_ID, AGENT_ID, AGENT_ID)
        os.setresuid(AGENT_ID, AGENT_ID, AGENT_ID)
    # In a command line other users would read what the variables hold.
    if instructions.get("inherits"):
        os.execv(instructions["command"][0], instructions["command"])  # noqa: S606 - the purpose of this process
    os.execve(instructions["command"][0], instructions["command"], {})  # noqa: S606 - the purpose of this process


def _mount_sources(sources: list[str]) -> None:
    """Mount each source below MOUNT_ROOT, in a mount namespace of this process."""
    libc = ctypes.CDLL(None, use_errno=True)
    _check(libc.unshare(_NEW_MOUNTS))
    _check(libc.mount(None, b"/", None, _ALL_BELOW | _PRIVATE, None))
    opened = [os.open(source, os.O_PATH) for source in sources]
    _check(libc.mount(b"tmpfs", MOUNT_ROOT.encode(), b"tmpfs", 0, b"mode=0755"))
    for number, (source, descriptor) in enumerate(zip(sources, opened, strict=True)):
        place = Path(MOUNT_ROOT, str(number))
        # MOUNT_ROOT may cover the source itself, so it is reached through its descriptor.
        if Path(f"/proc/self/fd/{descriptor}").is_dir():
            place.mkdir()
        else:
            place.touch()
        _check(
            libc.mount(
                f"/proc/self/fd/{descriptor}".encode(), str(place).encode(), None, _BIND | _ALL_BELOW, None
            ),
            source,
        )


def _check(result: int, what: str = "the mount directory") -> None:
    if result:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), what)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
