"""A client that publishes only what its role may: the look-up, and that nothing goes round it.

The client is the library's own with its last method replaced; that the server refuses the rest is
tests/integration/test_permissions.py.
"""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nats.aio.client import Client
from nats.aio.msg import Msg
from requirements import requirement

from econsim.adapters.nats.publish_guard import Patterns, restrict_publishing
from econsim.errors import NotAllowed
from econsim.identity.roles import permissions
from econsim.schemas.subject import OWNERS, SubjectKind, matches
from econsim.subjects import ADMISSION_REJECTED, AGENT_SUSPENDED, TABLE

TOKENS = st.lists(st.sampled_from("abc"), min_size=1, max_size=5)
PATTERNS = st.builds(
    lambda tokens, end: tokens + end,
    st.lists(st.sampled_from("ab*"), min_size=1, max_size=4),
    st.sampled_from([[], [">"]]),
)


class Wire(Client):
    """The library's client on a wire that only keeps what is sent."""

    def __init__(self):
        super().__init__()
        self.sent, self.told = [], []
        self._status = Client.CONNECTED

    async def publish(self, subject, *_):
        self.sent.append(subject)

    async def _init_request_sub(self):
        self._resp_map, self._resp_sub_prefix = {}, bytearray(b"_INBOX.x.")

    async def subscribe(self, subject, *_, **__):
        """Take no notice: answers are not this test's."""


@pytest.fixture
async def wire():
    made = Wire()
    restrict_publishing(made, "market", ["market.cpu.*", "_INBOX.>"], lambda *told: made.told.append(told))
    return made


async def requested(wire, subject):
    asking = asyncio.create_task(wire.request(subject, b"", timeout=0.1))
    await asyncio.sleep(0)
    with pytest.raises((TimeoutError, NotAllowed)) as error:
        await asking
    if error.type is NotAllowed:
        raise error.value


WAYS = {
    "publish": lambda wire, subject: wire.publish(subject, b"x"),
    "request": requested,
    "respond": lambda wire, subject: Msg(wire, "any", reply=subject).respond(b"x"),
    "stream": lambda wire, subject: wire.jetstream().publish_async(subject, b"x"),
}


@given(st.lists(PATTERNS, max_size=6), TOKENS)
def test_a_look_up_finds_what_any_of_the_patterns_matches(patterns, tokens):
    tree = Patterns(".".join(pattern) for pattern in patterns)

    assert tree.match(".".join(tokens)) is any(matches(pattern, tokens) for pattern in patterns)


def test_a_wildcard_is_tried_when_the_exact_branch_leads_nowhere():
    tree = Patterns(["a.b.c", "a.*.d", "a.*.*.>"])

    assert tree.match("a.b.d")
    assert tree.match("a.b.c.e")
    assert not tree.match("a.b")
    assert not tree.match("a.b.e")


def test_no_patterns_allow_nothing():
    assert not Patterns([]).match("a")


@pytest.mark.parametrize("way", WAYS)
@requirement("subjects.admission")
async def test_what_a_role_may_not_is_told_and_never_sent(wire, way):
    with pytest.raises(NotAllowed, match=r"'market' may not publish on 'market\.gpu\.sold'") as refused:
        await WAYS[way](wire, "market.gpu.sold")

    assert refused.value.error_code == "sender_may_not_publish_here"
    assert wire.told == [("market.gpu.sold", refused.value)]
    assert not wire.sent


@pytest.mark.parametrize("way", WAYS)
async def test_what_it_may_is_sent(wire, way):
    await WAYS[way](wire, "market.cpu.sold")

    assert wire.sent == ["market.cpu.sold"]
    assert not wire.told


@pytest.mark.parametrize("role", OWNERS)
def test_every_service_may_publish_its_rejections(role):
    """Otherwise the event about a refused publish would be refused too, and so on for ever."""
    assert Patterns(permissions(role)["pub"]["allow"]).match(ADMISSION_REJECTED(run="none"))


@pytest.mark.parametrize(
    "role",
    sorted(
        {row.owner for row in TABLE if row.short and row.kind in (SubjectKind.ENTRY, SubjectKind.REQUEST)}
    ),
)
def test_every_service_that_agents_reach_may_have_a_flood_ended(role):
    assert Patterns(permissions(role)["pub"]["allow"]).match(AGENT_SUSPENDED(run="none"))
