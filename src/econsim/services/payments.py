"""Payments of one run by one service at the ledger: reservations and settlements in common submissions.

A submission costs its service and the ledger a request, a journal entry and a flushed commit, as much as all the rest of a cheap
call. So payments that come while one is under way form the next one, and a settlement for which nobody waits stays up to
PATIENCE_S for a reservation to go with: who calls again at once then pays one submission a call instead of two.

Settlements stand first in a submission: they release credits that the reservations may need.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Final, NamedTuple

from nats.aio.client import Client

from econsim.adapters.clock import random_id
from econsim.adapters.nats.rpc import submit
from econsim.errors import Unavailable
from econsim.schemas.ledger import PERIOD_IS_CLOSING, Chain, Refusal, Submit
from econsim.services.batcher import Batcher

CHAINS_MAX: Final = 500
"""Chains in one submission."""

PATIENCE_S: Final = 0.01
"""Longest time that a settlement waits for a reservation: an agent that got its answer calls again within a few milliseconds."""


class _Due(NamedTuple):
    """A chain with the tick and the cause of its call."""

    chain: Chain
    tick: int
    causation_id: str | None
    begins: bool
    """True for a reservation: while a period is settled, the ledger refuses a submission that has one."""


class Payments:
    """Payments of one run by one service."""

    def __init__(self, client: Client, run: str, service: str) -> None:
        """Submit by a service's connection, under its name."""
        self._client = client
        self._run = run
        self._service = service
        self._batches: Batcher[_Due, Refusal | Unavailable | None] = Batcher(
            self._submit, CHAINS_MAX, PATIENCE_S
        )

    async def reserve(self, chain: Chain, tick: int, causation_id: str | None = None) -> Refusal | None:
        """Reserve what a call may cost; return the ledger's refusal. Idempotent by the chain's id.

        Raises Unavailable for a payment that comes too late for its period.
        """
        (found,) = await self.reserve_together((chain,), tick, causation_id)
        if isinstance(found, Unavailable):
            raise found
        return found

    async def reserve_together(
        self, chains: Sequence[Chain], tick: int, causation_id: str | None = None
    ) -> Sequence[Refusal | Unavailable | None]:
        """Reserve what up to CHAINS_MAX calls may cost; return of each what `reserve` returns or raises."""
        due = [_Due(chain, tick, causation_id, begins=True) for chain in chains]
        return await self._batches.do_together(due)

    async def settle(self, chain: Chain, tick: int, *, is_awaited: bool = True) -> Refusal | None:
        """Post what a call cost and release the rest; return the ledger's refusal. Idempotent by the chain's id.

        One that nobody awaits may wait for a reservation.
        """
        (found,) = await self.settle_together((chain,), tick, is_awaited=is_awaited)
        return found

    async def settle_together(
        self, chains: Sequence[Chain], tick: int, *, is_awaited: bool = True
    ) -> Sequence[Refusal | None]:
        """Settle up to CHAINS_MAX calls; return of each what `settle` returns."""
        due = [_Due(chain, tick, None, begins=False) for chain in chains]
        found = await self._batches.do_together(due, is_patient=not is_awaited)
        return [_refusal_of(each) for each in found]

    async def _submit(self, payments: Sequence[_Due]) -> Sequence[Refusal | Unavailable | None]:
        groups: defaultdict[tuple[int, str | None], list[_Due]] = defaultdict(list)
        # A settlement has no cause of its own, since its chain names the call: it goes with a reservation of its tick.
        causes = {payment.tick: payment.causation_id for payment in payments if payment.begins}
        for payment in sorted(payments, key=lambda each: each.begins):
            cause = payment.causation_id if payment.begins else causes.get(payment.tick)
            groups[payment.tick, cause].append(payment)
        refused: dict[str, Refusal | Unavailable] = {}
        for (tick, causation_id), together in groups.items():
            refused |= await self._submit_group(tick, causation_id, together)
        return [refused.get(payment.chain.id) for payment in payments]

    async def _submit_group(
        self, tick: int, causation_id: str | None, payments: Sequence[_Due]
    ) -> dict[str, Refusal | Unavailable]:
        """Submit payments of one tick and cause; return why some were refused."""
        command = Submit(
            command_id=random_id(),
            causation_id=causation_id,
            tick=tick,
            chains=tuple(payment.chain for payment in payments),
            defer_positions=True,
        )
        try:
            return dict((await submit(self._client, self._run, self._service, command)).refused)
        except Unavailable as error:
            late = {payment.chain.id: error for payment in payments if payment.begins}
            if error.error_code != PERIOD_IS_CLOSING or not late:
                raise
            on_time = [payment for payment in payments if not payment.begins]
            return late | (await self._submit_group(tick, causation_id, on_time) if on_time else {})


def _refusal_of(found: Refusal | Unavailable | None) -> Refusal | None:
    assert not isinstance(found, Unavailable), "the ledger refuses no settlement because of its time"
    return found
