"""First process in the sandbox: send the relay its listening socket, close all descriptors, become the agent.

Runs by its path with the plain interpreter (`python -I -S`), before any code of the agent, and imports
only the standard library. Its one argument is the JSON that `bubblewrap.init_command` writes.
"""

from __future__ import annotations

import json
import os
import resource
import socket
import sys
from typing import Any, Final

HOST: Final = "127.0.0.1"
"""Loopback address of the sandbox; its network has no other."""

NOT_FOUND: Final = 127
"""Exit code when there is no such program, as shells give it."""


def main(instructions: dict[str, Any]) -> None:
    """Become the agent; exits with NOT_FOUND if its program does not exist."""
    # Here and not before `bwrap`: the kernel counts per user namespace, so only processes of the sandbox count.
    resource.setrlimit(resource.RLIMIT_NPROC, (instructions["tasks"], instructions["tasks"]))
    with (
        socket.socket(fileno=instructions["parent"]) as parent,
        socket.create_server((HOST, instructions["port"])) as listener,
    ):
        socket.send_fds(parent, [b"."], [listener.fileno()])
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208 - nothing is imported that is not needed
        if int(name) > 2:
            _close(int(name))
    program = instructions["command"][0]
    try:
        os.execvpe(program, instructions["command"], instructions["environment"])  # noqa: S606 - the purpose of this process
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
