"""Names that are words of the system: no run, resource or agent may have one.

Subjects, bucket keys, ledger ids and commands put names beside words of the system's own. A name that is such a
word would be taken for it, so each list is of the words that stand where such a name may stand.
"""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import AfterValidator, Field

from econsim.schemas.admin import NO_RUN
from econsim.schemas.ledger import MONEY
from econsim.schemas.subject import OWNERS
from econsim.schemas.types import Name

LAST: Final = "last"
"""What stands for the newest run in commands."""

EVERY_AGENT: Final = "default"
"""Stands for the agent in the key of the quotas of every agent of a run."""

JOURNAL_KEYS: Final = ("transfer", "refusal")
"""Kinds of journal entry: they stand in keys of the ledger's bucket where other keys have a holder."""

CHAINS_OF_THE_CLOCK: Final = ("endow", "deal", "redeem")
"""First words of the ids of the clock's chains, where an order's chain has its agent."""

RUNS_RESERVED: Final = frozenset({LAST, NO_RUN})
"""Names no run may have."""


WORDS_OF_MARKETS: Final = frozenset(
    {"account", "ledger", "prices", "price_update", "execute_trade"}
    | {"bid_accepted", "ask_accepted", "order_cancelled", "order_rejected", "trade_executed"}
)
"""Words that stand where subjects of markets, or their short names, have the resource elsewhere."""

WORDS_OF_AGENTS: Final = frozenset({"all", "task"})
"""Words that stand where subjects of agents, or broadcasts of markets, have the agent elsewhere."""

RESOURCES_RESERVED: Final = WORDS_OF_MARKETS.union(MONEY)
"""Names no resource may have: money, what is owed of it, and words where a market's subjects have their resource."""

AGENTS_RESERVED: Final = WORDS_OF_AGENTS.union(
    {"treasury", "nobody", "operator", "setup", "observer", "auditor", EVERY_AGENT, *OWNERS},
    JOURNAL_KEYS,
    CHAINS_OF_THE_CLOCK,
)
"""Names no agent may have: holders, actors and roles that are no agents, and words in their place in keys, ids and
subjects."""

AGENT_STEMS_RESERVED: Final = ("clearing_", "host_")
"""Beginnings of the names of markets' clearing holders and of agent hosts."""


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
    """Tell whether a name stands for something else than an agent."""
    return name in AGENTS_RESERVED or name.startswith(AGENT_STEMS_RESERVED)
