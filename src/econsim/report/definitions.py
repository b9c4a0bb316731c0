"""Definitions of the measures in a report, each with its source."""

from __future__ import annotations

from typing import Final, NamedTuple


class Definition(NamedTuple):
    """Meaning of a measure."""

    name: str
    """Name of the measure, as figures and tables have it."""
    meaning: str
    """Computation of the measure, as a sentence."""
    source: str
    """Publication that introduced it, or the reason that it is econsim's own."""


SMITH: Final = "Smith (1962), Journal of Political Economy 70(2), 111-137"

OF_MARKETS: Final = (
    Definition(
        "equilibrium price P0, quantity Q0",
        "where the stairs of all buyers' values and of all sellers' costs of one period cross: Q0 units trade, and P0 is the "
        "middle of the prices at which demand meets supply",
        SMITH,
    ),
    Definition(
        "surplus",
        "values of the units bought less costs of the units sold; the first unit that an agent trades in a period is its best. "
        "Prices do not enter",
        "induced values: Smith (1976), American Economic Review 66(2), 274-279",
    ),
    Definition(
        "surplus of buyers, of sellers",
        "values less the prices paid, by agents whose role is to buy; prices got less costs, by agents whose role is to sell. "
        "With the gains of agents without a role, who resell, they make up the surplus",
        "Marshall (1920), Principles of Economics, 8th edition, book III chapter VI and appendix K",
    ),
    Definition(
        "efficiency",
        "surplus of a period over the most that any trade at prices of the tick grid could give; of a market, the mean over its "
        "periods; of a run, the surplus of all markets and periods over the most of all. Below 0 where trades lose more than they gain",
        "Plott and Smith (1978), Review of Economic Studies 45(1), 133-153",
    ),
    Definition(
        "efficiency of what is left, P0 held",
        "the same over the most that trades within price limits and without a loss after tax could give; P0 held is the price at which "
        "demand less tax meets supply with tax, moved to the floor or the ceiling if it lies beyond",
        "price limits: Isaac and Plott (1981), American Economic Review 71(3), 448-459; taxes: Marshall (1920), book V chapter XIII",
    ),
    Definition(
        "Smith's alpha",
        "square root of the mean squared deviation of a period's prices from P0, over units, in percent of P0; of a market, the mean "
        "over its periods",
        SMITH,
    ),
    Definition("mean price", "mean over the units of a period; of a market, over its periods", "econsim"),
    Definition(
        "first arrival",
        "share of a period's units that the seller sold whose ask reached the market first",
        "econsim, for the experiment first_proposal",
    ),
)
"""Measures of markets."""

OF_AGENTS: Final = (
    Definition(
        "profit",
        "money owned less money owed at the end, beyond what was dealt at the start: gains from trade less payments for "
        "thoughts, tools and tasks",
        "econsim, read from its ledger",
    ),
    Definition(
        "Gini coefficient",
        "mean difference of the wealth of two agents over twice its mean: 0 is equal, towards 1 is all to one; debts count as 0",
        "Gini (1912), Variabilità e mutabilità",
    ),
    Definition(
        "Lorenz curve",
        "share of all wealth that the poorest share of agents holds",
        "Lorenz (1905), Publications of the American Statistical Association 9(70), 209-219",
    ),
)
"""Measures of agents."""

OF_THINKING: Final = (
    Definition(
        "cost of thinking",
        "credits paid for calls of models in a period, a mean over the group's agents",
        "econsim: agents pay for thoughts from their own balance",
    ),
    Definition(
        "priced out",
        "share of a group's agents whose newest call was refused for lack of credits or units",
        "econsim",
    ),
    Definition(
        "net gain",
        "worth of what an agent traded in a period less what it paid for it, for thoughts, tools and tasks, a mean over the group",
        "econsim",
    ),
)
"""Measures of groups whose agents think."""
