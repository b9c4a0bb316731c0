"""The social service as an agent's program calls it, without a server: arguments, and the four services of a session."""

from types import SimpleNamespace

import pytest
from requirements import requirement

from econsim.agents.channel import AgentChannel
from econsim.agents.cognition import CognitionService
from econsim.agents.economy import EconomicService
from econsim.agents.session import AgentSession
from econsim.agents.social import SocialService
from econsim.agents.workspace import WorkspaceService
from econsim.errors import InvalidMessage


@pytest.fixture
def session():
    return AgentSession(SimpleNamespace(), "run", "ana")


@requirement("runtime.sdk")
def test_a_session_has_the_services_that_an_agent_calls(session):
    services = (session.economy, session.cognition, session.workspace, session.social)

    assert tuple(map(type, services)) == (EconomicService, CognitionService, WorkspaceService, SocialService)


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
