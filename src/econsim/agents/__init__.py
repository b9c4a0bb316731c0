"""What an agent's program imports: its seat in a run, its services, what it sees and hears.

The names are loaded when they are asked for, because the sandbox lives here too and starts without them.
"""

from importlib import import_module

TYPE_CHECKING = False  # known to type checkers; see econsim/__init__.py

if TYPE_CHECKING:
    from econsim.agents.economy import EconomicService
    from econsim.agents.outcomes import Outcome, What
    from econsim.agents.session import AgentSession, Tick, join
    from econsim.agents.views import Depth, Quote, Role, Values, Wallet

__all__ = [
    "AgentSession",
    "Depth",
    "EconomicService",
    "Outcome",
    "Quote",
    "Role",
    "Tick",
    "Values",
    "Wallet",
    "What",
    "join",
]
_HOMES = {
    "economy": ("EconomicService",),
    "outcomes": ("Outcome", "What"),
    "session": ("AgentSession", "Tick", "join"),
    "views": ("Depth", "Quote", "Role", "Values", "Wallet"),
}


def __getattr__(name: str) -> object:
    """Load one of the names from the module it lives in."""
    for module, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"econsim.agents.{module}"), name)
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)
