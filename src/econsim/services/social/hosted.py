"""The operations of hosts for their agents: actions in cycles, and the end of a tick. Answered when durable and paid.

What is not durable or paid within a moment is answered with Unavailable, and the host asks again: every step is idempotent, so
the repeat goes on where a leader before it stopped.
"""

from __future__ import annotations

from collections.abc import Callable

from econsim.domain.agent.active_run import ActiveRun
from econsim.domain.agent.population import host_name
from econsim.domain.social.delegation import require_other_agent
from econsim.domain.social.hosted import due_changes, hosted_question, step_changes
from econsim.domain.social.state import SocialState
from econsim.domain.social.tasks import task_id
from econsim.errors import NotAllowed, Unavailable
from econsim.schemas.social import AskHuman
from econsim.schemas.social_hosted import ActionDone, EndTick, HostedAction, TickEnded
from econsim.schemas.social_tasks import AdvanceTask, DelegateTask, Task
from econsim.services.context import ServiceContext
from econsim.services.social.journal import SocialJournal
from econsim.services.social.payments import TaskPayments


class HostedOperations:
    """The operations of one run's hosts, in the worker that leads it."""

    def __init__(
        self,
        context: ServiceContext,
        run: ActiveRun,
        state: SocialState,
        journal: SocialJournal,
        payments: TaskPayments,
    ) -> None:
        """Decide by a state, and write changes into its journal."""
        self._context = context
        self._run = run
        self._state = state
        self._journal = journal
        self._payments = payments

    async def act(self, agent: str, action: HostedAction) -> ActionDone:
        """Do an action of an agent's cycle; raises NotAllowed for an external agent."""
        if self._run.agent(agent).host is None:
            message = f"{agent!r} runs on no host; it has requests of its own"
            raise NotAllowed(message, code="agent_belongs_to_another_host")
        self._journal.reach(action.tick)
        match action.ask or action.delegate or action.advance:
            case AskHuman() as ask:
                return await self._ask(agent, ask, action.deadline_tick)
            case DelegateTask() as command:
                require_other_agent(self._run, agent, command.taker)
                changes = self._state.delegate(agent, command, self._now(), action.deadline_tick)
                await self._payments.append(changes)
                return await self._await_settlement(agent, task_id(agent, command))
            case AdvanceTask() as step:
                change = self._state.tasks.step(agent, step, self._now())
                await self._journal.append([change] if change else ())
                return await self._await_settlement(agent, step.task_id)
        raise AssertionError

    async def end_tick(self, host: str, request: EndTick) -> TickEnded:
        """End a tick for the agents of a host: steps that end tasks, then what is due."""
        agents = {
            agent.id
            for agent in self._run.agents.values()
            if agent.host is not None and host_name(agent.host) == host
        }
        self._journal.reach(request.tick)
        for step in request.steps:
            if step.agent not in agents:
                message = f"agent {step.agent!r} does not run on {host!r}"
                raise NotAllowed(message, code="agent_belongs_to_another_host")
            await self._payments.append(step_changes(self._state, step, self._now()))
        people = self._run.data.scenario.people
        await self._payments.append(due_changes(self._state, agents, request.tick, people, self._now()))
        await self._wait_until(lambda: self._state.tasks.are_settled(agents))
        return TickEnded(tick=request.tick)

    async def _ask(self, agent: str, ask: AskHuman, deadline_tick: int) -> ActionDone:
        question = hosted_question(agent, ask, self._now(), deadline_tick)
        change = self._state.questions.ask(question, self._now())
        await self._journal.append([change] if change else ())
        return ActionDone(question=self._state.questions.find(question.question_id))

    async def _await_settlement(self, agent: str, id_: str) -> ActionDone:
        """Return a task whose money has come to rest."""
        await self._wait_until(lambda: self._state.tasks.is_settled(id_))
        task: Task = self._state.tasks.find_of(agent, id_)
        return ActionDone(task=task)

    async def _wait_until(self, is_settled: Callable[[], bool]) -> None:
        if not await self._payments.wait_for(is_settled):
            message = "payments of tasks are under way; ask again"
            raise Unavailable(message)

    def _now(self) -> str:
        return self._context.clock.now()
