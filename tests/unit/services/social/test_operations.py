"""Questions to people who trade in a run: put to their agents, answered with their accounts alone."""

from __future__ import annotations

import pytest
from social_worlds import SocialWorld

from econsim.errors import NotAllowed, Refused
from econsim.schemas.social import AskHuman, EndQuestion, ListQuestions, ReadSocial, SetConsent

ASK = AskHuman(request_id="q1", text="why?", person="bob", deadline_ms=1_000)


@pytest.fixture
def world():
    return SocialWorld()


async def test_who_trades_in_the_run_is_asked_as_its_agent_and_answers_with_its_account(world):
    people = (await world.leader()).operations
    asked = await people.ask_human("ana", ASK)
    answer = EndQuestion(question_id=asked.question_id, answer="so it is")

    assert [each.question_id for each in (await people.read("bob", ReadSocial())).questions] == [
        asked.question_id
    ]
    assert not (await people.list_questions("bob", ListQuestions())).questions
    for other in ("eve", "ana"):
        with pytest.raises(Refused):
            await people.end_question(other, answer)
    ended = await people.end_question("bob", answer)
    assert (ended.answer, ended.answered_by) == ("so it is", "bob")


async def test_who_forbids_an_agent_to_write_is_not_asked_by_it_either(world):
    people = (await world.leader()).operations
    await people.set_consent("bob", SetConsent(sender="ana", is_allowed=False))

    with pytest.raises(NotAllowed, match="has not consented"):
        await people.ask_human("ana", ASK)
