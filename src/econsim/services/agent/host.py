"""An agent host: it folds the run's log into its agents' state, and answers each tick with their actions.

Theory of operation. The agent service's leader of a host calls `serve`. The host is a projection of the run's log
(event sourcing). After a crash the next leader takes the agents of the newest snapshot, folds what the log has after it, and
answers only the ticks that the host has not answered; a tick whose actions were sent and not reported is answered again,
with the same actions under the same ids, which the queue deduplicates. A host with agents that think, or with policies of one's own,
has no snapshots: what they remember and perceive is folded from the beginning of the log. Policies of one's own decide on a thread
beside the loop, which renews the lease meanwhile.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from contextlib import aclosing, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Final

from econsim import __version__, subjects
from econsim.adapters.jetstream.audit_log import StoredEvent, digest_at, follow, last_event
from econsim.adapters.nats.connection import Outgoing, publish_many, reliable_publish
from econsim.adapters.policies import load_in_service
from econsim.domain.agent.active_run import ActiveRun
from econsim.domain.agent.host_agents import HostAgents, HostState
from econsim.domain.agent.population import host_name
from econsim.domain.agent.prospects import widest
from econsim.domain.audit.decoding import decode_if_valid
from econsim.domain.audit.envelope import AddressedEvent, Envelope, derived_id, digest
from econsim.domain.audit.snapshot import SnapshotForm, StateSnapshot
from econsim.domain.market.batch_checks import LogProgress, RunLogChecks
from econsim.domain.runtime.cycle_events import completed_event, started_event
from econsim.domain.runtime.cycle_run import CycleRun, chosen_actions, chosen_ends
from econsim.domain.runtime.policy_agents import PolicyAgents
from econsim.domain.runtime.thinking_agents import ThinkingAgents
from econsim.domain.scenario.own_tools import uses_people_or_tasks
from econsim.schemas.agent import CycleCompleted, Limits
from econsim.schemas.clock import RunClosed, Ticked
from econsim.schemas.market import Accepted, Cancelled, Traded
from econsim.schemas.orders import Action, PlaceOrders
from econsim.services.agent.cycles import CycleDriver
from econsim.services.agent.own_uses import end_tick, wait_for_cycles
from econsim.services.agent.tools import HostTools
from econsim.services.call_texts import read_texts
from econsim.services.context import ServiceContext
from econsim.services.snapshots import Snapshots

ACTIONS_MAX: Final = 5_000
"""Number of actions in one message: at 120 bytes each, the message stays well below the largest allowed."""

MARKET_EVENTS: Final = (
    subjects.BID_ACCEPTED,
    subjects.ASK_ACCEPTED,
    subjects.TRADE_EXECUTED,
    subjects.ORDER_CANCELLED,
    subjects.TICK_CLEARED,
)
"""Events of the markets that the host folds."""

CLOCK_EVENTS: Final = (
    subjects.PERIOD_OPENED,
    subjects.PERIOD_CLOSED,
    subjects.TICKED,
    subjects.RUN_CLOSED,
    subjects.LLM_INVOKED,
    subjects.TOOL_COMPLETED,
    subjects.TOOL_FAILED,
)
"""Events of the clock, and of its agents' calls, that the host folds."""


@dataclass(frozen=True, slots=True)
class HostSnapshot:
    """All that a host of coded agents knows between the batches of all markets."""

    agents: HostState
    """State of the agents."""
    progress: LogProgress
    """Place in the log up to which it was checked."""


SNAPSHOT: Final = SnapshotForm(HostSnapshot, __version__)
"""Form of the snapshots of hosts."""


