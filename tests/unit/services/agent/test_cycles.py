"""The calls of a host's cycles: those of one step go out together, and again if nobody answered."""

from __future__ import annotations

from types import SimpleNamespace

import nats.errors
from factories import NOON

from econsim.domain.audit.envelope import Envelope
from econsim.domain.runtime.cycle_run import CycleRun
from econsim.domain.runtime.effects import Think
from econsim.schemas.base import ErrorBody
from econsim.schemas.cognition import InvokeLlms, LlmAnswers
from econsim.schemas.model_call import ChatMessage, ChatRole, Prompt
from econsim.schemas.model_limits import DEADLINE_MS_MAX
from econsim.services.agent.cycles import CycleDriver
from econsim.services.agent.tools import HostTools

PROMPT = Prompt(messages=(ChatMessage(ChatRole.USER, "And now?"),), max_tokens=10)


class Cognition:
    """A client of a cognition service that misses the first requests, and then answers with each call's position."""

    def __init__(self, misses=0):
        self.batches = []
        self._misses = misses

    async def request(self, _subject, payload, timeout):  # noqa: ASYNC109 - the client library's own
        assert timeout < DEADLINE_MS_MAX / 1_000, "the worker may be gone long before a model is too late"
        batch = InvokeLlms.model_validate_json(payload)
        self.batches.append([f"{call.agent}.{call.cycle}.{call.ordinal}" for call in batch.calls])
        if len(self.batches) <= self._misses:
            raise nats.errors.TimeoutError
        answers = tuple(ErrorBody(code="refused", message=position) for position in self.batches[-1])
        return SimpleNamespace(headers=None, data=LlmAnswers(answers=answers).model_dump_json().encode())


def thinker(thoughts, heard):
    for _ in range(thoughts):
        heard.append((yield Think(PROMPT)).message)


async def think(client, **thoughts):
    """Run a cycle of each agent with so many thoughts; return agent → answers it got."""
    heard = {agent: [] for agent in thoughts}
    cycles = {agent: CycleRun(agent, 4, thinker(n, heard[agent])) for agent, n in thoughts.items()}
    context = SimpleNamespace(client=client)
    driver = CycleDriver(context, Envelope("run", "salt", 4, NOON), "host_1", HostTools(context))
    await driver.run(cycles)
    return heard


async def test_calls_of_one_step_go_out_together_and_each_agent_gets_its_own_answers():
    client = Cognition()

    heard = await think(client, ana=2, bob=1)

    assert client.batches == [["ana.4.1", "bob.4.1"], ["ana.4.2"]]
    assert heard == {"ana": ["ana.4.1", "ana.4.2"], "bob": ["bob.4.1"]}


async def test_a_batch_that_nobody_answers_is_asked_for_again_at_the_same_positions():
    client = Cognition(misses=2)

    heard = await think(client, ana=1)

    assert client.batches == [["ana.4.1"]] * 3
    assert heard == {"ana": ["ana.4.1"]}
