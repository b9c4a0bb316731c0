"""The services by domain word: each module makes the router of its handlers and the posts of a run.

Handlers parse, load, decide and publish; no module here imports another.
"""

from econsim.routers import admin, admission, agent, clock, ledger, market

__all__ = ["admin", "admission", "agent", "clock", "ledger", "market"]
