"""Ticks answered one by one: none is skipped unseen, the end of the run is told, a failure is raised once."""

import asyncio

import pytest
from eventually import eventually

from econsim.agents.session import Tick
from econsim.agents.toolset.turns import Turns
from econsim.errors import Unavailable


class ScriptedSession:
    """Ticks from a list; an error in it is raised. Notes the ticks that were answered."""

    def __init__(self, *script):
        self.script = [*script]
        self.opened = []
        self.answered = []

    async def ticks(self):
        while self.script:
            following = self.script.pop(0)
            if isinstance(following, Exception):
                raise following
            if isinstance(following, asyncio.Event):
                await following.wait()
                continue
            if following is None:
                await asyncio.Event().wait()
            self.opened.append(following.number)
            yield following
            self.answered.append(following.number)


def tick(number):
    return Tick(number, 1, number, f"e{number}")


async def test_the_first_tick_is_returned_before_it_is_answered():
    session = ScriptedSession(tick(1), tick(2))
    turns = Turns(session)

    first = await turns.next_tick(1)

    assert (first.number, session.answered) == (1, [])


async def test_asking_for_the_next_tick_answers_the_open_one_and_the_end_is_told():
    session = ScriptedSession(tick(1), tick(2))
    turns = Turns(session)

    found = [await turns.next_tick(1) for _ in range(3)]

    assert [each and each.number for each in found] == [1, 2, None]
    assert (session.answered, turns.run_ended) == ([1, 2], True)


async def test_a_tick_that_does_not_open_in_time_is_none_and_may_be_asked_for_again():
    turns = Turns(ScriptedSession(tick(1), None))

    found = [await turns.next_tick(0.01) for _ in range(3)]

    assert [each and each.number for each in found] == [1, None, None]
    assert not turns.run_ended
    await turns.stop()


async def test_a_tick_that_opened_between_two_calls_is_returned_before_it_is_answered():
    gate = asyncio.Event()
    session = ScriptedSession(tick(1), gate, tick(2), tick(3))
    turns = Turns(session)

    early = [await turns.next_tick(0.01) for _ in range(2)]
    gate.set()
    await eventually(lambda: 2 in session.opened)
    late = await turns.next_tick(1)

    assert [each and each.number for each in (*early, late)] == [1, None, 2]
    assert session.answered == [1]
    await turns.stop()


async def test_the_open_tick_can_be_looked_at_without_an_answer():
    session = ScriptedSession(tick(1), tick(2))
    turns = Turns(session)

    looked = [(await turns.open_tick(1)).number for _ in range(2)]
    following = await turns.next_tick(1)

    assert (looked, following.number, session.answered) == ([1, 1], 2, [1])


async def test_a_failure_is_raised_and_the_next_call_follows_again():
    turns = Turns(ScriptedSession(Unavailable("away"), tick(4)))

    with pytest.raises(Unavailable, match="away"):
        await turns.next_tick(1)

    assert (await turns.next_tick(1)).number == 4
