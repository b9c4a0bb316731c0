"""One cognitive cycle under way: the requests that it waits for, the actions it chose, and the report of it. Pure.

Drivers call `start`, make the requests it returns, and `resume` with their replies, until no request is left. Ordinals are
given in the order that the cycle lists its effects, so a repeat of the cycle makes the same requests under the same ids.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from econsim.domain.runtime.effects import (
    Act,
    AdvanceOwnTask,
    Cycle,
    Effect,
    HostedToolCall,
    Reply,
    Request,
    Step,
    Think,
    UseTool,
)
from econsim.domain.runtime.own_requests import is_ending, own_request, step_request
from econsim.schemas.agent import AgentCycle
from econsim.schemas.cognition import PROMPT_BYTES_MAX, HostedCall, LlmAnswer
from econsim.schemas.mcp import CallTool, ToolReply
from econsim.schemas.model_call import CALLS_PER_CYCLE_MAX
from econsim.schemas.orders import Action
from econsim.schemas.social_hosted import AgentStep

ACTIONS_PER_CYCLE_MAX: Final = 100
"""Actions of one agent in one cycle: more is a flood."""

TOOL_CALLS_PER_CYCLE_MAX: Final = 16
"""Calls of tools by one agent in one cycle: an agent that needs more is in a loop."""

PROMPT_LENGTH_MAX: Final = PROMPT_BYTES_MAX
"""Characters in the messages of one prompt, as many as an external agent's may have: escaped twice as JSON, with the answer,
they stay below the 8 MiB of a message."""


class CycleRun:
    """One agent's cycle."""

    def __init__(self, agent: str, tick: int, cycle: Cycle) -> None:
        """Prepare; `start` begins."""
        self.actions: dict[str, list[Action]] = {}
        """Resource → actions chosen so far."""
        self.ends: list[AgentStep] = []
        """Steps chosen so far that end tasks."""
        self.failure = ""
        """Reason why the agent is set aside; empty if it is not."""
        self._agent = agent
        self._tick = tick
        self._cycle = cycle
        self._step: tuple[Effect, ...] = ()
        self._is_single = True
        self._steps = self._calls = self._uses = self._tokens = self._price = 0

    def start(self) -> tuple[Request, ...]:
        """Return the first requests to make; none when the cycle is complete."""
        return self._advance(None)

    def resume(self, replies: Sequence[Reply]) -> tuple[Request, ...]:
        """Take the replies to the requests that were returned last, in their order; return the next requests."""
        for reply in replies:
            if isinstance(reply, LlmAnswer):
                self._tokens += reply.usage.input_tokens + reply.usage.output_tokens
            if isinstance(reply, LlmAnswer | ToolReply):
                self._price += reply.price
        found = iter(replies)
        results = [None if _is_silent(effect) else next(found) for effect in self._step]
        return self._advance(results[0] if self._is_single else results)

    def report(self) -> AgentCycle:
        """Return the report of the cycle."""
        return AgentCycle(
            agent=self._agent,
            cycle=self._tick,
            steps=self._steps,
            tokens=self._tokens,
            actions=sum(map(len, self.actions.values())),
            price=self._price,
            failure=self.failure,
        )

    def _advance(self, result: object) -> tuple[Request, ...]:
        """Run the cycle to the next step that has requests; an error sets the agent aside and drops its actions."""
        try:
            while True:
                requests = self._take(self._cycle.send(result))
                if requests:
                    return requests
                result = None if self._is_single else [None] * len(self._step)
        except StopIteration:
            return ()
        except Exception as error:  # noqa: BLE001 - an agent's own code must not end the others' tick
            self.failure = f"{type(error).__name__}: {error}"
            self.actions.clear()
            self.ends.clear()
            return ()

    def _take(self, step: Step) -> tuple[Request, ...]:
        self._is_single = not isinstance(step, tuple)
        self._step = step if isinstance(step, tuple) else (step,)
        self._steps += 1
        requests: list[Request] = []
        for effect in self._step:
            match effect:
                case Act():
                    self._act(effect)
                case Think():
                    requests.append(self._call(effect))
                case AdvanceOwnTask() if is_ending(effect.step):
                    self.ends.append(AgentStep(agent=self._agent, step=step_request(effect)))
                case UseTool():
                    requests.append(self._tool_call(effect))
                case _:
                    place = self._next_use()
                    requests.append(own_request(self._agent, self._tick, place, effect))
        return tuple(requests)

    def _act(self, effect: Act) -> None:
        for resource, chosen in effect.actions.items():
            self.actions.setdefault(resource, []).extend(chosen)
        if sum(map(len, self.actions.values())) > ACTIONS_PER_CYCLE_MAX:
            message = f"more than {ACTIONS_PER_CYCLE_MAX} actions in one cycle"
            raise ValueError(message)

    def _call(self, effect: Think) -> HostedCall:
        self._calls += 1
        if self._calls > CALLS_PER_CYCLE_MAX:
            message = f"more than {CALLS_PER_CYCLE_MAX} calls in one cycle"
            raise ValueError(message)
        if (length := effect.prompt.text_length) > PROMPT_LENGTH_MAX:
            message = f"a prompt of {length} characters, of at most {PROMPT_LENGTH_MAX}; shorten the template or `memory`"
            raise ValueError(message)
        return HostedCall(self._agent, self._tick, self._calls, effect.prompt, effect.deadline_ms)

    def _tool_call(self, effect: UseTool) -> HostedToolCall:
        msg_id = f"{self._tick}.{self._next_use()}"
        command = CallTool.model_construct(msg_id=msg_id, tool=effect.tool, params=effect.params)
        return HostedToolCall(self._agent, effect.server, command)

    def _next_use(self) -> int:
        """Return the place of the next request that is no thought."""
        self._uses += 1
        if self._uses > TOOL_CALLS_PER_CYCLE_MAX:
            message = f"more than {TOOL_CALLS_PER_CYCLE_MAX} calls of tools in one cycle"
            raise ValueError(message)
        return self._uses


def replies_of(requests: Iterable[Request], thoughts: Iterator[Reply], used: Iterator[Reply]) -> list[Reply]:
    """Return the replies to a cycle's requests in their order, each taken from the replies of its kind."""
    return [next(thoughts if isinstance(request, HostedCall) else used) for request in requests]


def chosen_ends(cycles: Iterable[CycleRun]) -> tuple[AgentStep, ...]:
    """Return the steps that end tasks which cycles chose, in their order."""
    return tuple(step for cycle in cycles for step in cycle.ends)


def _is_silent(effect: Effect) -> bool:
    """Return whether an effect is no request: it takes effect when the cycle is complete."""
    return isinstance(effect, Act) or (isinstance(effect, AdvanceOwnTask) and is_ending(effect.step))


def chosen_actions(cycles: Iterable[CycleRun]) -> dict[str, list[Action]]:
    """Return resource → actions that cycles chose, in their order."""
    actions: dict[str, list[Action]] = {}
    for cycle in cycles:
        for resource, chosen in cycle.actions.items():
            actions.setdefault(resource, []).extend(chosen)
    return actions
