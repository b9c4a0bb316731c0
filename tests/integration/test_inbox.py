"""`econsim inbox` on a real server, as a person uses it: list, answer, ask; each in the log under the person's name."""

import asyncio
import json
from contextlib import aclosing

import pytest
import pytest_asyncio
from live_run import external_scenario, live_run
from requirements import requirement
from typer.testing import CliRunner

from econsim import subjects
from econsim.adapters.jetstream.audit_log import read
from econsim.agents.channel import AgentChannel
from econsim.agents.social import SocialService
from econsim.cli import app
from econsim.schemas.social import QuestionKind

pytestmark = [pytest.mark.nats, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def live(server):
    async with live_run(server, "inbox", external_scenario()) as found:
        yield found


def social(live, agent):
    return SocialService(AgentChannel(live.externals[agent], live.run, agent))


async def inbox(server, *arguments, keys=""):
    """Run a command as its own process would, beside the services."""
    place = ["--nats", server.url, "--creds", str(server.creds("operator").parent)]
    return await asyncio.to_thread(CliRunner().invoke, app, [*place, "inbox", *arguments], input=keys)


@requirement("social.prompt_human")
async def test_a_person_sees_a_question_and_answers_it(server, live):
    anna = social(live, "anna")
    text = "sell \x1b[31mall\x1b[0m"
    question = await anna.ask(text, 60, kind=QuestionKind.CONFIRM, request_id="sell")

    shown = (await inbox(server, "show", live.run)).output
    wrong = await inbox(server, "answer", live.run, "question.anna.sell", "perhaps")
    right = await inbox(server, "answer", live.run, "question.anna.sell", "yes")

    assert (await anna.wait_for_answer(question.question_id)).answer == "yes"
    assert "answers:\n  | yes\n  | no\n" in shown
    assert "\x1b[31m" not in shown
    assert (wrong.exit_code, right.exit_code) == (1, 0)
    async with aclosing(read(live.nc, live.run, [subjects.COMMANDED(run=live.run)])) as stored:
        commands = [json.loads(each.payload)["data"] async for each in stored]
    assert [each["code"] for each in commands if "answer" in each["command"]] == [
        "answer_is_not_offered",
        "done",
    ]


@requirement("request.callback")
async def test_a_person_asks_an_agent_and_gets_its_answer(server, live):
    async def answer():
        async for question in social(live, "bert").questions():
            await social(live, "bert").answer(question.question_id, "demand")
            return

    answering = asyncio.create_task(answer())

    found = await inbox(server, "ask", live.run, "bert", "Why so dear?")

    await answering
    assert (found.exit_code, found.output.strip()) == (0, "| demand")


async def test_an_agent_that_does_not_answer_ends_the_command_with_1(server, live):
    found = await inbox(server, "ask", live.run, "anna", "There?", "--deadline", "0.2")

    assert found.exit_code == 1
    assert "the question is expired" in found.output
