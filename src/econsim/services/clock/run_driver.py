"""The clock of one run: deals, ticks, waits for everybody, closes; and starts again where the log ends.

Every step is safe to do twice: transfers and events have derived ids, and a tick that was cleared is
passed over by its books.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from contextlib import aclosing, suppress
from dataclasses import replace
from functools import partial
from typing import Final

from econsim import subjects
from econsim.adapters.jetstream.audit_log import StoredEvent, follow, read
from econsim.adapters.nats.connection import Outgoing, publish_many, reliable_publish
from econsim.adapters.nats.rpc import submit
from econsim.domain.agent.active_run import ActiveRun
from econsim.domain.agent.population import host_name
from econsim.domain.audit.decoding import decode_if_valid
from econsim.domain.audit.envelope import Envelope, derived_id
from econsim.domain.clock.attendance import Attendance
from econsim.domain.clock.period import deal, endow, redeem, require
from econsim.domain.clock.progress import Progress
from econsim.domain.clock.schedule import Moment, ends_period
from econsim.domain.market.batch_checks import RunLogChecks
from econsim.errors import Conflict, NotFound, Refused, RunFailed
from econsim.schemas.base import Message
from econsim.schemas.clock import PeriodClosed, PeriodOpened, RunClosed, Ticked
from econsim.schemas.ledger import LONG_CHAINS_PER_SUBMISSION_MAX, Chain, Refusal, Submit, Submitted
from econsim.schemas.orders import CloseTick
from econsim.schemas.scenario import Mode
from econsim.schemas.subject import Subject
from econsim.services.context import ServiceContext

_log = logging.getLogger(__name__)

ACTOR: Final = "clock"
"""Who acts in the clock's events and commands."""

OWN: Final = (subjects.PERIOD_OPENED, subjects.PERIOD_CLOSED, subjects.TICKED, subjects.CYCLE_COMPLETED)
"""Events it goes by, beside those of the markets."""

OF_MARKETS: Final = (subjects.TRADE_EXECUTED, subjects.TICK_CLEARED, subjects.TRADING_HALTED)
"""Events of the markets it goes by."""

ABSENCES: Final = (
    subjects.CONNECTION_CHANGED,
    subjects.AGENT_SUSPENDED,
    subjects.TRUST_CHANGED,
    subjects.QUOTA_CHANGED,
)
"""Events that say whom a tick is waited for, and how long."""


async def serve(context: ServiceContext, run: ActiveRun) -> None:
    """Drive the run from where its log ends to its closing."""
    conductor = Conductor(context, run)
    start = await conductor.catch_up()
    async with asyncio.TaskGroup() as group:
        watching = group.create_task(conductor.watch(start))
        await conductor.conduct()
        watching.cancel()


