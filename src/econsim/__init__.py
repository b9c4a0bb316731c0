"""econsim: an event-driven economic simulation over NATS/JetStream."""

TYPE_CHECKING = False  # type checkers know this name; loading `typing` takes ten times as long as this file

if TYPE_CHECKING:
    from econsim.agents.session import join
    from econsim.domain.agent.policy import (
        Ask,
        Bid,
        Cancel,
        Decision,
        MarketObservation,
        Observation,
        OpenOrder,
        Policy,
        Replace,
        TapeEntry,
    )
    from econsim.domain.agent.random_draws import Draws

__version__ = "0.1.0"
__all__ = [
    "Ask",
    "Bid",
    "Cancel",
    "Decision",
    "Draws",
    "MarketObservation",
    "Observation",
    "OpenOrder",
    "Policy",
    "Replace",
    "TapeEntry",
    "join",
]

_OF_POLICIES = frozenset(__all__) - {"Draws", "join"}


def __getattr__(name: str) -> object:
    """Load a public name when a program asks for it, so that `import econsim` alone stays quick."""
    if name == "join":
        from econsim.agents.session import join  # noqa: PLC0415 - see above

        return join
    if name == "Draws":
        from econsim.domain.agent.random_draws import Draws  # noqa: PLC0415 - see above

        return Draws
    if name in _OF_POLICIES:
        from econsim.domain.agent import policy  # noqa: PLC0415 - see above

        return getattr(policy, name)
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)
