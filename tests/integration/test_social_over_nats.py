"""The social service on a real server: agents in their own accounts, people with operators' credentials, the ledger's money."""

import asyncio
from decimal import Decimal

import pytest
import pytest_asyncio
from eventually import eventually
from live_run import external_scenario, live_run
from people import Person
from requirements import requirement

from econsim.agents.channel import AgentChannel
from econsim.agents.social import SocialService
from econsim.errors import Refused
from econsim.schemas.social_tasks import TaskState

pytestmark = [pytest.mark.nats, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def live(server):
    """One run in real time for all of them."""
    async with live_run(server, "social", external_scenario()) as found:
        yield found


@pytest_asyncio.fixture(loop_scope="module")
async def person(server, live):
    from econsim.adapters.nats.connection import connect

    client = await connect(server.url, server.creds("operator"), "test-person")
    yield Person(client, live.run)
    await client.close()


def social(live, agent):
    return SocialService(AgentChannel(live.externals[agent], live.run, agent))


async def credits_of(live, agent):
    found = (await live.economy(agent).get_balance()).credits
    return found.owned, found.reserved


async def settled(live, agent, owned):
    """Wait until an agent has so many credits and none is reserved."""

    async def look():
        return await credits_of(live, agent) == (owned, 0)

    return await eventually(look)


@requirement("social.prompt_human")
async def test_a_person_answers_an_agent(live, person):
    asking = asyncio.create_task(social(live, "anna").prompt_human("Buy cpu?", 60, options=["now", "later"]))

    await person.answer_next("later")

    assert await asking == "later"


@requirement("social.prompt_human")
async def test_the_deadline_answers_for_a_person_who_does_not(live):
    assert not await social(live, "anna").confirm_action("sell everything", 0.3)
    assert await social(live, "anna").prompt_human("How much?", 0.3, default="1") == "1"
    assert await social(live, "anna").prompt_human("How much?", 0.3) is None


@requirement("request.callback")
async def test_an_agent_answers_a_person(live, person):
    bert = social(live, "bert")
    await person.ask_agent("bert", "Why so dear?", request_id="why")

    async for question in bert.questions():
        await bert.answer(question.question_id, "demand")
        break

    answered = await person.ask_agent("bert", "Why so dear?", request_id="why")
    assert (answered.state, answered.answer, answered.answered_by) == ("answered", "demand", "bert")


@requirement("social.messages")
async def test_a_message_comes_once_the_recipient_consents(live):
    anna, bert = social(live, "anna"), social(live, "bert")
    with pytest.raises(Refused, match="has not consented"):
        await anna.send_message("bert", "hello")

    async for question in bert.questions():
        await bert.answer(question.question_id, "yes")
        break
    await anna.send_message("bert", "hello")

    async for message in bert.messages():
        assert (message.sender, message.text) == ("anna", "hello")
        break


@requirement("social.delegate", "queue.tasks")
async def test_a_task_is_paid_when_its_result_is_accepted(live):
    anna, bert = social(live, "anna"), social(live, "bert")
    before, (paid_before, _) = await credits_of(live, "anna"), await credits_of(live, "bert")

    task = await anna.delegate_task("bert", "find a price", "2.50", 60)
    assert await settled(live, "anna", before[0] - Decimal("2.50"))
    await bert.accept_task(task.task_id)
    await bert.report_progress(task.task_id, "half way", 50)
    await bert.deliver_result(task.task_id, "3 credits")
    delivered = await anna.wait_for_task(task.task_id, lambda each: each.state is TaskState.DELIVERED)
    done = await anna.accept_result(task.task_id)

    assert (delivered.result, delivered.percent, done.paid) == ("3 credits", 50, Decimal("2.50"))
    assert await credits_of(live, "anna") == (before[0] - Decimal("2.50"), 0)
    assert await credits_of(live, "bert") == (paid_before + Decimal("2.50"), 0)


@requirement("social.delegate", "queue.tasks")
async def test_a_task_that_expires_costs_nothing(live):
    anna = social(live, "anna")
    before = await credits_of(live, "anna")

    task = await anna.delegate_task("bert", "sleep", 1, 0.5)
    ended = await anna.wait_for_task(task.task_id, lambda each: each.paid is not None)

    assert ended.state is TaskState.EXPIRED
    assert await settled(live, "anna", before[0])


async def test_a_task_without_the_credits_for_it_is_refused(live):
    with pytest.raises(Refused) as refused:
        await social(live, "anna").delegate_task("bert", "the moon", 1_000_000, 60)

    assert refused.value.error_code == "debit_account_would_go_negative"
