"""The driver of one run: it deals, opens ticks, waits for everybody's answers, closes ticks and periods, ends the run.

Theory of operation. The clock service's leader of a run calls `serve`. The driver is a projection of the run's log
(event sourcing): it folds the log as it is, then goes on from there while a task folds the log as it grows. Every
step is idempotent, so a driver that takes over repeats the step in which the one before it crashed:

    crash after                     the next driver
    a part of a period's transfers  submits all of them again; the ledger deduplicates
    `ticked`                        publishes it again under the same id, and waits for the answers that are missing
    a part of the tick's ends       queues all again under the same ids; a book that cleared the tick ignores its end
    `period_closed`                 opens the period that comes next in the log
    `run_closed`                    finds no open run: leadership drops the run

Collections: none of its own; `Progress` and `Attendance` say what they hold, for how long.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import aclosing, suppress
from functools import partial
from typing import Final

from econsim import subjects
from econsim.adapters.jetstream.audit_log import StoredEvent, follow, read
from econsim.domain.agent.active_run import ActiveRun
from econsim.domain.agent.population import host_name
from econsim.domain.audit.decoding import decode_if_valid
from econsim.domain.clock.attendance import Attendance
from econsim.domain.clock.period import deal, endow, redeem, return_held
from econsim.domain.clock.progress import Progress
from econsim.domain.clock.schedule import LogicalTime, ends_period
from econsim.domain.market.batch_checks import RunLogChecks
from econsim.errors import Conflict, RunFailed
from econsim.schemas.clock import PeriodClosed, PeriodOpened, RunClosed, Ticked
from econsim.schemas.scenario import THINKING
from econsim.services.clock.run_effects import PAYMENTS, RunEffects
from econsim.services.context import ServiceContext

_log = logging.getLogger(__name__)

CLOCK_EVENTS: Final = (
    subjects.PERIOD_OPENED,
    subjects.PERIOD_CLOSED,
    subjects.TICKED,
    subjects.CYCLE_COMPLETED,
    subjects.TASK_DELEGATED,
    subjects.TASK_REFUSED,
    *PAYMENTS,
)
"""Events of the clock, of the agents, of their calls and of their tasks' money that the driver folds."""

MARKET_EVENTS: Final = (subjects.TRADE_EXECUTED, subjects.TICK_CLEARED, subjects.TRADING_HALTED)
"""Events of the markets that the driver folds."""

ATTENDANCE_EVENTS: Final = (
    subjects.CONNECTION_CHANGED,
    subjects.AGENT_SUSPENDED,
    subjects.TRUST_CHANGED,
    subjects.QUOTA_CHANGED,
)
"""Events that change the agents a tick waits for, and how long."""


async def serve(context: ServiceContext, run: ActiveRun) -> None:
    """Drive the run from where its log ends to its closing."""
    driver = RunDriver(context, run)
    start = await driver.catch_up()
    async with asyncio.TaskGroup() as group:
        watching = group.create_task(driver.watch(start))
        await driver.drive()
        watching.cancel()


