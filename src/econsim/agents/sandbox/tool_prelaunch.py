"""Process of a tool server without namespaces: lower the limits, end with the parent, become the server."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
from typing import Any, Final

from econsim.agents.sandbox.init import NOT_FOUND
from econsim.agents.sandbox.limits import lower_rlimits

_DIE_WITH_PARENT: Final = 1


def main(instructions: dict[str, Any]) -> None:
    """Become the server; exits with NOT_FOUND if its program does not exist."""
    parent = os.getppid()
    ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        raise SystemExit(NOT_FOUND)
    lower_rlimits({int(number): most for number, most in instructions["limits"].items()})
    command = instructions["command"]
    try:
        os.execvp(command[0], command)  # noqa: S606 - the purpose of this process
    except OSError as error:
        sys.stderr.write(f"{command[0]} cannot be run: {error.strerror}\n")
        raise SystemExit(NOT_FOUND) from None


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
