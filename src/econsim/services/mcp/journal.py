"""The durable steps of calls of tools: claims, reservations, outcomes, events and settlements; each is idempotent.

An outcome is stored with revision 0 expected, so of two workers that both called the tool the first one's counts, and the
other one finds it. Its event and its settlement have ids derived from the receipt.
"""

from __future__ import annotations

import logging
from typing import Final

from pydantic import ValidationError

from econsim.adapters.clock import random_id
from econsim.adapters.nats.connection import reliable_publish
from econsim.domain.agent.active_run import ActiveRun
from econsim.domain.mcp.outcome import ACTOR, outcome_event
from econsim.domain.mcp.payment import settlement
from econsim.domain.mcp.request import AskedCall, call_key
from econsim.errors import Conflict, CorruptLog, Unavailable
from econsim.ports import KeyTable
from econsim.schemas.ledger import Chain, Refusal
from econsim.schemas.mcp import ToolOutcome
from econsim.services.context import ServiceContext
from econsim.services.payments import Payments

CLAIM: Final = "claim"
"""Last token of the key of a claim."""

_log = logging.getLogger(__name__)


class ToolJournal:
    """The durable steps of calls, in one worker."""

    def __init__(self, context: ServiceContext, outcomes: KeyTable) -> None:
        """Write with a service's connection."""
        self._context = context
        self._outcomes = outcomes
        self._payments: dict[str, Payments] = {}

    async def find(self, run: str, agent: str, msg_id: str) -> ToolOutcome | None:
        """Return the stored outcome of a call; none for a call without. Raises Unavailable, and CorruptLog for one that is unreadable."""
        found = await self._outcomes.get(_key(run, agent, msg_id))
        return _outcome(found.value) if found else None

    async def claim(self, call: AskedCall) -> bool:
        """Claim a call whose tool may be called once only; false if it is claimed already, maybe by an earlier life."""
        key = f"{_key(call.run, call.agent, call.command.msg_id)}.{CLAIM}"
        value = f"{self._context.holder}.{random_id()}".encode()
        try:
            await self._outcomes.put(key, value, 0)
        except Conflict:
            return False
        return True

    async def reserve(self, run: ActiveRun, chain: Chain, tick: int) -> Refusal | None:
        """Reserve the price of a call; return the ledger's refusal. Raises Unavailable for one too late for its period."""
        return await self._payments_of(run).reserve(chain, tick)

    async def record(self, run: str, outcome: ToolOutcome) -> ToolOutcome:
        """Store the outcome of a call; return the one that counts, which another worker may have stored."""
        key = _key(run, outcome.agent, outcome.msg_id)
        try:
            await self._outcomes.put(key, outcome.model_dump_json().encode(), 0)
        except Conflict:
            found = await self._outcomes.get_newest(key)
            if found is None:
                message = f"the outcome of {outcome.id} cannot be read back; ask again"
                raise Unavailable(message) from None
            return _outcome(found.value)
        return outcome

    async def publish(self, run: ActiveRun, outcome: ToolOutcome) -> None:
        """Publish the event of a stored outcome."""
        event = outcome_event(run.name, run.data.salt, outcome)
        await reliable_publish(self._context.jetstream, event.subject, event.json(), event.event.event_id)

    async def settle(self, run: ActiveRun, outcome: ToolOutcome) -> None:
        """Post what a call cost and release the rest of its reservation, if it has one."""
        if not outcome.reserved:
            return
        payments = self._payments_of(run)
        is_awaited = reply_waits(run, outcome)
        refusal = await payments.settle(settlement(outcome), outcome.tick, is_awaited=is_awaited)
        if refusal not in (None, Refusal.PENDING_TRANSFER_NOT_FOUND):
            _log.error("the settlement of %s was refused: %s", outcome.id, refusal)

    def _payments_of(self, run: ActiveRun) -> Payments:
        """Return the payments of a run; those of closed runs are forgotten with each new run."""
        if run.name not in self._payments:
            open_ = self._context.runs
            self._payments = {name: each for name, each in self._payments.items() if name in open_}
            self._payments[run.name] = Payments(self._context.client, run.name, ACTOR)
        return self._payments[run.name]


def reply_waits(run: ActiveRun, outcome: ToolOutcome) -> bool:
    """Return whether the reply waits for the settlement.

    It does in lock-step, where what an agent can spend in a tick must not depend on timing, and for an outcome that gives
    credits back, which the agent may need for its next call.
    """
    return run.is_lock_step or outcome.price < outcome.reserved


def _key(run: str, agent: str, msg_id: str) -> str:
    return f"{run}.{agent}.{call_key(agent, msg_id)}"


def _outcome(payload: bytes) -> ToolOutcome:
    try:
        return ToolOutcome.model_validate_json(payload)
    except ValidationError as error:
        message = f"a stored outcome of a call of a tool cannot be read: {error.errors()[0]['msg']}"
        raise CorruptLog(message) from None
