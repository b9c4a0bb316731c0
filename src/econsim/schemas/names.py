"""Reserved names: words of the system that no run, resource or agent may have as its name.

Subjects, bucket keys, ledger ids and commands have names and words of the system in the same places. A name equal to
such a word would be mistaken for it, so each list has the words that stand in the place of one kind of name.
"""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import AfterValidator, Field

from econsim.schemas.ledger import FISCAL_STEM, MONEY
from econsim.schemas.subject import OWNERS
from econsim.schemas.types import Name

NO_RUN: Final = "none"
"""Name of the run in events about no run."""

LAST: Final = "last"
"""Word for the newest run in commands."""

IN_MEMORY: Final = "memory"
"""Name of a run in memory that was given no other."""

EVERY_AGENT: Final = "default"
"""Word in the place of the agent in the key of quotas for every agent of a run."""

JOURNAL_KEYS: Final = ("transfer", "refusal")
"""Kinds of journal entry: words in the place of the holder in keys of the ledger's bucket."""

CHAIN_WORDS: Final = ("endow", "deal", "redeem", "llm", "mcp", "task")
"""First words of the ids of the system's own chains, in the place of the agent in an order's chain: the clock's, and
those of calls of models and tools, and of tasks."""

RUNS_RESERVED: Final = frozenset({LAST, NO_RUN})
"""Names no run may have."""


WORDS_OF_MARKETS: Final = frozenset(
    {"account", "ledger", "prices", "price_update", "execute_trade"}
    | {"bid_accepted", "ask_accepted", "order_cancelled", "order_rejected", "trade_executed"}
)
"""Words in the place of the resource in subjects of markets and in their short names."""

WORDS_OF_AGENTS: Final = frozenset({"all", "task"})
"""Words in the place of the agent in subjects of agents and in broadcasts of markets."""

RESOURCES_RESERVED: Final = WORDS_OF_MARKETS.union(MONEY)
"""Names no resource may have: the assets of money and debt, and the words in a resource's place."""

AGENTS_RESERVED: Final = WORDS_OF_AGENTS.union(
    {
        "treasury",
        "nobody",
        "operator",
        "setup",
        "observer",
        "auditor",
        "benchmark",
        "validator",
        EVERY_AGENT,
        *OWNERS,
    },
    JOURNAL_KEYS,
    CHAIN_WORDS,
)
"""Names no agent may have: holders, actors and roles that are no agents, and the words in an agent's place in keys,
ids and subjects."""

AGENT_STEMS_RESERVED: Final = ("clearing_", FISCAL_STEM, "host_")
"""Prefixes of the names of markets' clearing holders, of accounts of taxes, and of agent hosts."""


def _run_name(name: str) -> str:
    if name in RUNS_RESERVED:
        message = f"a run cannot be called {name!r}, which stands for something else; choose another name"
        raise ValueError(message)
    return name


RunName = Annotated[
    Name,
    AfterValidator(_run_name),
    Field(json_schema_extra={"not": {"enum": [*sorted(RUNS_RESERVED)]}}),
]
"""Name of a new run."""


def is_agent_name_reserved(name: str) -> bool:
    """Return whether a name is reserved, so that no agent may have it."""
    return name in AGENTS_RESERVED or name.startswith(AGENT_STEMS_RESERVED)
