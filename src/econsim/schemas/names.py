"""Names that are words of the system: no run, resource or agent may have one.

Subjects, bucket keys, ledger ids and commands put names beside words of the system's own. A name that is such a
word would be taken for it, so each list is of the words that stand where such a name may stand.
"""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import AfterValidator, Field

from econsim import subjects
from econsim.grammar import OWNERS, Kind, Subject
from econsim.schemas.admin import NO_RUN
from econsim.schemas.ledger import MONEY
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


def _fixed(row: Subject, domain: str, place: int) -> set[str]:
    """Return the words of the system's own that stand at one place of a subject and of its short name."""
    names = [name.split(".") for name in (row.template, row.short)]
    found = {parts[place] for parts in names if parts[0] == domain and len(parts) > place}
    return {word for word in found if "{" not in word}


RESOURCES_RESERVED: Final = frozenset(MONEY).union(*(_fixed(row, "market", 1) for row in subjects.TABLE))
"""Names no resource may have: money, what is owed of it, and words where a market's subjects have their resource."""

AGENTS_RESERVED: Final = frozenset(
    {"treasury", "nobody", "operator", "setup", "observer", "auditor", EVERY_AGENT, *OWNERS}.union(
        JOURNAL_KEYS,
        CHAINS_OF_THE_CLOCK,
        *(_fixed(row, "agent", 1) for row in subjects.TABLE),
        *(_fixed(row, "market", 4) for row in subjects.TABLE if row.kind is Kind.BROADCAST),
    )
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