async def serve(context: ServiceContext, run: ActiveRun, index: int) -> None:
    """Run the agents of the host with this index until the run closes."""
    host, agents = host_name(index), HostAgents(run.data.scenario, index)
    thinking = ThinkingAgents(run.data.scenario, index)
    loaded = await asyncio.to_thread(load_in_service, run.data.scenario, context.policies)
    policies = PolicyAgents(run.data.scenario, loaded, index)
    answered = await _newest_answered_tick(context, run.name, host)
    scenario = run.data.scenario
    resources = [each.resource for each in scenario.markets]
    checks = RunLogChecks(run.name, resources, lock_step=run.is_lock_step, partial=True)
    tools, hosts, finished = HostTools(context), _social_hosts(run, host), 0
    snapshots = Snapshots(context.snapshots, f"{run.name}.{host}", SNAPSHOT)
    is_folded_whole = bool(thinking.names or policies.count)
    start = 1 if is_folded_whole else await _restore(context, snapshots, agents, checks)
    async with (
        snapshots.in_use(),
        tools.listening(run.name) if scenario.tools else nullcontext(),
        aclosing(follow(context.client, run.name, _patterns(run), start)) as stored_events,
    ):
        async for stored in stored_events:
            addressed = decode_if_valid(stored.subject, stored.payload)
            if addressed is None:
                continue
            snapshots.count(1, _item_count(addressed))
            checks.check(stored.sequence, addressed)
            addressed = await read_texts(context.texts, addressed, thinking.text_readers)
            agents.evolve(addressed)
            thinking.evolve(addressed)
            await _evolve(policies, addressed)
            if isinstance(addressed.event.data, RunClosed):
                return
            if isinstance(addressed.event.data, Ticked) and addressed.event.tick > answered:
                envelope = _envelope(context, run, addressed)
                # A tick that opened during the cycles before it comes ahead, in the log, of what those did.
                is_late = not run.is_lock_step and stored.sequence < finished
                answering = answer_tick(
                    context, envelope, host, agents, thinking, policies, tools, hosts, is_late=is_late
                )
                finished = await _trace_tick(context, run, envelope.tick, answering)
            if checks.is_between_batches and not is_folded_whole:
                _offer_snapshot(snapshots, stored, agents, checks)


async def _evolve(policies: PolicyAgents, addressed: AddressedEvent) -> None:
    """Fold an event; at the opening of a tick policies decide, which may take long."""
    if policies.count and isinstance(addressed.event.data, Ticked):
        await asyncio.to_thread(policies.evolve, addressed)
    else:
        policies.evolve(addressed)


async def _restore(
    context: ServiceContext, snapshots: Snapshots[HostSnapshot], agents: HostAgents, checks: RunLogChecks
) -> int:
    """Take the agents of the newest snapshot; return the place in the log from which to fold."""
    snapshot = await snapshots.newest(partial(digest_at, context.client))
    if snapshot is None:
        return 1
    agents.restore(snapshot.state.agents)
    checks.resume(snapshot.state.progress)
    return snapshot.sequence + 1


def _offer_snapshot(
    snapshots: Snapshots[HostSnapshot], newest: StoredEvent, agents: HostAgents, checks: RunLogChecks
) -> None:
    """Offer the state after the newest event, whose tick is answered."""

    def take() -> StateSnapshot[HostSnapshot]:
        state = HostSnapshot(agents.state(), checks.progress())
        return StateSnapshot(newest.sequence, digest(newest.subject, newest.payload), state)

    snapshots.offer(take)


def _item_count(addressed: AddressedEvent) -> int:
    data = addressed.event.data
    return len(data.items) if isinstance(data, Accepted | Traded | Cancelled) else 0


def _social_hosts(run: ActiveRun, host: str) -> frozenset[str]:
    """Return the hosts that end a tick together, because agents ask people or work for each other; none for others.

    In real time a host ends its ticks alone: nobody waits for a barrier there.
    """
    if not uses_people_or_tasks(run.data.scenario):
        return frozenset()
    if not run.is_lock_step:
        return frozenset({host})
    return frozenset(host_name(agent.host) for agent in run.agents.values() if agent.host is not None)


def _patterns(run: ActiveRun) -> list[str]:
    markets = [
        subject.pattern(run=run.name, resource=market.resource)
        for market in run.data.scenario.markets
        for subject in MARKET_EVENTS
    ]
    cycles = subjects.COGNITIVE_CYCLES_COMPLETED.pattern(run=run.name)
    social = [subjects.OF_SOCIAL.format(run=run.name)] if uses_people_or_tasks(run.data.scenario) else []
    return [*markets, *(subject.pattern(run=run.name) for subject in CLOCK_EVENTS), cycles, *social]


