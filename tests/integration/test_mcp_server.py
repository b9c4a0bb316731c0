"""An assistant trades: the official MCP client over stdio, started in another directory, on a run over a real server."""

import asyncio

import pytest
import pytest_asyncio
from assistants import assistant
from eventually import eventually
from factories import group, role, scenario
from live_run import external_scenario, live_run
from mcp.shared.exceptions import MCPError
from relays import Relay

from econsim.adapters.nats.account_push import account_provisioner
from econsim.identity.agent_credentials import mint
from econsim.runs.launch.agent_accounts import revoke

pytestmark = [pytest.mark.nats, pytest.mark.asyncio(loop_scope="module")]


TOOLS = """
[servers.time]
kind = "stdio"
command = "python"
args = ["-m", "mcp_server_time", "--local-timezone", "UTC"]
tools.convert_time = { price = 0.02 }
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def live(server, tmp_path_factory):
    """One run in real time for all of them, with a tool server that nobody here wrote."""
    file = tmp_path_factory.mktemp("tools") / "tools.toml"
    file.write_text(TOOLS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ECONSIM_TOOLS", str(file))
        async with live_run(server, "assisted", external_scenario(tick_ms=200)) as found:
            yield found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def anna(live, server, tmp_path_factory):
    """The assistant of agent anna."""
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    async with assistant(elsewhere, live.run, "anna", nats=server.url, creds=live.creds["anna"]) as found:
        yield found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bert(live, server, tmp_path_factory):
    """The assistant of agent bert."""
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    async with assistant(elsewhere, live.run, "bert", nats=server.url, creds=live.creds["bert"]) as found:
        yield found


async def test_the_tools_say_what_they_take_and_whether_they_only_read(anna):
    tools = {tool.name: tool for tool in (await anna.client.list_tools()).tools}

    bid = tools["place_bid"]
    assert {*bid.input_schema["properties"]} == {"resource", "price", "quantity", "kind", "order_id"}
    assert bid.input_schema["additionalProperties"] is False
    assert bid.annotations.read_only_hint is False
    assert tools["get_book"].annotations.read_only_hint is True
    assert [tools[name].annotations.idempotent_hint for name in ("cancel_order", "place_bid")] == [
        True,
        False,
    ]


async def test_an_order_is_placed_filled_and_paid_as_decimal_text(anna):
    before = await anna.call("get_balance")
    placed = await anna.call("place_bid", resource="cpu", price="1.01", order_id="first")
    outcome = await anna.call("get_outcome", order_id=placed["order_id"], wait_s=20)
    paid = await eventually(lambda: _spent(anna, before))

    assert placed["order_id"] == "anna.first"
    assert (outcome["kind"], outcome["price"]) == ("accepted", "1.01")
    assert (before["credits"]["owned"], paid) == ("100", "99")


async def _spent(anna, before):
    now = (await anna.call("get_balance"))["credits"]["owned"]
    return now if now != before["credits"]["owned"] else None


async def test_the_same_order_twice_counts_once(anna):
    first = await anna.call("place_bid", resource="gpu", price="0.5", order_id="twice")
    again = await anna.call("place_bid", resource="gpu", price="0.5", order_id="twice")

    assert (first["duplicate"], again["duplicate"]) == (False, True)


async def test_an_order_rests_is_replaced_and_leaves_the_book(anna):
    await anna.call("place_bid", resource="gpu", price="0.25", order_id="resting")
    await anna.call("replace_order", resource="gpu", order_id="resting", price="0.3", new_order_id="dearer")
    resting = await eventually(lambda: _prices_of_bids(anna, "0.3"))
    await anna.call("cancel_order", resource="gpu", order_id="dearer")

    assert "0.25" not in resting
    assert await eventually(lambda: _without(anna, "0.3"))


async def _prices_of_bids(anna, wanted):
    prices = [level["price"] for level in (await anna.call("get_book", resource="gpu"))["bids"]]
    return prices if wanted in prices else None


async def _without(anna, price):
    return await _prices_of_bids(anna, price) is None


async def test_a_thought_is_paid_for_and_its_price_is_told(anna):
    before = await anna.call("get_balance")
    thought = await anna.call("think", prompt="Buy or wait?", system="One word.", max_tokens=16)
    left = await eventually(lambda: _spent(anna, before))

    assert thought["provider"] == "rules"
    assert float(before["credits"]["owned"]) - float(left) == pytest.approx(float(thought["price"]))


async def test_a_file_is_written_found_read_in_an_earlier_version_and_deleted(anna):
    first = await anna.call("write_file", path="notes/cpu.md", text="buy below 2", expected_version=0)
    await anna.call("append_to_file", path="notes/cpu.md", text=" ✓")
    found = await anna.call("search_files", text="below")
    newest = await anna.call("read_file", path="notes/cpu.md", from_character=4)
    earlier = await anna.call("read_file", path="notes/cpu.md", at=first["version"])
    await anna.call("move_file", path="notes/cpu.md", to="cpu.md")
    listed = await anna.call("list_files")
    await anna.call("delete_file", path="cpu.md")

    assert [match["path"] for match in found["matches"]] == ["notes/cpu.md"]
    assert (newest["text"], newest["length"], newest["next_character"]) == ("below 2 ✓", 13, None)
    assert earlier["text"] == "buy below 2"
    assert [file["path"] for file in listed["files"]] == ["cpu.md"]
    assert (await anna.call("list_files"))["files"] == []


async def test_a_task_is_delegated_done_and_paid_and_a_message_needs_consent(anna, bert):
    task = await anna.call("delegate_task", taker="bert", text="Find a price.", price="1.5", task_id="prices")
    refused = await anna.error("send_message", recipient="bert", text="Are you at it?")
    await bert.call("set_consent", other="anna", is_allowed=True)
    await anna.call("send_message", recipient="bert", text="Are you at it?")
    seen = await bert.call("get_social")
    for step, text in (("accept", ""), ("progress", "half"), ("deliver", "2.18")):
        await bert.call("advance_task", task_id=task["task_id"], step=step, text=text)
    approved = await anna.call("advance_task", task_id=task["task_id"], step="approve")

    assert (task["state"], task["price"]) == ("offered", "1.5")
    assert refused["code"] == "recipient_has_not_consented"
    assert [message["text"] for message in seen["messages"]] == ["Are you at it?"]
    assert (approved["state"], approved["result"]) == ("approved", "2.18")


async def test_a_question_waits_for_a_person_and_can_be_cancelled(anna):
    asked = await anna.call("ask_human", text="Buy?", options=["yes", "no"], wait_s=0, request_id="buy")
    again = await anna.call("ask_human", text="Buy?", options=["yes", "no"], wait_s=0, request_id="buy")
    waiting = await anna.call("get_answer", question_id=asked["question_id"], wait_s=0.1)
    cancelled = await anna.call("cancel_question", question_id=asked["question_id"])

    assert again["question_id"] == asked["question_id"]
    assert (asked["state"], waiting["state"], cancelled["state"]) == ("waiting", "waiting", "cancelled")


async def test_an_outside_tool_is_listed_quoted_called_and_paid(anna):
    (listed,) = await eventually(lambda: _listed_tools(anna))
    named = {"server": "time", "tool": "convert_time"}
    quote = await anna.call("quote_outside_tool", **named)
    params = {"source_timezone": "UTC", "target_timezone": "Asia/Tokyo", "time": "12:00"}
    first = await anna.call("call_outside_tool", **named, params=params, call_id="noon")
    again = await anna.call("call_outside_tool", **named, params=params, call_id="noon")
    unknown = await anna.error("call_outside_tool", server="nowhere", tool="now")

    assert (listed["tool"], quote["price"], first["price"]) == ("convert_time", "0.02", "0.02")
    assert "T21:00:00+09:00" in first["text"]
    assert again == first
    assert unknown["code"] == "tool_server_does_not_exist"


async def _listed_tools(anna):
    return (await anna.call("list_outside_tools", server="time"))["tools"]


@pytest.mark.parametrize(
    ("tool", "arguments", "code", "said"),
    [
        ("place_bid", {"resource": "cpu", "price": 2.5}, "message_is_invalid", "price"),
        ("place_bid", {"resource": "cpu", "price": "1", "agent": "bert"}, "message_is_invalid", "agent"),
        ("place_bid", {"resource": "cpu", "price": "1", "order_id": "bert.1"}, "order_belongs_to", "bert"),
        ("cancel_order", {"resource": "cpu", "order_id": "bert.1"}, "order_belongs_to", "bert"),
        ("get_book", {"resource": "cpu\x1b[2J"}, "message_is_invalid", "resource"),
        ("get_book", {"resource": "cpu.*"}, "message_is_invalid", "resource"),
        ("get_book", {"resource": "gold"}, "market_is_not_in_this_run", "it has cpu, gpu"),
        ("think", {"prompt": "Think.", "model": "none"}, "model_is_not_in_this_run", "none"),
        ("get_outcome", {"order_id": "nowhere", "wait_s": 0.1}, "service_is_unavailable", "nowhere"),
    ],
)
async def test_an_error_has_a_code_a_sentence_and_a_remedy(anna, tool, arguments, code, said):
    error = await anna.error(tool, **arguments)

    assert error["code"].startswith(code)
    assert said in error["message"]
    assert error["remedy"]


async def test_what_another_agent_might_have_written_cannot_steer_a_terminal(anna):
    done = await anna.client.call_tool("get_book", {"resource": "\x1b[2J\u202e"})

    assert done.content[0].text.isascii()
    assert "\x1b" not in done.content[0].text


async def test_an_unknown_tool_is_an_error_of_the_protocol_that_names_the_tools(anna):
    with pytest.raises(MCPError, match="there is no tool 'mint_money'; there are get_status"):
        await anna.client.call_tool("mint_money", {})


async def test_a_run_is_traded_tick_by_tick_to_its_end(server, live, run, tmp_path):
    sellers = group("seller", "truthful", roles=[role("ask", values=[[1, 1.5, 3]])])
    market = scenario(
        sellers, group("anna", "external"), clock={"ticks_per_period": 3, "deadline_ms": 60_000}
    )
    where = {"nats": server.url, "state": server.trust.directory.parent}

    async with live_run(server, run, market, away=["anna"]), assistant(tmp_path, run, "anna", **where) as me:
        ticks, outcomes, ended = [], [], False
        while not ended:
            turn = await me.call("wait_for_tick")
            outcomes += turn["outcomes"]
            ended = turn["run_ended"]
            if turn["tick"]:
                ticks.append(turn["tick"]["number"])
                await me.call("place_bid", resource="cpu", price="1.6", kind="immediate_or_cancel")
        status = await me.call("get_status")
        late = await me.error("place_bid", resource="cpu", price="1")
        code, said = await first_error(tmp_path, run, "anna", **where)

    assert ticks == [1, 2, 3]
    assert [each["kind"] for each in outcomes].count("filled") == 2
    assert (status["run_ended"], status["agent"]) == (True, "anna")
    assert late["code"] in ("run_is_not_open", "run_is_closed")
    assert (code, said.startswith(f"run {run!r} has ended")) == ("run_is_closed", True)


async def test_a_server_that_cannot_join_says_at_each_call_what_is_wrong(server, live, tmp_path):
    here = {"nats": server.url, "state": server.trust.directory.parent}
    missing = mint(server.trust, "nowhere", "anna")
    foreign = mint(server.trust, live.run, "zed")
    async with account_provisioner(server.url, server.trust) as provisioner:
        await provisioner.push([missing.jwt(), foreign.jwt()])

    codes = await asyncio.gather(
        first_error(tmp_path, "nowhere", "anna", **here),
        first_error(tmp_path, live.run, "zed", **here),
        first_error(tmp_path, live.run, "kim", **here),
        first_error(tmp_path, live.run, "zed", nats=server.url, creds=live.creds["anna"]),
        first_error(tmp_path, live.run, "anna"),
    )

    assert [code for code, _ in codes] == [
        "run_is_not_open",
        "agent_is_not_in_this_run",
        "setup_is_not_fit",
        "sender_is_not_allowed",
        "setup_is_not_fit",
    ]
    assert f"`econsim agent create kim --run {live.run}`" in codes[2][1]
    assert "are of agent 'anna', not 'zed'" in codes[3][1]
    assert f"no NATS server runs on the state directory {tmp_path}/.econsim" in codes[4][1]


async def first_error(directory, *names, **where):
    """Start an assistant; return code and message of the error of its first call."""
    async with assistant(directory, *names, **where) as found:
        error = await found.error("get_status")
    return error["code"], error["message"]


async def test_revoked_credentials_end_it_and_new_ones_are_taken(server, live, tmp_path):
    here = {"nats": server.url, "state": server.trust.directory.parent}
    async with (
        assistant(tmp_path, live.run, "bert", **here) as bert,
        account_provisioner(server.url, server.trust) as provisioner,
    ):
        await bert.call("get_status")
        await revoke(server.trust, provisioner, live.run, "bert")
        error = await eventually(lambda: refused(bert))
        await provisioner.push([mint(server.trust, live.run, "bert").jwt()])
        again = await bert.call("get_status")

    assert error["code"] == "setup_is_not_fit"
    assert "there are no credentials" in error["message"]
    assert again["agent"] == "bert"


async def refused(found):
    done = await found.client.call_tool("get_balance", {})
    return done.structured_content.get("error")


async def test_a_server_that_is_away_is_an_error_that_says_to_repeat_and_a_repeat_succeeds(
    server, live, tmp_path
):
    async with Relay(server.url) as relay:
        where = {"nats": relay.url, "creds": live.creds["anna"]}
        async with assistant(tmp_path, live.run, "anna", **where) as anna:
            await anna.call("get_status")
            await relay.cut()
            error = await anna.error("place_bid", resource="gpu", price="0.1", order_id="cut")
            await relay.mend()
            receipt = await anna.call("place_bid", resource="gpu", price="0.1", order_id="cut")

    assert (error["code"], error["retryable"]) == ("service_is_unavailable", True)
    assert receipt["order_id"] == "anna.cut"
