"""The loss of a server that another command runs: seen by its locks, told from a restart by its length."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from econsim.adapters.poll import Poll
from econsim.adapters.server import state_directory
from econsim.errors import SetupError

SERVER_GONE_S: Final = 5.0
"""Seconds without the server of another command after which it does not come back: a crash is over in one or two."""

POLL_INTERVAL_S: Final = 0.5
"""Pause between two looks whether the server of another command still runs."""


async def wait_until_lost(state: Path, url: str) -> SetupError:
    """Wait until a state directory has had no server at this URL for SERVER_GONE_S; return the error to end with."""
    looks = 0
    async for _ in Poll(POLL_INTERVAL_S):
        looks = 0 if state_directory.running_url(state) == url else looks + 1
        if looks * POLL_INTERVAL_S > SERVER_GONE_S:
            break
    return SetupError(
        f"the command that ran the server in {state} has ended, and its server with it; "
        "start again: `econsim up`, and `econsim resume RUN` goes on with a run"
    )
