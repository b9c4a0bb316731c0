"""What runs on an agent's side of the bus: its seat in a run, its services, what it sees and hears."""

from econsim.agents.outcomes import Outcome, What
from econsim.agents.services import EconomicService
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
