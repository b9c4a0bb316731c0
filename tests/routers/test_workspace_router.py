"""The workspace service's handlers on a broker in memory: right answers, typed refusals. Shows no restarts, no time."""

import json

import pytest
from faststream.nats import NatsBroker, TestNatsBroker
from requirements import requirement
from workspace_worlds import WorkspaceWorld

from econsim import subjects
from econsim.routers import workspace
from econsim.services.context import ServiceContext
from econsim.services.handlers import BindMessage, error_replies
from econsim.services.routes import router
from econsim.services.workspaces import Workspaces

NOON = "2026-01-01T12:00:00.000000000Z"


class Meter:
    """A meter whose limits are those of the world."""

    def __init__(self, world):
        self._world = world

    async def quotas(self, *_):
        return self._world.limits


@pytest.fixture
def context():
    world = WorkspaceWorld()
    broker = NatsBroker()
    found = ServiceContext("workspace", broker)
    found.meter, found.workspaces = Meter(world), Workspaces(world.records, world.chunks)
    found.runs["run"] = world.run
    broker.add_middleware(BindMessage(found))
    broker.add_middleware(error_replies())
    broker.include_router(router("workspace", workspace.service.routes))
    return found


@pytest.fixture
async def ask(context):
    """Send a request to the handlers of a run in which ana and bob are external."""
    async with TestNatsBroker(context.broker) as memory:

        async def ask(row, body, agent="ana"):
            payload = body if isinstance(body, bytes) else json.dumps(body).encode()
            return json.loads((await memory.request(payload, row(run="run", agent=agent))).body)

        ask.memory = memory
        yield ask


@requirement("workspace.files")
async def test_every_operation_is_answered_in_the_senders_own_workspace(ask):
    chunk = await ask(subjects.PUT_CHUNK, b"12345")
    answers = [
        await ask(
            subjects.WRITE_FILE, {"command_id": "1", "path": "a", "chunks": [chunk["digest"]], "size": 5}
        ),
        await ask(subjects.APPEND_TO_FILE, {"command_id": "2", "path": "a", "text": "678"}),
        await ask(subjects.COPY_FILE, {"command_id": "3", "path": "a", "to": "b"}),
        await ask(subjects.MOVE_FILE, {"command_id": "4", "path": "b", "to": "c"}),
        await ask(subjects.DELETE_FILE, {"command_id": "5", "path": "a"}),
    ]

    assert [(each["version"], each["size"]) for each in answers] == [(1, 5), (2, 8), (3, 8), (4, 8), (5, 0)]
    assert (await ask(subjects.READ_FILE, {"path": "c", "as_text": True}))["text"] == "12345678"
    assert [each["path"] for each in (await ask(subjects.LIST_FILES, {}))["files"]] == ["c"]
    assert (await ask(subjects.STAT_FILE, {"path": "c"}))["size"] == 8
    assert (await ask(subjects.SEARCH_FILES, {"text": "567"}))["matches"][0]["line"] == 1
    assert (await ask(subjects.LIST_FILES, {}, agent="bob"))["files"] == []


async def test_an_agent_that_is_not_in_the_run_is_refused(ask):
    reply = await ask(subjects.LIST_FILES, {}, agent="host_1")

    assert reply["error"]["code"] == "agent_is_not_in_this_run"


async def test_a_request_for_another_agent_is_refused(ask):
    reply = await ask(subjects.LIST_FILES, {"agent_id": "bob"})

    assert reply["error"]["code"] == "agent_id_does_not_match_subject"


async def test_a_change_has_the_tick_of_its_run(ask, context):
    context.runs.note_tick("run", 9)

    await ask(subjects.WRITE_FILE, {"command_id": "1", "path": "a", "text": "x"})

    (entry,) = context.workspaces.records.entries
    assert b'"tick":9' in entry.value


def test_one_worker_at_a_time_collects(context):
    (task,) = workspace.service.service_tasks(context)

    assert task.lease == "collector.workspace"


async def test_an_external_agent_names_no_tick(ask):
    reply = await ask(subjects.WRITE_FILE, {"command_id": "c", "path": "a", "text": "x", "tick": 3})

    assert reply["error"]["code"] == "tick_is_for_hosts"
