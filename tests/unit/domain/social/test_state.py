"""Messages by consent, delegations that are refused, and the parties that a change concerns."""

import pytest

from econsim.domain.social.messages import MESSAGES_KEPT
from econsim.domain.social.state import INBOX, SocialState, consent_question, parties
from econsim.domain.social.tasks import delegated_task
from econsim.errors import Conflict, NotAllowed, QuotaExceeded
from econsim.schemas.social import MESSAGES_PER_READ_MAX, NO, YES, Audience, SendMessage, SetConsent
from econsim.schemas.social_events import MessagePosted, QuestionAsked, TaskDelegated, TaskRefused
from econsim.schemas.social_tasks import DelegateTask

NOW = "2026-01-01T00:00:00.000000000Z"
LATER = "2026-01-01T00:01:00.000000000Z"


def message(id_="m1", recipient="bob", text="hello"):
    return SendMessage(message_id=id_, recipient=recipient, text=text)


def command(id_="t1"):
    return DelegateTask(command_id=id_, taker="bob", text="dig", price=5, deadline_ms=1_000)


@pytest.fixture
def state():
    return SocialState()


def fold(state, changes):
    for change in changes:
        state.evolve(change)
    return changes


def consent(state, answer=YES):
    """Have bob answer whether ana may write."""
    asked = state.questions.find("consent.ana.bob")
    ended = state.questions.answer(asked, Audience.AGENT, "bob", answer, NOW)
    fold(state, state.end_question(ended))


def test_the_first_message_asks_for_consent_and_the_second_is_refused(state):
    (asked,) = fold(state, state.send("ana", message(), NOW))

    assert (type(asked), asked.asked, asked.asker) == (QuestionAsked, "bob", "social")
    with pytest.raises(NotAllowed, match="has not consented"):
        state.send("ana", message("m2"), NOW)


def test_a_message_goes_through_once_its_recipient_consents(state):
    fold(state, state.send("ana", message(), NOW))
    consent(state)

    (posted,) = fold(state, state.send("ana", message(), NOW))

    assert (type(posted), posted.number) == (MessagePosted, 1)
    assert state.send("ana", message(), NOW) == []  # a repeat
    assert [each.text for each in state.messages.messages_to("bob", 0)] == ["hello"]
    with pytest.raises(Conflict):
        state.send("ana", message(text="other"), NOW)


def test_a_denial_stays_and_keeps_tasks_away_too(state):
    fold(state, state.send("ana", message(), NOW))
    consent(state, NO)

    with pytest.raises(NotAllowed):
        state.send("ana", message(), NOW)
    delegated, refused = state.delegate("ana", command(), NOW)
    assert (type(delegated), refused.code) == (TaskDelegated, "recipient_has_not_consented")


def test_consent_answers_the_question_for_it_and_its_deadline_changes_nothing(state):
    fold(state, state.send("ana", message(), NOW))

    fold(state, state.set_consent("bob", SetConsent(sender="ana", is_allowed=True), NOW))

    assert state.questions.find("consent.ana.bob").answer == YES
    assert list(state.questions.open_of("bob")) == []
    assert state.messages.consents("bob").allowed == ("ana",)
    assert state.set_consent("bob", SetConsent(sender="ana", is_allowed=True), NOW) == []


def test_messages_of_a_minute_are_limited_and_folded_times_count(state):
    state.evolve(state.set_consent("bob", SetConsent(sender="ana", is_allowed=True), NOW)[0])
    for number in range(30):
        fold(state, state.send("ana", message(f"m{number}"), NOW))

    with pytest.raises(QuotaExceeded) as refused:
        state.send("ana", message("more"), NOW)
    assert refused.value.retry_after_ms == 60_000
    assert state.send("ana", message("more"), LATER)


def test_messages_are_numbered_and_read_in_pages_and_the_newest_are_remembered(state):
    fold(state, state.set_consent("bob", SetConsent(sender="ana", is_allowed=True), NOW))
    for number in range(MESSAGES_KEPT + 5):
        now = f"2026-01-01T{number // 60:02}:{number % 60:02}:00.000000000Z"
        fold(state, state.send("ana", message(f"m{number}"), now))

    page = list(state.messages.messages_to("bob", 0))
    assert [each.number for each in page] == list(range(6, 6 + MESSAGES_PER_READ_MAX))
    assert next(state.messages.messages_to("bob", page[-1].number)).number == page[-1].number + 1
    assert state.messages.repeat("ana", message("m5")).number == 6
    assert state.messages.repeat("ana", message("m4")) is None


def test_a_delegation_over_the_limit_is_recorded_and_refused(state):
    for number in range(8):
        assert len(fold(state, state.delegate("ana", command(f"t{number}"), NOW))) == 1

    _, refused = fold(state, state.delegate("ana", command("more"), NOW))

    assert (type(refused), refused.code) == (TaskRefused, "open_tasks_are_exceeded")
    assert state.delegate("ana", command("more"), NOW) == []  # a repeat gets the same end


def test_versions_grow_for_the_parties_of_a_change(state):
    fold(state, state.send("ana", message(), NOW))

    assert [state.version(party) for party in ("ana", "bob", "eve", INBOX)] == [1, 1, 0, 0]
    assert parties(consent_question("ana", "bob", NOW)) == ("bob", "ana")
    assert parties(delegated_task("ana", command(), NOW)) == ("ana",)
