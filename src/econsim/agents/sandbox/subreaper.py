"""Subreaper: the parent process of an agent without namespaces; every process of the agent ends with it.

The kernel gives orphans to this process instead of the system's first one, so none escapes, also not a process that
left its session. It kills every descendant when the agent ends, or when its standard input ends: then its starter died.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import select
import signal
import sys
from typing import Any, Final

from econsim.agents.sandbox.init import NOT_FOUND
from econsim.agents.sandbox.limits import lower_rlimits
from econsim.agents.sandbox.usage import descendants

POLL_INTERVAL_S: Final = 0.05
"""Pause in seconds between two checks of the children."""

_BE_REAPER: Final = 36


def main(instructions: dict[str, Any]) -> int:
    """Run the agent and return its exit code, or 128 and the signal that ended it."""
    ctypes.CDLL(None).prctl(_BE_REAPER, 1, 0, 0, 0)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    agent = os.fork()
    if agent == 0:
        _become_agent(instructions)
    status: int | None = None
    while status is None and not select.select([0], [], [], POLL_INTERVAL_S)[0]:
        status = _reap_children().get(agent)
    _end_all()
    if status is None:
        return 128 + signal.SIGKILL
    return os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status)


def _become_agent(instructions: dict[str, Any]) -> None:
    try:
        os.setsid()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.chdir(instructions["directory"])
        lower_rlimits({int(number): most for number, most in instructions["limits"].items()})
        os.execvpe(instructions["command"][0], instructions["command"], instructions["environment"])  # noqa: S606 - the purpose of this process
    except OSError as error:
        sys.stderr.write(f"{instructions['command'][0]} cannot be run: {error.strerror}\n")
        sys.stderr.flush()
    os._exit(NOT_FOUND)


def _reap_children() -> dict[int, int]:
    """Return the wait status of every child that ended, by its process id."""
    ended: dict[int, int] = {}
    with contextlib.suppress(ChildProcessError):
        while (child := os.waitpid(-1, os.WNOHANG))[0]:
            ended[child[0]] = child[1]
    return ended


def _end_all() -> None:
    """Kill all descendants until none is left; stop them first, so that none forks meanwhile."""
    while below := descendants(os.getpid()):
        _send(signal.SIGSTOP, below)
        _send(signal.SIGKILL, below)
        _reap_children()


def _send(number: signal.Signals, pids: list[int]) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[1])))
