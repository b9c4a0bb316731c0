"""An agent host: reads the run's log, runs its desk of agents, sends their actions.

The log is also its memory: a host that starts again folds it from the beginning and answers only
the ticks nobody answered in its name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import aclosing
from typing import Final

from econsim import subjects
from econsim.adapters.jetstream.audit_log import follow, last
from econsim.adapters.nats.connection import Outgoing, publish_many, reliable_publish
from econsim.domain.agent.active_run import ActiveRun
from econsim.domain.agent.host_agents import Desk
from econsim.domain.agent.population import host_name
from econsim.domain.audit.decoding import decode_if_valid
from econsim.domain.audit.envelope import AddressedEvent, Envelope, derived_id
from econsim.domain.market.batch_checks import RunLogChecks
from econsim.schemas.agent import CycleCompleted
from econsim.schemas.clock import RunClosed, Ticked
from econsim.schemas.orders import Action, PlaceOrders
from econsim.schemas.scenario import Mode
from econsim.services.context import ServiceContext

ACTIONS_MAX: Final = 5_000
"""Actions in one message: 120 bytes each stay well below the largest message."""

HEARD: Final = (
    subjects.BID_ACCEPTED,
    subjects.ASK_ACCEPTED,
    subjects.TRADE_EXECUTED,
    subjects.ORDER_CANCELLED,
    subjects.TICK_CLEARED,
)
"""Market events a desk folds."""

PACED: Final = (subjects.PERIOD_OPENED, subjects.TICKED, subjects.RUN_CLOSED)
"""Events of the clock it goes by."""


async def serve(context: ServiceContext, run: ActiveRun, index: int) -> None:
    """Run the agents of the host with this index until the run closes."""
    host, desk = host_name(index), Desk(run.data.scenario, index)
    answered = await _answered(context, run.name, host)
    scenario = run.data.scenario
    resources, lock_step = [each.resource for each in scenario.markets], scenario.clock.mode is Mode.LOCK_STEP
    whole = RunLogChecks(run.name, resources, lock_step=lock_step, in_part=True)
    async with aclosing(follow(context.client, run.name, _patterns(run))) as stored_events:
        async for stored in stored_events:
            addressed = decode_if_valid(stored.subject, stored.payload)
            if addressed is None:
                continue
            whole.see(stored.sequence, addressed)
            desk.evolve(addressed)
            if isinstance(addressed.event.data, RunClosed):
                return
            if isinstance(addressed.event.data, Ticked) and addressed.event.tick > answered:
                await _answer(context, _stamp(context, run, addressed), host, desk)


def _patterns(run: ActiveRun) -> list[str]:
    markets = [
        subject.pattern(run=run.name, resource=market.resource)
        for market in run.data.scenario.markets
        for subject in HEARD
    ]
    return [*markets, *(subject.pattern(run=run.name) for subject in PACED)]


async def _answered(context: ServiceContext, run: str, host: str) -> int:
    """Return the last tick that was answered in this host's name."""
    stored = await last(context.client, subjects.CYCLE_COMPLETED(agent=host, run=run))
    addressed = decode_if_valid(stored.subject, stored.payload) if stored else None
    return addressed.event.tick if addressed else 0


def _stamp(context: ServiceContext, run: ActiveRun, ticked: AddressedEvent) -> Envelope:
    event = ticked.event
    return Envelope(run.name, run.data.salt, event.tick, context.clock.now(), event.event_id)


async def _answer(context: ServiceContext, envelope: Envelope, host: str, desk: Desk) -> None:
    """Send all actions of a tick, then say that they are sent."""
    actions = desk.act(envelope.tick)
    await publish_many(context.jetstream, _commands(envelope, host, actions))
    report = CycleCompleted(
        tick=envelope.tick,
        agents=desk.agents,
        actions={resource: len(wished) for resource, wished in actions.items()},
        limits=desk.limits(),
    )
    done = envelope.event(subjects.CYCLE_COMPLETED, host, report, agent=host)
    await reliable_publish(context.jetstream, done.subject, done.json(), done.event.event_id)


def _commands(envelope: Envelope, host: str, actions: Mapping[str, Sequence[Action]]) -> list[Outgoing]:
    return [
        _command(envelope, host, resource, wished[start : start + ACTIONS_MAX], start)
        for resource, wished in actions.items()
        for start in range(0, len(wished), ACTIONS_MAX)
    ]


def _command(envelope: Envelope, host: str, resource: str, actions: Sequence[Action], start: int) -> Outgoing:
    subject = subjects.PLACE_ORDERS(resource=resource, run=envelope.run, agent=host)
    command = PlaceOrders.model_construct(
        command_id=derived_id(envelope.salt, envelope.tick, subject, start),
        causation_id=envelope.causation_id,
        tick=envelope.tick,
        actions=tuple(actions),
    )
    return Outgoing(subject, command.model_dump_json().encode(), command.command_id)
