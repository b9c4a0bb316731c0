"""A tool server that is kept open: opened again after a loss, shared within its places, listed when its tools change."""

import asyncio
from contextlib import asynccontextmanager

import pytest
from eventually import eventually
from tool_builders import SCHEMA, result, table

from econsim.adapters.mcp import tool_server
from econsim.adapters.mcp.tool_server import KeptToolServer
from econsim.errors import SetupError, ToolCallFailed
from econsim.schemas.mcp import ListedTool


class Session:
    """A session that answers at once, or when it is told to."""

    def __init__(self, tools=("find",)):
        self.stirred, self.lost, self.changed = asyncio.Event(), False, False
        self.tools = tools
        self.gate = None
        self.at_once = self.most = 0

    async def list_tools(self):
        return tuple(ListedTool(name, "", SCHEMA) for name in self.tools)

    async def call(self, tool, _arguments, _timeout_s):
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        if self.gate:
            await self.gate.wait()
        self.at_once -= 1
        return result(tool)

    def lose(self):
        self.lost = True
        self.stirred.set()


class Opener:
    """Opens the sessions it was given, in turn; an error is raised."""

    def __init__(self, *sessions):
        self._sessions = list(sessions)
        self.opened = 0

    @asynccontextmanager
    async def __call__(self):
        self.opened += 1
        found = self._sessions.pop(0) if len(self._sessions) > 1 else self._sessions[0]
        if isinstance(found, Exception):
            raise found
        yield found


class GroupOpener(Opener):
    """Opens a session within a task group, as the client library does."""

    @asynccontextmanager
    async def __call__(self):
        async with asyncio.TaskGroup(), super().__call__() as found:
            yield found


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch):
    monkeypatch.setattr(tool_server, "FIRST_PAUSE_S", 0.001)


@asynccontextmanager
async def kept(*sessions, **fields):
    server = KeptToolServer("search", table(**fields), Opener(*sessions))
    server.start()
    try:
        yield server
    finally:
        await server.stop()


async def test_a_call_waits_for_the_session_that_is_being_opened():
    async with kept(Session()) as server:
        assert (await server.call("find", {"q": "x"}, 5)).content[0]["text"] == "find"
        assert (server.is_open, [*server.tools]) == (True, ["find"])


@pytest.mark.parametrize("trouble", [OSError("no such program"), ExceptionGroup("two", [OSError("gone")])])
async def test_a_server_that_cannot_be_opened_is_tried_again(trouble):
    async with kept(trouble, trouble, Session()) as server:
        assert await server.call("find", {"q": "x"}, 5)


async def test_a_lost_session_is_opened_again():
    first = Session()
    async with kept(first, Session()) as server:
        await server.call("find", {"q": "x"}, 5)
        first.lose()

        await server.call("find", {"q": "x"}, 5)

        assert server._open.opened == 2


async def test_a_server_that_never_opens_is_a_failure_that_surely_did_not_run():
    async with kept(OSError("down")) as server:
        with pytest.raises(ToolCallFailed, match="being started again") as failed:
            await server.call("find", {"q": "x"}, 0.05)

    assert (failed.value.error_code, failed.value.ran) == ("tool_server_failed", False)


async def test_calls_beyond_the_places_wait_for_one():
    session = Session()
    session.gate = asyncio.Event()
    async with kept(session, calls_max=2) as server:
        calls = [asyncio.create_task(server.call("find", {"q": "x"}, 60)) for _ in range(5)]
        await asyncio.wait_for(server._opened.wait(), 60)
        await eventually(lambda: session.at_once == 2)
        session.gate.set()
        await asyncio.gather(*calls)

    assert session.most == 2


async def test_a_call_that_gets_no_place_in_time_is_told_that_the_server_is_busy():
    session = Session()
    session.gate = asyncio.Event()
    async with kept(session, calls_max=1) as server:
        first = asyncio.create_task(server.call("find", {"q": "x"}, 60))
        await eventually(lambda: session.at_once)

        with pytest.raises(ToolCallFailed, match="no free place") as failed:
            await server.call("find", {"q": "x"}, 0.02)
        session.gate.set()
        await first

    assert (failed.value.error_code, failed.value.ran) == ("tool_server_is_busy", False)


async def test_tools_are_listed_again_when_the_server_says_that_they_changed():
    session = Session()
    async with kept(session, other_tools={"price": 1}) as server:
        await server.call("find", {"q": "x"}, 5)
        before = server.listing
        session.tools, session.changed = ("find", "lose"), True
        session.stirred.set()
        await eventually(lambda: server.listing != before)

        assert [*server.tools] == ["find", "lose"]


async def test_a_server_opened_once_answers_for_the_time_of_the_context():
    server = KeptToolServer("search", table(), opener := Opener(Session()))

    async with server.opened_once():
        answer = await server.call("find", {"q": "x"}, 5)

    assert (answer.content[0]["text"], server.is_open, [*server.tools], opener.opened) == (
        "find", False, ["find"], 1,
    )  # fmt: skip


async def test_an_error_within_a_server_opened_once_comes_out_alone():
    server = KeptToolServer("search", table(), GroupOpener(Session()))

    with pytest.raises(ToolCallFailed):
        async with server.opened_once():
            raise ToolCallFailed


async def test_a_server_that_cannot_be_opened_once_says_why():
    opener = Opener(ExceptionGroup("two", [OSError("no such program")]))

    with pytest.raises(SetupError) as refused:
        async with KeptToolServer("search", table(), opener).opened_once():
            pass

    assert "tool server 'search' does not start: no such program" in str(refused.value)
    assert opener.opened == 1


async def test_a_call_beyond_those_that_may_wait_is_refused_at_once(monkeypatch):
    monkeypatch.setattr(tool_server, "WAITING_MAX", 1)
    session = Session()
    session.gate = asyncio.Event()
    async with kept(session, calls_max=1) as server:
        first, second = (asyncio.create_task(server.call("find", {"q": "x"}, 60)) for _ in range(2))
        await eventually(lambda: session.at_once and server._waiting)

        with pytest.raises(ToolCallFailed) as refused:
            await server.call("find", {"q": "x"}, 60)
        session.gate.set()
        await asyncio.gather(first, second)

        assert (refused.value.error_code, refused.value.ran) == ("tool_server_is_busy", False)
        assert await server.call("find", {"q": "x"}, 60)


async def test_a_session_that_was_opened_in_time_lasts_longer_than_its_opening_may_take(monkeypatch):
    monkeypatch.setattr(tool_server, "START_S", 0.05)
    opener = Opener(Session())
    server = KeptToolServer("search", table(), opener)
    server.start()
    await eventually(lambda: server.is_open)
    late = asyncio.get_running_loop().time() + 0.1

    await eventually(lambda: asyncio.get_running_loop().time() > late)

    assert (server.is_open, opener.opened) == (True, 1)
    await server.stop()
