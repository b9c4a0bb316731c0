"""A thousand calls at once on budgets of a few, and the check in the ledger of what became of them.

Rule. A call reserves its worst case, which is more than it costs. At once an agent affords as many calls as its budget
has worst cases; one after the other, each after the release of the one before, it affords CALLS. Refused calls are made
again until all are refused. Then every agent must have paid for CALLS calls exactly: one more is an overshoot, one less
a false refusal. A refusal is false, too, if the worst case was available when the ledger wrote it.
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Iterable
from typing import NamedTuple

from econsim.domain.cognition.payment import SETTLED
from econsim.domain.ledger.verify import JournalEntry
from econsim.errors import Refused
from econsim.schemas.ledger import CREDITS, Kind, Refusal, Transfer, TransferPosted

AGENTS, CALLS_EACH = 20, 50
"""Agents with a budget, and calls that each makes at once: a thousand together."""
CALLS = 5
"""Calls that a budget is for."""

Ask = Callable[[str, int, int], Awaitable[object]]
"""Makes the call of an agent at a cycle and an ordinal; raises Refused."""


class Costs(NamedTuple):
    """Prices of one call, micro-credits."""

    worst: int
    """Price that is reserved."""
    actual: int
    """Price that is paid."""


class Audit(NamedTuple):
    """What the ledger says about agents with a budget."""

    refused_at_once: int
    """Calls that were refused in the first round, when all were made at once."""
    overshoot: int
    """Paid calls above the budgets' number, and budgets that were overdrawn at any entry."""
    false_refusals: int
    """Calls below the budgets' number, and refusals although the worst case was available."""
    open_reservations: int
    """Reservations that were not resolved."""


def budget(costs: Costs) -> int:
    """Return the micro-credits that CALLS calls need one after the other."""
    return (CALLS - 1) * costs.actual + costs.worst


async def spend(agents: Iterable[str], ask: Ask) -> int:
    """Make all calls of all agents at once, then again what was refused, until all are refused.

    Return the number of refusals of the first round.
    """
    names, refused_first, cycle = list(agents), 0, 0
    while True:
        cycle += 1
        asked = [ask(name, cycle, ordinal) for name in names for ordinal in range(1, CALLS_EACH + 1)]
        answers = await asyncio.gather(*asked, return_exceptions=True)
        refused = sum(map(_is_refusal, answers))
        refused_first = refused_first or refused
        if refused == len(answers):
            return refused_first


def _is_refusal(answer: object) -> bool:
    if isinstance(answer, Refused) and answer.error_code == Refusal.DEBIT_ACCOUNT_WOULD_GO_NEGATIVE.value:
        return True
    if isinstance(answer, BaseException):
        raise answer
    return False


def audit(entries: Iterable[JournalEntry], agents: Iterable[str], worst: int, refused: int) -> Audit:
    """Fold the journal and judge every entry about these agents."""
    names = set(agents)
    posted: Counter[str] = Counter()
    pending: defaultdict[str, dict[str, int]] = defaultdict(dict)
    paid: Counter[str] = Counter()
    overdrawn = doubted = 0
    for entry in (each.data for each in entries):
        if isinstance(entry, TransferPosted):
            for transfer in (each for chain in entry.chains for each in chain.transfers):
                if transfer.asset == CREDITS:
                    _fold(transfer, posted, pending, paid)
        else:
            holders = [chain.holder for chain in entry.chains if chain.holder in names]
            doubted += sum(posted[who] - sum(pending[who].values()) >= worst for who in holders)
        overdrawn += sum(posted[who] < sum(pending[who].values()) for who in names)
    return Audit(
        refused,
        overdrawn + sum(max(0, paid[who] - CALLS) for who in names),
        doubted + sum(max(0, CALLS - paid[who]) for who in names),
        sum(len(pending[who]) for who in names),
    )


def _fold(
    transfer: Transfer,
    posted: Counter[str],
    pending: defaultdict[str, dict[str, int]],
    paid: Counter[str],
) -> None:
    if transfer.kind is Kind.PENDING:
        pending[transfer.debit][transfer.id] = transfer.amount
        return
    if transfer.kind is not Kind.TRANSFER:
        del pending[transfer.debit][transfer.pending_id or ""]
        paid[transfer.debit] += transfer.kind is Kind.POST and transfer.id.endswith(SETTLED)
    posted[transfer.debit] -= transfer.amount
    posted[transfer.credit] += transfer.amount
