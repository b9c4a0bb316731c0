"""SDK of an agent's program: the session in a run, its services, and the values both return.

A name is loaded when a program asks for it, because the sandbox is in this package too and starts without the SDK.
"""

from importlib import import_module

TYPE_CHECKING = False  # known to type checkers; see econsim/__init__.py

if TYPE_CHECKING:
    from econsim.agents.cognition import CognitionService, Thought
    from econsim.agents.economy import EconomicService
    from econsim.agents.outcomes import Outcome, OutcomeKind
    from econsim.agents.playing import play
    from econsim.agents.session import AgentSession, Tick, join
    from econsim.agents.social import SocialService
    from econsim.agents.views import (
        MarketDepth,
        MarketRole,
        MarketTax,
        PriceQuote,
        PrivateValues,
        TaskView,
        Wallet,
    )
    from econsim.agents.workspace import WorkspaceService

__all__ = [
    "AgentSession",
    "CognitionService",
    "EconomicService",
    "MarketDepth",
    "MarketRole",
    "MarketTax",
    "Outcome",
    "OutcomeKind",
    "PriceQuote",
    "PrivateValues",
    "SocialService",
    "TaskView",
    "Thought",
    "Tick",
    "Wallet",
    "WorkspaceService",
    "join",
    "play",
]
_HOMES = {
    "cognition": ("CognitionService", "Thought"),
    "economy": ("EconomicService",),
    "outcomes": ("Outcome", "OutcomeKind"),
    "playing": ("play",),
    "session": ("AgentSession", "Tick", "join"),
    "social": ("SocialService",),
    "views": ("MarketDepth", "PriceQuote", "MarketRole", "MarketTax", "PrivateValues", "TaskView", "Wallet"),
    "workspace": ("WorkspaceService",),
}


def __getattr__(name: str) -> object:
    """Load one of the names from the module it lives in."""
    for module, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"econsim.agents.{module}"), name)
    message = f"module {__name__!r} has no attribute {name!r}"
    raise AttributeError(message)
