"""The memory of agents between cycles: the last observations and answers, folded from the log. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping

from econsim.domain.audit.envelope import AddressedEvent
from econsim.schemas.clock import Ticked
from econsim.schemas.cognition import CallOutcome, LlmInvoked
from econsim.schemas.model_call import ChatMessage, ChatRole, Prompt


class Memory:
    """The earlier turns of agents; a cycle remembers what the ones before it saw and answered."""

    def __init__(self, lengths: Mapping[str, int]) -> None:
        """Remember for each agent the turns of this many cycles."""
        self._turns = {
            agent: deque[CallOutcome](maxlen=length) for agent, length in lengths.items() if length
        }
        self._new: list[CallOutcome] = []

    def evolve(self, addressed: AddressedEvent) -> None:
        """Fold one event of the run; the calls of a tick are remembered from the next tick on."""
        match addressed.event.data:
            case Ticked():
                for outcome in self._new:
                    self._turns[outcome.agent].append(outcome)
                self._new.clear()
            case LlmInvoked(items=items):
                self._new.extend(item for item in items if item.agent in self._turns and item.content)

    def messages(self, agent: str) -> tuple[ChatMessage, ...]:
        """Return the earlier turns of an agent as messages, oldest first."""
        return tuple(message for outcome in self._turns.get(agent, ()) for message in _turn(outcome))


def _turn(outcome: CallOutcome) -> Iterable[ChatMessage]:
    asked = Prompt.model_validate_json(outcome.prompt).messages if outcome.prompt else ()
    yield from [message for message in asked if message.role is ChatRole.USER][-1:]
    yield ChatMessage(ChatRole.ASSISTANT, outcome.content or "")
