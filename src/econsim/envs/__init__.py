"""Markets as environments of learning agents: Gymnasium's for one agent, PettingZoo's for many. Needs the extra `econsim[gym]`.

Importing this package registers `econsim/Market-v0` with Gymnasium.
"""

from typing import TYPE_CHECKING

from econsim.envs.registration import MARKET, register

if TYPE_CHECKING:
    from econsim.envs.many_agents import ParallelMarketEnv
    from econsim.envs.one_agent import MarketEnv

__all__ = ["MARKET", "MarketEnv", "ParallelMarketEnv"]

register()


def __getattr__(name: str) -> object:
    """Load an environment when a program asks for it: each needs a library of its own."""
    if name == "MarketEnv":
        from econsim.envs.one_agent import MarketEnv  # noqa: PLC0415 - see above

        return MarketEnv
    if name == "ParallelMarketEnv":
        from econsim.envs.many_agents import ParallelMarketEnv  # noqa: PLC0415 - see above

        return ParallelMarketEnv
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)
