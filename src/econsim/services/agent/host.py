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
from econsim.domain.agent.host_agents import Desk
from econsim.domain.agent.population import host_name
from econsim.domain.audit.decoding import decoded
from econsim.domain.audit.envelope import Sealed, Stamp, derive
from econsim.domain.market.batch_checks import Folding
from econsim.schemas.agent import CycleCompleted
from econsim.schemas.clock import RunClosed, Ticked
from econsim.schemas.orders import Action, PlaceOrders
from econsim.schemas.scenario import Mode
from econsim.services.context import Link
from econsim.services.leadership import OpenRun

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


async def serve(link: Link, run: OpenRun, index: int) -> None:
    """Run the agents of the host with this index until the run closes."""
    host, desk = host_name(index), Desk(run.data.scenario, index)
    answered = await _answered(link, run.name, host)
    scenario = run.data.scenario
    resources, lock_step = [each.resource for each in scenario.markets], scenario.clock.mode is Mode.LOCK_STEP
    whole = Folding(run.name, resources, lock_step=lock_step, in_part=True)
    async with aclosing(follow(link.client, run.name, _patterns(run))) as stored_events:
        async for stored in stored_events:
            sealed = decoded(stored.subject, stored.payload)
            if sealed is None:
                continue
            whole.see(stored.sequence, sealed)
            desk.evolve(sealed)
            if isinstance(sealed.event.data, RunClosed):
                return
            if isinstance(sealed.event.data, Ticked) and sealed.event.tick > answered:
                await _answer(link, _stamp(link, run, sealed), host, desk)


def _patterns(run: OpenRun) -> list[str]:
    markets = [
        subject.pattern(run=run.name, resource=market.resource)
        for market in run.data.scenario.markets
        for subject in HEARD
    ]
    return [*markets, *(subject.pattern(run=run.name) for subject in PACED)]


async def _answered(link: Link, run: str, host: str) -> int:
    """Return the last tick that was answered in this host's name."""
    stored = await last(link.client, subjects.CYCLE_COMPLETED(agent=host, run=run))
    sealed = decoded(stored.subject, stored.payload) if stored else None
    return sealed.event.tick if sealed else 0


def _stamp(link: Link, run: OpenRun, ticked: Sealed) -> Stamp:
    event = ticked.event
    return Stamp(run.name, run.data.salt, event.tick, link.clock.now(), event.event_id)


async def _answer(link: Link, stamp: Stamp, host: str, desk: Desk) -> None:
    """Send all actions of a tick, then say that they are sent."""
    actions = desk.act(stamp.tick)
    await publish_many(link.jetstream, _commands(stamp, host, actions))
    report = CycleCompleted(
        tick=stamp.tick,
        agents=desk.agents,
        actions={resource: len(wished) for resource, wished in actions.items()},
        limits=desk.limits(),
    )
    done = stamp.event(subjects.CYCLE_COMPLETED, host, report, agent=host)
    await reliable_publish(link.jetstream, done.subject, done.json(), done.event.event_id)


def _commands(stamp: Stamp, host: str, actions: Mapping[str, Sequence[Action]]) -> list[Outgoing]:
    return [
        _command(stamp, host, resource, wished[start : start + ACTIONS_MAX], start)
        for resource, wished in actions.items()
        for start in range(0, len(wished), ACTIONS_MAX)
    ]


def _command(stamp: Stamp, host: str, resource: str, actions: Sequence[Action], start: int) -> Outgoing:
    subject = subjects.PLACE_ORDERS(resource=resource, run=stamp.run, agent=host)
    command = PlaceOrders.model_construct(
        command_id=derive(stamp.salt, stamp.tick, subject, start),
        causation_id=stamp.causation_id,
        tick=stamp.tick,
        actions=tuple(actions),
    )
    return Outgoing(subject, command.model_dump_json().encode(), command.command_id)
