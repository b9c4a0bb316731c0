"""The sums of a scenario over its groups and periods, and the most that a run can hold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

from econsim.schemas.money import format_credits
from econsim.schemas.orders import Side
from econsim.schemas.scenario_parts import Market, Role, wrong
from econsim.schemas.types import AMOUNT_MAX

AGENTS_MAX: Final = 20_000
"""Number of agents in a run: one ledger writer keeps them in memory with room to spare."""

UNITS_MAX: Final = 1_000_000
"""Units that all agents of a run together may have a value or cost for: each is held in memory by every service."""


class Counted(Protocol):
    """A group, as far as it is counted."""

    @property
    def count(self) -> int:
        """Number of agents."""

    @property
    def credits(self) -> int:
        """Credits dealt to each agent, micro-credits."""

    @property
    def roles(self) -> tuple[Role, ...]:
        """Roles of each agent."""


Stretch = tuple[int, Sequence[Market], Sequence[Counted]]
"""Number of periods in which the same holds, and the markets and groups as they are then."""


def check_sums(groups: Sequence[Counted], stretches: Sequence[Stretch]) -> None:
    """Refuse more agents, units or credits than a run can hold, over all its groups and periods.

    The ledger counts up to AMOUNT_MAX, for one account and for all that ever left the treasury. No more credits can leave it
    than all that is dealt and every buyer's values in every period, and no more debt than every seller's costs; taxes come
    beside both.
    """
    agents = dealt = 0
    units = [0] * len(stretches)
    worth = dict.fromkeys(Side, 0)
    for place, group in enumerate(groups):
        agents += group.count
        dealt += group.count * group.credits
        for number, (periods, markets, held) in enumerate(stretches):
            taxes = {market.resource: abs(market.tax) for market in markets}
            for role in held[place].roles:
                more = role.units_of(group.count)
                units[number] += more
                most = role.worth_at_most(group.count) + more * taxes[role.resource]
                worth[role.side] += periods * most
        if agents > AGENTS_MAX:
            what = f"up to this group there are {agents} agents"
            raise wrong(what, f"a run has at most {AGENTS_MAX} agents in all", "agents", place, "count")
        if max(units) > UNITS_MAX:
            what = f"up to this group the agents have {max(units)} units"
            raise wrong(what, f"a run has at most {UNITS_MAX} units in all", "agents", place, "roles")
        owned, owed = dealt + worth[Side.BID], worth[Side.ASK]
        if max(owned, owed) > AMOUNT_MAX:
            what = (
                f"up to this group the agents could come to own {format_credits(owned)} credits and to owe "
                f"{format_credits(owed)}: {format_credits(dealt)} dealt, values of {format_credits(worth[Side.BID])} "
                f"and costs of {format_credits(worth[Side.ASK])} in {sum(periods for periods, *_ in stretches)} periods"
            )
            remedy = f"the ledger counts at most {format_credits(AMOUNT_MAX)} in all; deal less, or run fewer periods"
            raise wrong(what, remedy, "agents", place, "credits")
