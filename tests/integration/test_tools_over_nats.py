"""Outside tools over a real server: agents in their own accounts, and tool servers that nobody here wrote.

The time and git servers run over stdio in the sandbox. The time server's tools are also served over streamable HTTP. The server
of faults is ours, because no real one breaks the protocol on request.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import socket
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest
import pytest_asyncio
from eventually import eventually
from live_run import external_scenario, live_run
from requirements import requirement

from econsim import subjects
from econsim.adapters.jetstream import provision
from econsim.adapters.jetstream.audit_log import read
from econsim.adapters.jetstream.quota_table import KeyQuotaTable
from econsim.agents.channel import AgentChannel
from econsim.agents.tools import ToolService
from econsim.cli.verification import verify_run
from econsim.config import settings
from econsim.errors import Refused
from econsim.schemas.quota import QuotaUpdate

pytestmark = [
    pytest.mark.nats, pytest.mark.slow, pytest.mark.timeout(300), pytest.mark.asyncio(loop_scope="module"),
]  # fmt: skip

TOOLS = Path(__file__).parents[2] / "tools"
FAULTS = Path(__file__).parents[1] / "faulty_tool_server.py"
HTTP_SERVER = """
import sys
from mcp.server.mcpserver import MCPServer
server = MCPServer("numbers")
@server.tool()
def add(a: int, b: int) -> int:
    return a + b
server.run(transport="streamable-http", host="127.0.0.1", port=int(sys.argv[1]))
"""


def everything():
    """Return the table of the npm server that tries every part of the protocol; fetched once, empty without npm."""
    subprocess.run([TOOLS / "fetch"], check=True, capture_output=True)
    program = TOOLS / "node_modules/@modelcontextprotocol/server-everything/dist/index.js"
    if not (shutil.which("node") and program.is_file()):
        return ""
    return f"""
[servers.everything]
kind = "stdio"
command = "node"
args = ["{program}"]
readable = ["{TOOLS / "node_modules"}"]
other_tools = {{ price = 0.01, repeatable = true }}
"""


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def git(directory, *words):
    subprocess.run(["git", "-C", directory, *words], check=True, capture_output=True)


def tool_file(directory, port):
    """Write a repository, a journal of the server of faults, and the operator's file; return its path."""
    repository, journal = directory / "repository", directory / "journal"
    for each in (repository, journal):
        each.mkdir()
    journal.chmod(0o777)
    git(repository, "init", "-q")
    git(
        repository,
        "-c",
        "user.name=A",
        "-c",
        "user.email=a@b",
        "commit",
        "-q",
        "--allow-empty",
        "-m",
        "A commit",
    )
    file = directory / "tools.toml"
    file.write_text(f"""
[servers.time]
kind = "stdio"
command = "python"
args = ["-m", "mcp_server_time", "--local-timezone", "UTC"]
[servers.time.tools.get_current_time]
price = 0.01
[servers.time.tools.convert_time]
price = 0.02
pure = true
cached_for_s = 60
cached_price = 0.001

[servers.git]
kind = "stdio"
command = "python"
args = ["-m", "mcp_server_git", "--repository", "{repository}"]
readable = ["{repository}"]
environment = ["GIT_CONFIG_COUNT", "GIT_CONFIG_KEY_0", "GIT_CONFIG_VALUE_0"]
other_tools = {{ price = 0.05 }}

[servers.numbers]
kind = "http"
url = "http://127.0.0.1:{port}/mcp"
other_tools = {{ price = 0.03 }}

[servers.faulty]
kind = "stdio"
command = "python"
args = ["{FAULTS}", "{journal / "calls"}"]
writable = ["{journal}"]
result_bytes_max = 4096
other_tools = {{ price = 0.25 }}
{everything()}""")
    return file


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def live(server, tmp_path_factory):
    """One run in real time for all tests, with every tool server."""
    directory, port = tmp_path_factory.mktemp("tools"), free_port()
    # Below root's own temporary directory user `nobody`, as whom the sandbox runs then, could reach nothing.
    for each in (directory, *directory.parents[:2]):
        each.chmod(0o755)
    os.environ |= {
        "ECONSIM_TOOLS": str(tool_file(directory, port)),
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "safe.directory",
        "GIT_CONFIG_VALUE_0": "*",
    }
    http = await asyncio.create_subprocess_exec(
        sys.executable, "-c", HTTP_SERVER, str(port), stderr=subprocess.DEVNULL
    )
    try:
        async with live_run(server, "tools", external_scenario()) as found:
            more = QuotaUpdate(max_mcp_calls_per_hour=10_000)
            await KeyQuotaTable(found.nc).change("tools", None, more)
            found.journal = directory / "journal" / "calls"
            await eventually(lambda: all_listed(tools(found)))
            yield found
    finally:
        http.kill()
        await http.wait()
        for name in ("ECONSIM_TOOLS", "GIT_CONFIG_COUNT", "GIT_CONFIG_KEY_0", "GIT_CONFIG_VALUE_0"):
            os.environ.pop(name, None)


