"""First in the jail: hand out the door, close everything else, become the agent.

Runs by its path with the plain interpreter (`python -I -S`), before any code of the agent, and imports
only the standard library. Its one argument is the JSON that `jail` writes.
"""

from __future__ import annotations

import json
import os
import resource
import socket
import sys
from typing import Any, Final

HOST: Final = "127.0.0.1"
"""The jail's own loopback; nothing else exists in its network."""

NOT_FOUND: Final = 127
"""Exit code when there is no such program, as shells give it."""


def main(order: dict[str, Any]) -> None:
    """Do it; returns only if there is no such program."""
    # Here and not before the jail: the kernel counts per user namespace, so only the jail's own count.
    resource.setrlimit(resource.RLIMIT_NPROC, (order["tasks"], order["tasks"]))
    with socket.socket(fileno=order["parent"]) as parent, socket.create_server((HOST, order["port"])) as door:
        socket.send_fds(parent, [b"."], [door.fileno()])
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208 - nothing is imported that is not needed
        if int(name) > 2:
            _close(int(name))
    program = order["command"][0]
    try:
        os.execvpe(program, order["command"], order["environment"])  # noqa: S606 - that is its job
    except OSError as error:
        sys.stderr.write(f"{program} cannot be run: {error.strerror}\n")
        raise SystemExit(NOT_FOUND) from None


def _close(descriptor: int) -> None:
    try:
        os.close(descriptor)
    except OSError:
        return


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
