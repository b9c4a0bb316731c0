"""Questions: asked once, answered once, by those who may; counted the same after a restart."""

import pytest

from econsim.domain.social.questions import BY_AGENT, BY_OPERATOR, QuestionTable, asked_question
from econsim.errors import Conflict, InvalidMessage, NotAllowed, NotFound, QuotaExceeded
from econsim.schemas.social import Audience, NewQuestion, QuestionKind, QuestionState
from econsim.schemas.social_events import QuestionAsked

NOW = "2026-01-01T00:00:00.000000000Z"
SOON = "2026-01-01T00:00:00.500000000Z"
LATE = "2026-01-01T00:00:01.000000000Z"


def question(
    id_="q1", *, asker="ana", asked=None, audience=Audience.PERSON, now=NOW, word=BY_AGENT, **fields
):
    new = NewQuestion(**{"request_id": id_, "text": "why?", "deadline_ms": 1_000, **fields})
    return asked_question(word, asker, new, audience, asked, now=now)


def ask(table, *args, **fields):
    wanted = question(*args, **fields)
    if change := table.ask(wanted, wanted.asked_at):
        table.evolve(change)
    return table.find(wanted.question_id)


@pytest.fixture
def table():
    return QuestionTable()


def test_a_repeat_asks_nobody_again(table):
    first = ask(table)

    assert table.ask(question(now=SOON), SOON) is None
    assert list(table.open_for("op")) == [first]


@pytest.mark.parametrize(
    "changed", [{"text": "how?"}, {"deadline_ms": 2_000}, {"asked": "op"}, {"default": "1"}]
)
def test_another_content_under_an_id_is_a_conflict(table, changed):
    ask(table)

    with pytest.raises(Conflict, match="stands for another question"):
        table.ask(question(**changed), NOW)


def test_the_first_answer_counts_and_its_repeat_changes_nothing(table):
    asked = ask(table)
    answered = table.evolve(table.answer(asked, Audience.PERSON, "op", "42", SOON))

    assert table.answer(answered, Audience.PERSON, "op", "42", LATE) is None
    for by, answer in (("op", "43"), ("eve", "42")):
        with pytest.raises(Conflict, match="it is answered"):
            table.answer(answered, Audience.PERSON, by, answer, SOON)


def test_only_the_party_that_is_asked_answers(table):
    for_one = ask(table, "q1", asked="op")
    for_agent = ask(table, "q2", asked="bob", audience=Audience.AGENT)

    for asked, audience, by in (
        (for_one, Audience.PERSON, "eve"),
        (for_agent, Audience.PERSON, "bob"),
        (for_agent, Audience.AGENT, "eve"),
        (for_one, Audience.AGENT, "op"),
    ):
        with pytest.raises(NotAllowed):
            table.answer(asked, audience, by, "x", SOON)
    assert table.answer(for_agent, Audience.AGENT, "bob", "x", SOON)


@pytest.mark.parametrize(
    ("fields", "offered"), [({"kind": QuestionKind.CONFIRM}, "yes, no"), ({"options": ("a", "b")}, "a, b")]
)
def test_an_answer_is_one_of_those_offered(table, fields, offered):
    with pytest.raises(InvalidMessage, match=f"answer one of {offered}"):
        table.answer(ask(table, **fields), Audience.PERSON, "op", "perhaps", SOON)


@pytest.mark.parametrize(
    ("default", "state"), [(None, QuestionState.EXPIRED), ("1", QuestionState.DEFAULTED)]
)
def test_the_deadline_answers_with_the_default(table, default, state):
    asked = ask(table, default=default)
    assert not table.due(SOON)

    ended = table.evolve(table.end(table.due(LATE)[0]))

    assert (ended.state, ended.answer, ended.answered_by) == (state, default, None)
    with pytest.raises(Conflict):
        table.answer(asked, Audience.PERSON, "op", "2", LATE)


def test_an_agent_cancels_its_own_question_alone(table):
    asked = ask(table, asked="bob", audience=Audience.AGENT)

    with pytest.raises(NotAllowed):
        table.cancel(asked, "bob", SOON)
    ended = table.evolve(table.cancel(asked, "ana", SOON))
    assert table.cancel(ended, "ana", SOON) is None


def test_agents_see_their_own_questions_and_operators_those_for_people(table):
    mine = ask(table, "q1")
    theirs = ask(table, "q2", asked="bob", audience=Audience.AGENT)
    by_operator = ask(table, "q3", asker="op", asked="ana", audience=Audience.AGENT, word=BY_OPERATOR)
    for_eve = ask(table, "q4", asked="eve")

    assert list(table.open_of("bob")) == [theirs]
    assert list(table.open_of("ana")) == [mine, theirs, by_operator, for_eve]
    assert list(table.open_for("op")) == [mine, by_operator]
    with pytest.raises(NotFound):
        table.find_of("bob", mine.question_id)


def test_an_agent_with_an_operators_name_sees_none_of_its_questions(table):
    asked = ask(table, asker="ana", asked="bob", audience=Audience.AGENT, word=BY_OPERATOR)

    with pytest.raises(NotFound):
        table.find_of("ana", asked.question_id)


def test_open_questions_are_limited(table):
    for number in range(8):
        ask(table, f"q{number}")

    with pytest.raises(QuotaExceeded) as refused:
        table.ask(question("q9"), NOW)
    assert refused.value.error_code == "open_questions_are_exceeded"
    table.evolve(table.cancel(table.find("question.ana.q1"), "ana", SOON))
    assert table.ask(question("q9"), NOW)


def test_questions_of_an_hour_are_limited_and_the_hour_slides(table):
    for number in range(60):
        asked = ask(table, f"q{number}")
        table.evolve(table.cancel(asked, "ana", SOON))

    with pytest.raises(QuotaExceeded) as refused:
        table.ask(question("next"), SOON)
    assert 0 < refused.value.retry_after_ms <= 3_600_000
    assert table.ask(question("next"), "2026-01-01T01:00:00.000000000Z")


def test_the_oldest_question_of_an_hour_makes_room_for_one_more(table):
    for number in range(60):
        asked = ask(table, f"q{number}", now=f"2026-01-01T00:{number:02}:00.000000000Z")
        table.evolve(table.cancel(asked, "ana", asked.asked_at))

    with pytest.raises(QuotaExceeded):
        table.ask(question("next"), "2026-01-01T00:59:59.000000000Z")
    assert table.ask(question("next"), "2026-01-01T01:00:00.000000000Z")


def test_questions_of_a_run_are_limited(table):
    for number in range(1_000):
        asked = question(f"q{number}")
        table.evolve(QuestionAsked(**dict(asked)))
        table.evolve(table.cancel(asked, "ana", SOON))

    with pytest.raises(QuotaExceeded, match="questions in a run"):
        table.ask(question("next"), "2026-01-02T00:00:00.000000000Z")


def test_questions_of_an_operator_do_not_count_for_an_agent_of_its_name(table):
    for number in range(8):
        ask(table, f"q{number}", asked="bob", audience=Audience.AGENT, word=BY_OPERATOR)

    assert table.ask(question("q1"), NOW)
