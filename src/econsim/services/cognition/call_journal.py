"""The durable steps of calls: reservations and settlements at the ledger, outcomes in the log; all in batches.

Outcomes of a run are on one subject, and each publish names the sequence that the newest of them must have (fencing):
a leader that lost its lease cannot add an outcome behind its successor's, so a call never gets two.
"""

from __future__ import annotations

import asyncio
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from econsim.adapters.nats.connection import reliable_publish
from econsim.domain.agent.active_run import ActiveRun
from econsim.domain.audit.envelope import Envelope
from econsim.domain.cognition.calls import Calls
from econsim.domain.cognition.events import ACTOR, invoked_event
from econsim.domain.cognition.plan import CallPlan
from econsim.domain.cognition.texts import logged_outcomes, text_length, with_text
from econsim.errors import Conflict, Unavailable
from econsim.schemas.cognition import CALLS_PER_BATCH_MAX, CallOutcome
from econsim.schemas.ledger import Chain, Refusal
from econsim.services.batcher import Batcher, parts_by_length
from econsim.services.context import ServiceContext
from econsim.services.payments import Payments

EVENT_TEXT_MAX: Final = 1_000_000
"""Characters of prompts and answers in one event, and in the texts stored for it: escaped as JSON, they stay below the 8 MiB of
a message."""

_CHAIN: Final = re.compile(rb'"id":"([^"]+)","cause":"([^"]+)","transfers":')
"""Id and cause of a chain in an entry of the ledger's journal."""


@dataclass(frozen=True, slots=True)
class _Timed:
    """An outcome with the tick and the cause of its call."""

    outcome: CallOutcome
    tick: int
    causation_id: str | None


class CallJournal:
    """The durable steps of the calls of one run."""

    def __init__(self, context: ServiceContext, run: ActiveRun, calls: Calls) -> None:
        """Note outcomes and settlements in `calls` as they become durable."""
        self.newest = 0
        """Sequence of the run's newest event of outcomes in the log, 0 for none."""
        self.lost = asyncio.Event()
        """Event that is set once another worker leads the run's calls."""
        self._own: set[int] = set()
        # Receipts of calls reserved here, until the log tells that they are settled.
        self._paying: set[bytes] = set()
        self._context = context
        self._run = run
        self._calls = calls
        self._payments = Payments(context.client, run.name, ACTOR)
        self._outcomes = Batcher(self._publish, CALLS_PER_BATCH_MAX)

    async def reserve(self, plans: Sequence[CallPlan]) -> list[Refusal | Unavailable | None]:
        """Reserve the worst cases of calls of one tick; return of each the ledger's refusal, or Unavailable for one too late.

        Idempotent by the ids of their chains.
        """
        first, chains = plans[0].call, [plan.chain for plan in plans]
        refused = await self._payments.reserve_together(chains, first.tick, first.causation_id)
        now = self._context.clock.now()
        for plan, refusal in zip(plans, refused, strict=True):
            if refusal is None:
                self._calls.reserve(plan.call.position, now, plan.call.tick)
                self._paying.add(plan.chain.id.encode())
        return [*refused]

    async def record(
        self, outcomes: Sequence[CallOutcome], tick: int, causation_id: str | None = None
    ) -> Sequence[CallOutcome]:
        """Publish the outcomes of calls of one tick; return those that count, which a worker before may have published.

        Raises Unavailable, and sets `lost`, if another worker published outcomes of the run.
        """
        return await self._outcomes.do_together([_Timed(each, tick, causation_id) for each in outcomes])

    async def read_text(self, outcome: CallOutcome) -> CallOutcome:
        """Return an outcome with its text: one of another worker has the digest alone if the text is long.

        Raises CorruptLog, which names the call, if the text is lost.
        """
        if not outcome.text_digest:
            return outcome
        return with_text(outcome, await self._context.texts.get(outcome.text_digest))

    async def settle(self, chains: Sequence[Chain], tick: int, *, is_awaited: bool = True) -> None:
        """Post the costs of calls and release the rest. Idempotent by the ids of the chains."""
        await self._payments.settle_together(chains, tick, is_awaited=is_awaited)
        for chain in chains:
            self._calls.settle(chain.cause)

    async def _publish(self, ended: Sequence[_Timed]) -> Sequence[CallOutcome]:
        """Publish the outcomes that the log has not; each counts as soon as it is there, whatever the next publish does."""
        now = self._context.clock.now()
        new: dict[str, _Timed] = {}
        for each in ended:
            if not self._calls.has_ended(each.outcome.id):
                new.setdefault(each.outcome.id, each)
        for (tick, causation_id), outcomes in _groups(new.values()):
            envelope = Envelope(self._run.name, self._run.data.salt, tick, now, causation_id)
            for part in parts_by_length(outcomes, text_length, EVENT_TEXT_MAX):
                await self._publish_event(envelope, part)
                for outcome in part:
                    self._calls.add(outcome)
        return [self._calls.add(each.outcome) for each in ended]

    async def _publish_event(self, envelope: Envelope, outcomes: tuple[CallOutcome, ...]) -> None:
        logged, texts = logged_outcomes(outcomes, has_text=self._run.cognition.record_text)
        # Before the event: no event ever names a text that is not there.
        await asyncio.gather(*(self._context.texts.put(digest, text) for digest, text in texts.items()))
        event = invoked_event(envelope, logged)
        try:
            stored = await reliable_publish(
                self._context.jetstream,
                event.subject,
                event.json(),
                event.event.event_id,
                expected_sequence=self.newest,
            )
        except Conflict as error:
            self.lost.set()
            message = "another worker took over the calls of the run; ask again"
            raise Unavailable(message) from error
        self.newest = stored.seq
        self._own.add(stored.seq)

    def folds_payments(self, entry: bytes) -> bool:
        """Note that an entry of the ledger's journal is read back; return whether it is news: not all of calls that this worker reserved.

        It knows how those are paid, and a thousand agents that think in a tick have two thousand payments.
        """
        chains = _CHAIN.findall(entry)
        is_own = bool(chains) and all(cause in self._paying for _, cause in chains)
        self._paying.difference_update(cause for id_, cause in chains if id_ != cause)
        return not is_own

    def folds(self, sequence: int) -> bool:
        """Note that an event of outcomes is read back; return whether it is news: not of this worker, which knows what it wrote."""
        self.newest = max(self.newest, sequence)
        is_own = sequence in self._own
        self._own = {own for own in self._own if own > sequence}
        return not is_own


def _groups(ended: Iterable[_Timed]) -> Iterator[tuple[tuple[int, str | None], list[CallOutcome]]]:
    """Yield the outcomes of each tick and cause together."""
    groups: defaultdict[tuple[int, str | None], list[CallOutcome]] = defaultdict(list)
    for each in ended:
        groups[each.tick, each.causation_id].append(each.outcome)
    yield from groups.items()
