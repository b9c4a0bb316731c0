"""Registration of the environment for one agent with Gymnasium."""

from __future__ import annotations

from typing import Final

from econsim.errors import SetupError

MARKET: Final = "econsim/Market-v0"
"""Id of the environment for one agent."""


def register() -> None:
    """Register the environment, once; raises SetupError without Gymnasium."""
    try:
        import gymnasium  # noqa: PLC0415 - it comes with an extra
    except ModuleNotFoundError as error:
        message = "learning agents need gymnasium and pettingzoo; install econsim[gym]"
        raise SetupError(message) from error
    if MARKET not in gymnasium.registry:
        gymnasium.register(MARKET, entry_point="econsim.envs.one_agent:MarketEnv")