async def settled_credits(live, agent="anna"):
    """Return an agent's credits once nothing is reserved: a call is answered before it is settled."""

    async def settled():
        found = (await live.economy(agent).get_balance()).credits
        return None if found.reserved else found

    return await eventually(settled)


def tools(live, agent="anna"):
    return ToolService(AgentChannel(live.externals[agent], live.run, agent))


async def all_listed(service):
    return {each.server for each in await service.list()} >= {"time", "git", "numbers", "faulty"}


async def code(call):
    """Return the code with which a call is refused."""
    with pytest.raises(Refused) as refused:
        await call
    return refused.value.error_code


async def logged(live, receipt):
    """Return the events about a call."""
    patterns = [row.pattern(run=live.run) for row in (subjects.TOOL_COMPLETED, subjects.TOOL_FAILED)]
    events = [json.loads(each.payload) async for each in read(live.nc, live.run, patterns)]
    return [event for event in events if event["data"]["id"] == receipt]


@requirement("queue.mcp", "gateway.cost")
async def test_an_agent_pays_for_the_time(live):
    before = (await settled_credits(live)).owned

    answer = await tools(live).call("time", "get_current_time", {"timezone": "UTC"})

    after = await settled_credits(live)
    assert answer.structured["timezone"] == "UTC"
    assert (before - after.owned, str(answer.price)) == (answer.price, "0.01")
    assert len(await eventually(lambda: logged(live, answer.receipt))) == 1


async def test_an_agent_reads_the_log_of_a_repository(live):
    (directory,) = [each for each in live.journal.parents[1].iterdir() if each.name == "repository"]

    answer = await tools(live).call("git", "git_log", {"repo_path": str(directory)})

    assert "A commit" in answer.text


async def test_a_server_over_http_answers(live):
    answer = await tools(live).call("numbers", "add", {"a": 2, "b": 3})

    assert (answer.structured["result"], str(answer.price)) == (5, "0.03")


async def test_a_server_of_npm_answers_many_at_once_and_sees_no_environment_of_ours(live):
    service = tools(live)
    if "everything" not in {each.server for each in await service.list()}:
        pytest.skip("npm is not installed, or its server does not start here")

    echoes = await asyncio.gather(
        *(service.call("everything", "echo", {"message": str(n)}) for n in range(20))
    )
    seen = await service.call("everything", "get-env")

    assert [each.text for each in echoes] == [f"Echo: {n}" for n in range(20)]
    assert "ECONSIM" not in seen.text


async def test_a_notice_of_progress_is_no_answer(live):
    service = tools(live)
    if "everything" not in {each.server for each in await service.list()}:
        pytest.skip("npm is not installed, or its server does not start here")

    call = service.call(
        "everything", "trigger-long-running-operation", {"duration": 30, "steps": 100}, timeout_s=1
    )

    assert await code(call) == "tool_timed_out"