class RunDriver:
    """The driver of one run."""

    def __init__(self, context: ServiceContext, run: ActiveRun) -> None:
        """Prepare; `catch_up` before `drive`."""
        scenario = run.data.scenario
        self._context = context
        self._run = run
        self._periods = scenario.clock.periods
        self._conditions = run.conditions
        self._lock_step = run.is_lock_step
        self._agents = tuple(run.agents.values())
        self._resources = tuple(run.markets)
        self._hosts = frozenset(host_name(agent.host) for agent in self._agents if agent.host is not None)
        self._attendance = Attendance(self._hosts, run.externals, scenario.clock.deadline_ms)
        self._progress = Progress(run.conditions, run.cognition.resource)
        self._checks = RunLogChecks(run.name, self._resources, lock_step=self._lock_step, partial=True)
        self._effects = RunEffects(context, run)
        thinking = any(agent.policy in THINKING for agent in self._agents)
        self._has_payments_between_ticks = bool(run.externals) or (thinking and not self._lock_step)
        self._folded = 0
        self._now = LogicalTime()
        self._log_grew = asyncio.Event()

    async def catch_up(self) -> int:
        """Fold the log as it is; return the sequence to go on from."""
        sequence = 0
        async for stored in read(self._context.client, self._run.name, self._patterns()):
            self._fold(stored)
            sequence = stored.sequence
        return sequence + 1

    async def watch(self, start: int) -> None:
        """Fold the log as it grows."""
        async with aclosing(follow(self._context.client, self._run.name, self._patterns(), start)) as events:
            async for stored in events:
                self._fold(stored)
                self._log_grew.set()

    async def drive(self) -> None:
        """Drive the run to its end, or to where it cannot go on."""
        failure = ""
        try:
            await self._drive_periods()
        except RunFailed as failed:
            failure = str(failed)
            _log.error("run %s ends early: %s", self._run.name, failure)
        data = RunClosed(
            ticks=self._now.tick,
            periods=self._now.period,
            journal_sequence=await self._effects.submit("close", ()),
            failure=failure,
        )
        with suppress(Conflict):  # an operator was faster
            await self._effects.publish(subjects.RUN_CLOSED, data, expected_sequence=0)

    def _patterns(self) -> list[str]:
        """Return the patterns of the events that the driver folds."""
        name = self._run.name
        patterns = [subject.pattern(run=name) for subject in (*CLOCK_EVENTS, *ATTENDANCE_EVENTS)]
        for resource in self._resources:
            patterns += [subject.pattern(run=name, resource=resource) for subject in MARKET_EVENTS]
        return patterns

    def _fold(self, stored: StoredEvent) -> None:
        self._folded = stored.sequence
        if addressed := decode_if_valid(stored.subject, stored.payload):
            self._checks.check(stored.sequence, addressed)
            self._progress.evolve(addressed)
            self._attendance.evolve(addressed)

    async def _drive_periods(self) -> None:
        """Drive all periods that are left; raises RunFailed if the run cannot go on."""
        self._now = self._progress.now
        await self._effects.submit("endow", endow(self._agents))
        ended = False
        if self._now.tick:
            self._effects.set_time(self._now, self._progress.ticked_id)
            ended = self._progress.period_closed == self._now.period or await self._drive_tick(self._now)
        else:
            await self._wait_until_ready()
        while True:
            await self._drive_period(ended=ended)
            if self._now.period == self._periods:
                return
            if not self._lock_step:
                await self._pause(self._conditions.clock(self._now.period).pause_ms)
            self._now, ended = self._now.next_period(), False

    async def _drive_period(self, *, ended: bool) -> None:
        """Drive a period from where it is; its books may have ended it already."""
        period = self._now.period
        if self._now.tick_of_period == 0:
            await self._open_period(period)
        while not ended:
            self._now = self._now.next_tick()
            with self._context.tracing.tick(self._run, self._now.tick):
                ended = await self._drive_tick(self._now)
        if self._progress.period_closed < period:
            if self._has_payments_between_ticks:
                newest = await self._effects.close_payments(period)
                await self._wait_until(lambda: self._folded >= newest)
            await self._close_period(period)

    async def _drive_tick(self, now: LogicalTime) -> bool:
        """Open a tick, wait for the answers, have the books close it; return whether the period ends.

        Raises RunFailed if a book has stopped: nothing would ever close the tick there.
        """
        clock = self._conditions.clock(now.period)
        self._effects.set_time(now, None)
        data = Ticked(period=now.period, tick_of_period=now.tick_of_period)
        self._effects.set_time(now, await self._effects.publish(subjects.TICKED, data))
        if self._lock_step:
            await self._wait_for_answers(now.tick)
        else:
            await self._pause(clock.tick_ms)
        # A driver that crashed may have ended the period, or decided otherwise about this tick: the books tell.
        is_emptied = partial(self._progress.emptied, self._resources, now.period)
        ends = is_emptied() or ends_period(clock, now, self._progress.limits(self._hosts))
        await self._effects.close_tick(now, close_period=ends)
        if self._lock_step:
            await self._wait_until(lambda: self._progress.cleared(self._resources, now.tick))
            return is_emptied()
        if ends:
            await self._wait_until(is_emptied)
        return ends

    async def _open_period(self, period: int) -> None:
        await self._effects.submit(f"deal-{period}", deal(self._conditions.agents(period), period))
        await self._effects.publish(subjects.PERIOD_OPENED, PeriodOpened(period=period))

    async def _close_period(self, period: int) -> None:
        if period == self._periods and (held := self._progress.end_tasks()):
            await self._effects.submit("return", return_held(held))
        chains = redeem(self._conditions.agents(period), self._resources, period, self._progress.balance)
        await self._effects.submit(f"redeem-{period}", chains)
        await self._effects.publish(subjects.PERIOD_CLOSED, PeriodClosed(period=period))

    async def _wait_until_ready(self) -> None:
        """Keep the run in its waiting room until every external agent is ready; another driver begins to wait anew."""
        end = time.monotonic() + self._conditions.clock(1).join_ms / 1000
        while (left_s := end - time.monotonic()) > 0 and self._attendance.not_ready():
            self._log_grew.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(left_s):
                    await self._log_grew.wait()

    async def _pause(self, pause_ms: int) -> None:
        """Wait for a time; raises RunFailed if a book has stopped."""
        with suppress(TimeoutError):
            async with asyncio.timeout(pause_ms / 1000):
                await self._wait_until(lambda: False)

    async def _wait_for_answers(self, tick: int) -> None:
        """Wait for the answers to a tick; an agent that misses its deadline is left behind."""
        began = time.monotonic()
        while (left_ms := self._attendance.left_ms(tick, (time.monotonic() - began) * 1000)) > 0:
            if self._progress.failure:
                return
            self._log_grew.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(left_ms / 1000):
                    await self._log_grew.wait()
        if late := self._attendance.missing(tick):
            _log.warning("tick %d of run %s goes on without %s", tick, self._run.name, ", ".join(late))

    async def _wait_until(self, is_reached: Callable[[], bool]) -> None:
        """Wait for the log to show something; raises RunFailed if a book has stopped: nothing closes a tick there."""
        while not is_reached():
            if self._progress.failure:
                raise RunFailed(self._progress.failure)
            self._log_grew.clear()
            await self._log_grew.wait()