class Conductor:
    """Drives one run."""

    def __init__(self, context: ServiceContext, run: ActiveRun) -> None:
        """Prepare; `catch_up` before `conduct`."""
        scenario = run.data.scenario
        self._context = context
        self._run = run
        self._clock = scenario.clock
        self._lock_step = scenario.clock.mode is Mode.LOCK_STEP
        self._agents = tuple(run.agents.values())
        self._resources = tuple(market.resource for market in scenario.markets)
        self._hosts = frozenset(host_name(agent.host) for agent in self._agents if agent.host is not None)
        self._attendance = Attendance(self._hosts, run.externals, scenario.clock.deadline_ms)
        self._progress = Progress(self._agents, scenario.markets)
        self._whole = RunLogChecks(run.name, self._resources, lock_step=self._lock_step, in_part=True)
        self._moment = Moment()
        self._changed = asyncio.Event()
        self._stamp = Envelope(run.name, run.data.salt, 0, "")
        self._patterns = [
            *(subject.pattern(run=run.name) for subject in (*OWN, *ABSENCES)),
            *(
                subject.pattern(run=run.name, resource=resource)
                for resource in self._resources
                for subject in OF_MARKETS
            ),
        ]

    async def catch_up(self) -> int:
        """Fold the log as it is; return the sequence to go on from."""
        sequence = 0
        async for stored in read(self._context.client, self._run.name, self._patterns):
            self._fold(stored)
            sequence = stored.sequence
        return sequence + 1

    async def watch(self, start: int) -> None:
        """Fold the log as it grows."""
        async with aclosing(follow(self._context.client, self._run.name, self._patterns, start)) as events:
            async for stored in events:
                self._fold(stored)
                self._changed.set()

    def _fold(self, stored: StoredEvent) -> None:
        if addressed := decode_if_valid(stored.subject, stored.payload):
            self._whole.see(stored.sequence, addressed)
            self._progress.evolve(addressed)
            self._attendance.evolve(addressed)

    async def conduct(self) -> None:
        """Drive the run to its end, or to where it cannot go on."""
        failure = ""
        try:
            await self._periods()
        except RunFailed as failed:
            failure = str(failed)
            _log.error("run %s ends early: %s", self._run.name, failure)
        data = RunClosed(
            ticks=self._moment.tick,
            periods=self._moment.period,
            journal_sequence=await self._submit("close", ()),
            failure=failure,
        )
        with suppress(Conflict):  # an operator was faster
            await self._tell(subjects.RUN_CLOSED, data, expected_sequence=0)

    async def _periods(self) -> None:
        """Drive all periods from where the log ends; raises RunFailed if the run cannot go on."""
        self._moment = self._progress.moment
        await self._submit("endow", endow(self._agents))
        ended = False
        if self._moment.tick:
            self._at(self._moment, self._progress.ticked_id)
            ended = self._progress.period_closed == self._moment.period or await self._tick(self._moment)
        while True:
            await self._period(ended=ended)
            if self._moment.period == self._clock.periods:
                return
            self._moment, ended = self._moment.next_period(), False

    async def _period(self, *, ended: bool) -> None:
        """Drive a period from where it is; its books may have ended it already."""
        period = self._moment.period
        if self._moment.tick_of_period == 0:
            await self._open_period(period)
        while not ended:
            self._moment = self._moment.next_tick()
            ended = await self._tick(self._moment)
        if self._progress.period_closed < period:
            await self._close_period(period)

    async def _tick(self, moment: Moment) -> bool:
        """Open a tick, wait for everybody, have the books close it; return whether the period ends.

        Raises RunFailed if a book has stopped: nothing would ever close the tick there.
        """
        self._at(moment, None)
        data = Ticked(period=moment.period, tick_of_period=moment.tick_of_period)
        self._at(moment, await self._tell(subjects.TICKED, data))
        if self._lock_step:
            await self._answers(moment.tick)
        else:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._clock.tick_ms / 1000):
                    await self._until(lambda: False)
        # A clock that died may have ended the period, or decided otherwise about this tick: the books tell.
        emptied = partial(self._progress.emptied, self._resources, moment.period)
        ended = emptied() or ends_period(self._clock, moment, self._progress.limits(self._hosts))
        await self._close_tick(moment, close_period=ended)
        if self._lock_step:
            await self._until(lambda: self._progress.cleared(self._resources, moment.tick))
            return emptied()
        if ended:
            await self._until(emptied)
        return ended

    async def _answers(self, tick: int) -> None:
        """Wait for the answers of who takes part in a tick; whoever is late for its deadline is left behind."""
        began = time.monotonic()
        while (left_ms := self._attendance.left_ms(tick, (time.monotonic() - began) * 1000)) > 0:
            if self._progress.failure:
                return
            self._changed.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(left_ms / 1000):
                    await self._changed.wait()
        if late := self._attendance.missing(tick):
            _log.warning("tick %d of run %s goes on without %s", tick, self._run.name, ", ".join(late))

    async def _open_period(self, period: int) -> None:
        await self._submit(f"deal-{period}", deal(self._agents, period))
        await self._tell(subjects.PERIOD_OPENED, PeriodOpened(period=period))

    async def _close_period(self, period: int) -> None:
        await self._submit(
            f"redeem-{period}", redeem(self._agents, self._resources, period, self._progress.held)
        )
        await self._tell(subjects.PERIOD_CLOSED, PeriodClosed(period=period))

    async def _close_tick(self, moment: Moment, *, close_period: bool) -> None:
        """Put the mark behind the tick's orders in every book's queue."""
        commands = []
        for resource in self._resources:
            subject = subjects.CLOSE_TICK(resource=resource, run=self._run.name, agent=ACTOR)
            command = CloseTick(
                command_id=derived_id(self._stamp.salt, moment.tick, subject, close_period),
                causation_id=self._stamp.causation_id,
                tick=moment.tick,
                period=moment.period,
                tick_of_period=moment.tick_of_period,
                close_period=close_period,
            )
            commands.append(Outgoing(subject, command.model_dump_json().encode(), command.command_id))
        await publish_many(self._context.jetstream, commands)

    async def _submit(self, name: str, chains: Sequence[Chain]) -> int:
        """Submit the clock's own transfers; return the newest journal entry's sequence.

        Raises RunFailed if one of them is refused.
        """
        refused: dict[str, Refusal] = {}
        size = LONG_CHAINS_PER_SUBMISSION_MAX
        parts = [chains[start : start + size] for start in range(0, len(chains), size)]
        for number, part in enumerate(parts or [()], 1):
            command = Submit(
                command_id=f"{name}-{number}",
                causation_id=self._stamp.causation_id,
                tick=self._stamp.tick,
                chains=tuple(part),
            )
            answer = await self._submitted(command)
            refused |= answer.refused
        require(chains, refused)
        return answer.sequence

    async def _submitted(self, command: Submit) -> Submitted:
        """Return the ledger's answer; raises RunFailed if it refuses the submission as a whole."""
        try:
            return await submit(self._context.client, self._run.name, ACTOR, command)
        except NotFound:  # nobody answers: the ledger may come back
            raise
        except Refused as error:
            message = f"the ledger refused submission {command.command_id}: {error}"
            raise RunFailed(message) from error

    async def _tell(self, subject: Subject, data: Message, expected_sequence: int | None = None) -> str:
        """Publish an event; return its id."""
        addressed = replace(self._stamp, now=self._context.clock.now()).event(subject, ACTOR, data)
        await reliable_publish(
            self._context.jetstream,
            addressed.subject,
            addressed.json(),
            addressed.event.event_id,
            expected_sequence=expected_sequence,
        )
        return addressed.event.event_id

    def _at(self, moment: Moment, causation_id: str | None) -> None:
        self._stamp = replace(self._stamp, tick=moment.tick, causation_id=causation_id)

    async def _until(self, reached: Callable[[], bool]) -> None:
        """Wait for the log to show something; raises RunFailed if a book has stopped: nothing closes a tick there."""
        while not reached():
            if self._progress.failure:
                raise RunFailed(self._progress.failure)
            self._changed.clear()
            await self._changed.wait()
