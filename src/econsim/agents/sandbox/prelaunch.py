"""Outside the jail, in a process of its own: take on the limits, give up root, become `bwrap`.

Started as root, it puts what the jail shows on a stage of its own first: an ordinary user could not
walk to a Python below root's home directory. Only this process and what it becomes see the stage.
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
"""Where sources are shown by their number to a `bwrap` that may not walk to them."""

AGENT_ID: Final = 65_534
"""User and group that a jail started by root runs as: `nobody`, who owns no file."""

_NEW_MOUNTS: Final = 0x00020000
_BIND: Final = 0x1000
_ALL_BELOW: Final = 0x4000
_PRIVATE: Final = 0x40000


def root_can_be_given_up() -> bool:
    """Tell whether this is root and there is another user to become; one lone mapped root is no root."""
    if os.geteuid() != 0:
        return False
    ranges = [list(map(int, line.split())) for line in Path("/proc/self/uid_map").read_text().splitlines()]
    return any(first <= AGENT_ID < first + count for first, _, count in ranges)


def main(order: dict[str, Any]) -> None:
    """Do it; raises OSError that says what the kernel forbids."""
    lower_rlimits({int(number): most for number, most in order["limits"].items()})
    # When the machine runs out of memory, the external agent goes first.
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")
    if order["mounted"]:
        _mount_sources(order["sources"])
        os.setgroups([])
        os.setresgid(AGENT_ID, AGENT_ID, AGENT_ID)
        os.setresuid(AGENT_ID, AGENT_ID, AGENT_ID)
    os.execve(order["command"][0], order["command"], {})  # noqa: S606 - that is its job


def _mount_sources(sources: list[str]) -> None:
    """Show each source as a place of its own, in mounts that only we have."""
    libc = ctypes.CDLL(None, use_errno=True)
    _check(libc.unshare(_NEW_MOUNTS))
    _check(libc.mount(None, b"/", None, _ALL_BELOW | _PRIVATE, None))
    opened = [os.open(source, os.O_PATH) for source in sources]
    _check(libc.mount(b"tmpfs", MOUNT_ROOT.encode(), b"tmpfs", 0, b"mode=0755"))
    for number, (source, descriptor) in enumerate(zip(sources, opened, strict=True)):
        place = Path(MOUNT_ROOT, str(number))
        # The stage may cover the source itself, so it is looked at through its descriptor.
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


def _check(result: int, what: str = "the stage") -> None:
    if result:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), what)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
