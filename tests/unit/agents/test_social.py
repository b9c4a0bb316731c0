"""The social service as an agent's program calls it, without a server: arguments, delegations, and the four services of a session."""

from decimal import Decimal
from types import SimpleNamespace

import pytest
from nats.aio.msg import Msg
from requirements import requirement

from econsim.agents.channel import AgentChannel
from econsim.agents.cognition import CognitionService
from econsim.agents.economy import EconomicService
from econsim.agents.session import AgentSession
from econsim.agents.social import SocialService
from econsim.agents.workspace import WorkspaceService
from econsim.errors import Conflict, InvalidMessage, Refused
from econsim.schemas.admission import Admitted
from econsim.schemas.social import SocialView
from econsim.schemas.social_tasks import Task, TaskState

TASK = {
    "task_id": "task.ana.t1",
    "delegator": "ana",
    "taker": "bob",
    "text": "dig",
    "price": 5,
    "deadline_ms": 1_000,
    "delegated_at": "2026-01-01T00:00:00.000000000Z",
    "deadline_at": "2026-01-01T00:00:01.000000000Z",
    "state": TaskState.OFFERED,
}


@pytest.fixture
def session():
    return AgentSession(SimpleNamespace(), "run", "ana")


@requirement("runtime.sdk")
def test_a_session_has_the_services_that_an_agent_calls(session):
    services = (session.economy, session.cognition, session.workspace, session.social)

    assert tuple(map(type, services)) == (EconomicService, CognitionService, WorkspaceService, SocialService)


class Desk:
    """Stores each delegation and shows one task, whatever it is asked."""

    def __init__(self, **fields):
        self._task = Task(**(TASK | fields))

    async def request(self, subject, *_, **__):
        view = SocialView(version=1, questions=(), tasks=(self._task,), messages=())
        found = Admitted(stream="tasks", seq=1) if subject == "task.delegate" else view
        return Msg(None, subject, data=found.model_dump_json().encode())


async def delegated(**fields):
    social = SocialService(AgentChannel(Desk(**fields), "run", "ana"))
    return await social.delegate_task("bob", "dig", "0.000005", 1, task_id="t1")


async def test_a_delegation_returns_the_task_that_was_offered():
    task = await delegated()

    assert (task.task_id, task.state, task.price) == ("task.ana.t1", TaskState.OFFERED, Decimal("0.000005"))


@pytest.mark.parametrize("other", [{"taker": "eve"}, {"text": "fill"}, {"price": 6}, {"deadline_ms": 2_000}])
async def test_an_id_of_another_task_is_a_conflict(other):
    with pytest.raises(Conflict, match="stands for another task"):
        await delegated(**other)


async def test_a_task_that_was_never_offered_is_refused_with_its_code():
    with pytest.raises(Refused, match="too dear") as refused:
        await delegated(state=TaskState.REFUSED, code="debit_account_would_go_negative", reason="too dear")

    assert refused.value.error_code == "debit_account_would_go_negative"


BAD = {
    "an empty question": lambda social: social.prompt_human("", 1),
    "a question of 5 000 characters": lambda social: social.prompt_human("x" * 5_000, 1),
    "no time to answer": lambda social: social.prompt_human("why?", 0),
    "a year to answer": lambda social: social.prompt_human("why?", 31_536_000),
    "a default that is no option": lambda social: social.prompt_human("why?", 1, options=["a"], default="b"),
    "21 options": lambda social: social.prompt_human("why?", 1, options=["a"] * 21),
    "an id with a dot": lambda social: social.prompt_human("why?", 1, request_id="a.b"),
    "a recipient that is no name": lambda social: social.send_message("Bob!", "hello"),
    "a negative price": lambda social: social.delegate_task("bob", "dig", "-1", 1),
    "a price with seven decimals": lambda social: social.delegate_task("bob", "dig", "0.0000001", 1),
    "an empty task": lambda social: social.delegate_task("bob", "", 1, 1),
    "110 percent": lambda social: social.report_progress("task.ana.t", "more", 110),
}


@pytest.mark.parametrize("what", BAD)
async def test_a_malformed_argument_is_refused_before_anything_is_sent(what):
    social = SocialService(AgentChannel(SimpleNamespace(), "run", "ana"))

    with pytest.raises(InvalidMessage):
        await BAD[what](social)