async def test_a_price_is_known_before_the_call(live):
    found = await tools(live).quote("time", "convert_time")

    assert (str(found.price), str(found.cached_price), found.cached_for_s) == ("0.02", "0.001", 60)


async def test_an_equal_call_is_a_hit_for_its_agent_and_not_for_another(live):
    given = {"source_timezone": "UTC", "time": "12:00", "target_timezone": "Asia/Tokyo"}
    first = await tools(live).call("time", "convert_time", given)

    hit = await tools(live).call("time", "convert_time", dict(reversed(given.items())))
    other = await tools(live, "bert").call("time", "convert_time", given)

    assert (first.cached, hit.cached, str(hit.price), other.cached) == (False, True, "0.001", False)
    assert hit.structured == first.structured


async def test_an_answer_that_was_missed_is_asked_for(live):
    service = tools(live)
    answer = await service.call("time", "get_current_time", {"timezone": "UTC"}, call_id="kept")

    again = await service.call("time", "get_current_time", {"timezone": "UTC"}, call_id="kept")

    assert again == answer == await service.result("kept")
    assert await code(tools(live, "bert").result("kept")) == "call_has_no_outcome"


@requirement("request.short")
async def test_the_seeds_message_is_enough_for_a_plain_client(live):
    anna = live.externals["anna"]
    inbox = await anna.subscribe("mcp.replied.time")
    command = {
        "agent_id": "anna",
        "server": "time",
        "tool": "get_current_time",
        "params": {"timezone": "UTC"},
        "reply_subject": "mcp.replied.time",
        "timeout_ms": 15_000,
        "correlation_id": "tools",
        "msg_id": "plain",
    }

    stored = json.loads(
        (await anna.request("mcp.request.time", json.dumps(command).encode(), timeout=20)).data
    )
    reply = json.loads((await inbox.next_msg(20)).data)

    assert (stored["stream"], reply["msg_id"], reply["error"]) == ("mcp_requests", "plain", None)


@pytest.mark.parametrize(
    ("tool", "expected", "price"),
    [
        ("huge", "result_is_too_large", "0.25"),
        ("lie", "result_is_malformed", "0.25"),
        ("junk", "result_is_malformed", "0.25"),
        ("broken", "tool_server_failed", "0"),
        ("crash", "tool_server_failed", "0"),
        ("hang", "tool_timed_out", "0"),
        ("notices", "tool_timed_out", "0"),
    ],
)
@requirement("gateway.timeout")
async def test_every_fault_of_a_server_is_a_typed_answer_and_money_adds_up(live, tool, expected, price):
    service, before = tools(live, "bert"), (await settled_credits(live, "bert")).owned

    with pytest.raises(Refused) as refused:
        await service.call("faulty", tool, timeout_s=3 if expected == "tool_timed_out" else 60)

    after = await settled_credits(live, "bert")
    assert refused.value.error_code == expected
    assert before - after.owned == Decimal(price)
    assert (await service.call("faulty", "echo", {"text": "well"}, timeout_s=20)).text == "well"


async def test_of_two_answers_the_first_one_counts(live):
    assert (await tools(live).call("faulty", "twice")).text == "first"


async def test_a_server_sees_no_environment_but_what_its_table_names(live, monkeypatch):
    monkeypatch.setenv("GREETING", " from outside")

    assert (await tools(live).call("faulty", "echo", {"text": "hello"})).text == "hello"


async def test_runs_are_told_of_the_servers_tools(live):
    async def told():
        found = [
            each async for each in read(live.nc, live.run, [subjects.TOOLS_LISTED.pattern(run=live.run)])
        ]
        return {json.loads(each.payload)["data"]["tools"][0] for each in found} >= {"add", "broken"}

    await eventually(told)


async def test_nothing_is_left_in_the_queue_and_the_books_add_up(live, server, tmp_path):
    async def empty():
        return await provision.depth(live.nc, "mcp_requests") == 0

    await eventually(empty)
    config = settings(nats=server.url, creds=server.creds("observer"), state=tmp_path)
    assert (await verify_run(config, live.run)).findings == ()