async def _newest_answered_tick(context: ServiceContext, run: str, host: str) -> int:
    """Return the newest tick that the host answered, 0 for none."""
    stored = await last_event(context.client, subjects.CYCLE_COMPLETED(agent=host, run=run))
    addressed = decode_if_valid(stored.subject, stored.payload) if stored else None
    return addressed.event.tick if addressed else 0


def _envelope(context: ServiceContext, run: ActiveRun, ticked: AddressedEvent) -> Envelope:
    event = ticked.event
    return Envelope(run.name, run.data.salt, event.tick, context.clock.now(), event.event_id)


async def _trace_tick(context: ServiceContext, run: ActiveRun, tick: int, answering: Awaitable[int]) -> int:
    """Answer a tick below its span; return what answering it returns."""
    with context.tracing.tick(run, tick, subjects.TICKED):
        return await answering


async def answer_tick(  # noqa: PLR0913, PLR0917 - a tick of a host has these parts
    context: ServiceContext,
    envelope: Envelope,
    host: str,
    agents: HostAgents,
    thinking: ThinkingAgents,
    policies: PolicyAgents,
    tools: HostTools,
    social_hosts: frozenset[str] = frozenset(),
    *,
    is_late: bool = False,
) -> int:
    """Send all actions of a tick, then report that they are sent; return the report's place in the log.

    Nobody thinks at a late tick: an agent would not perceive what it did just before, and do it again.
    """
    actions, cycles = agents.act(envelope.tick), dict[str, CycleRun]()
    if not is_late:
        is_told = host in social_hosts
        cycles = await run_cycles(context, envelope, host, thinking, policies, tools, is_told=is_told)
    if social_hosts:
        await wait_for_cycles(context, envelope, sorted(social_hosts - {host}))
        await end_tick(context, envelope, host, chosen_ends(cycles.values()))
    for resource, chosen in chosen_actions(cycles.values()).items():
        actions[resource] = [*actions[resource], *chosen]
    for resource, own in policies.actions(envelope.tick).items():
        actions[resource] = [*actions[resource], *own]
    await publish_many(context.jetstream, _commands(envelope, host, actions))
    report = CycleCompleted(
        tick=envelope.tick,
        agents=agents.agents + thinking.acting + policies.count,
        actions={resource: len(chosen) for resource, chosen in actions.items()},
        limits=_limits(agents, thinking, policies),
    )
    return await _publish(context, envelope.event(subjects.CYCLE_COMPLETED, host, report, agent=host))


async def run_cycles(  # noqa: PLR0913, PLR0917 - a tick of a host has these parts
    context: ServiceContext,
    envelope: Envelope,
    host: str,
    thinking: ThinkingAgents,
    policies: PolicyAgents,
    tools: HostTools,
    *,
    is_told: bool,
) -> dict[str, CycleRun]:
    """Run the cognitive cycles of a tick, and report policies that failed in it.

    `is_told` to tell other hosts of the completion even if there are none.
    """
    cycles = thinking.cycles(envelope.tick) | policies.failures(envelope.tick)
    if cycles:
        await _publish(context, started_event(envelope, host, cycles))
        await CycleDriver(context, envelope, host, tools).run(cycles)
    if cycles or is_told:
        await _publish(context, completed_event(envelope, host, cycles))
    return cycles


def _limits(agents: HostAgents, thinking: ThinkingAgents, policies: PolicyAgents) -> dict[str, Limits]:
    """Return resource → limits of the best buyer and the best seller of this host."""
    limits = agents.limits()
    for others in (thinking.limits() if thinking.names else {}, policies.limits() if policies.count else {}):
        for resource, own in others.items():
            limits[resource] = widest((limits[resource], own))
    return limits


async def _publish(context: ServiceContext, event: AddressedEvent) -> int:
    stored = await reliable_publish(context.jetstream, event.subject, event.json(), event.event.event_id)
    return stored.seq


def _commands(envelope: Envelope, host: str, actions: Mapping[str, Sequence[Action]]) -> list[Outgoing]:
    return [
        _command(envelope, host, resource, chosen[start : start + ACTIONS_MAX], start)
        for resource, chosen in actions.items()
        for start in range(0, len(chosen), ACTIONS_MAX)
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
