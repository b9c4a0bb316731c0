"""Kills of the social service in the middle of questions and tasks: nobody is asked twice, and each task is paid once."""

from __future__ import annotations

import asyncio
import os
import signal
from collections import Counter
from contextlib import aclosing, suppress

import pytest
from live_run import external_scenario, live_run
from people import Person
from requirements import requirement

from econsim.adapters.jetstream.audit_log import follow, read
from econsim.adapters.nats.connection import connect
from econsim.agents.channel import AgentChannel
from econsim.agents.social import SocialService
from econsim.app import Server
from econsim.cli.verification import verify_run
from econsim.config import settings
from econsim.domain.audit.decoding import decode
from econsim.errors import EconsimError
from econsim.runs.launch.processes import spread
from econsim.schemas.social_events import QuestionAsked, QuestionEnded, TaskDelegated, TaskSettled

pytestmark = [pytest.mark.nats, pytest.mark.slow, pytest.mark.soak, pytest.mark.timeout(400)]

KILLS = (("task_delegated", 2), ("task_offered", 5), ("task_advanced", 24), ("question_ended", 11))
"""Event and its number → the service is killed when the log has it."""
ROUNDS = 12


def social(live, agent):
    return SocialService(AgentChannel(live.externals[agent], live.run, agent, patience_s=60))


async def again(call):
    """Do a call until it is answered, as a program does that repeats it under the same id."""
    while True:
        try:
            return await call()
        except EconsimError as error:
            if not error.retryable:
                raise
            await asyncio.sleep(0.1)


async def work(live):
    """Have bert do tasks for anna, one after the other, each approved."""
    anna, bert = social(live, "anna"), social(live, "bert")
    for number in range(ROUNDS):
        task = await again(lambda n=number: anna.delegate_task("bert", "dig", 1, 600, task_id=f"t{n}"))
        for step in (bert.accept_task, bert.deliver_result, anna.accept_result):
            extra = ("done",) if step == bert.deliver_result else ()
            await again(lambda s=step, e=extra, t=task: s(t.task_id, *e))
        await again(
            lambda t=task: anna.wait_for_task(t.task_id, lambda each: each.paid is not None, timeout_s=30)
        )


async def ask(live):
    """Have anna ask one question after the other; return the answers."""
    anna = social(live, "anna")
    return [
        await again(lambda n=n: anna.prompt_human(f"{n}?", 600, request_id=f"q{n}")) for n in range(ROUNDS)
    ]


async def answer(person):
    """Answer every question with its number, as it comes."""
    while True:
        with suppress(EconsimError):
            for question in await person.waiting():
                await person.answer(question.question_id, question.text.removesuffix("?"))
        await asyncio.sleep(0.05)


async def kill(live, processes):
    """Kill the service as soon as the log has certain events: it is in the middle of the next step."""
    seen, left = Counter(), set(KILLS)
    async with aclosing(follow(live.nc, live.run)) as stored:
        async for each in stored:
            action = each.subject.split(".")[2]
            seen[action] += 1
            if (action, seen[action]) in left:
                left.discard((action, seen[action]))
                os.kill(processes.running["social"].pid, signal.SIGKILL)
            if not left:
                return


async def changes(live):
    """Return the service's events in the log."""
    async with aclosing(read(live.nc, live.run)) as stored:
        return [decode(each.subject, each.payload).event.data async for each in stored]


@requirement("social.prompt_human", "social.delegate", "queue.tasks", "request.callback")
async def test_a_service_that_is_killed_asks_nobody_twice_and_pays_once(server, run, tmp_path):
    here = Server(server.url, server.creds)
    async with (
        spread(("social",), here, tmp_path, lambda _: None) as processes,
        live_run(server, run, external_scenario(), apart=("social",)) as live,
    ):
        client = await connect(server.url, server.creds("operator"), "test-person")
        answering = asyncio.create_task(answer(Person(client, run)))
        answers, *_ = await asyncio.gather(ask(live), work(live), kill(live, processes))
        found = await changes(live)
        balances = [await live.economy(agent).get_balance() for agent in ("anna", "bert")]
        answering.cancel()
        await client.close()
        books = await verify_run(settings(nats=server.url, creds=server.creds("observer")), run)

    asked = Counter(each.question_id for each in found if isinstance(each, QuestionAsked))
    ended = Counter(each.question_id for each in found if isinstance(each, QuestionEnded))
    delegated = Counter(each.task_id for each in found if isinstance(each, TaskDelegated))
    settled = Counter(each.task_id for each in found if isinstance(each, TaskSettled))
    assert answers == [str(number) for number in range(ROUNDS)]
    for counts in (asked, ended, delegated, settled):
        assert (len(counts), set(counts.values())) == (ROUNDS, {1})
    assert [each.credits.owned for each in balances] == [100 - ROUNDS, 100 + ROUNDS]
    assert books.findings == ()
