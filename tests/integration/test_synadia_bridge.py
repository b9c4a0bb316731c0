"""Hosts of the Synadia Agent Protocol, run with its published SDK in an agent's own account, and the bridge that asks them."""

import asyncio
import json
from contextlib import asynccontextmanager
from itertools import product

import pytest
import pytest_asyncio
from assistants import econsim_command
from factories import group, role, scenario
from live_run import external_scenario, live_run
from synadia_ai.agent_service import AgentService

from econsim.adapters.nats.connection import connect, synchronize
from econsim.agents.synadia.host_name import HostName
from econsim.agents.synadia.prompt_client import PromptClient
from econsim.errors import SetupError, Unavailable
from econsim.identity.agent_account import GRANTS

pytestmark = [pytest.mark.nats, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def live(server):
    """One run in real time for all of them."""
    async with live_run(server, "bridged", external_scenario()) as found:
        yield found


@asynccontextmanager
async def serving(server, creds, answer, session="desk"):
    """Serve prompts with the SDK for the time of the context, connected with an agent's creds file."""
    client = await connect(server.url, creds, "host")
    host = AgentService(agent="echo", owner="tests", session_name=session, nc=client)
    host.on_prompt(answer)
    await host.start()
    try:
        yield host
    finally:
        await host.stop()
        await client.close()


@asynccontextmanager
async def prompting(server, creds, host=None):
    """Provide a client of hosts in an agent's account for the time of the context."""
    client = await connect(server.url, creds, "prompts")
    prompts = PromptClient(client, host)
    try:
        yield prompts
    finally:
        await prompts.close()
        await client.close()


async def echo(envelope, stream):
    await stream.send("you said ")
    await stream.send(envelope.prompt)


async def test_a_host_is_found_in_its_agents_account_and_answers(server, live):
    async with serving(server, live.creds["anna"], echo), prompting(server, live.creds["anna"]) as prompts:
        answers = [await prompts.ask(text, 10) for text in ("buy", "sell")]

    assert answers == ["you said buy", "you said sell"]


async def test_nobody_else_finds_it_or_hears_its_prompts(server, live):
    async with serving(server, live.creds["anna"], echo), prompting(server, live.creds["bert"]) as prompts:
        with pytest.raises(SetupError, match="no host takes prompts in this account"):
            await prompts.ask("buy", 10)


async def test_a_host_that_asks_a_person_is_told_that_nobody_is_here(server, live):
    async def asking(_, stream):
        await stream.send((await stream.ask("May I buy?", timeout=10)).prompt)

    async with serving(server, live.creds["anna"], asking), prompting(server, live.creds["anna"]) as prompts:
        answer = await prompts.ask("buy", 10)

    assert answer.startswith("No. Nobody is here to ask.")


async def test_two_hosts_must_be_told_apart(server, live):
    creds = live.creds["anna"]
    async with serving(server, creds, echo, "one"), serving(server, creds, echo, "two"):
        async with prompting(server, creds, HostName("echo", "tests", "two")) as prompts:
            assert await prompts.ask("buy", 10) == "you said buy"
        async with prompting(server, creds) as prompts:
            with pytest.raises(SetupError, match=r"2 hosts .*echo\.tests\.one, echo\.tests\.two.* --host"):
                await prompts.ask("buy", 10)


async def test_a_host_that_does_not_answer_in_time_or_has_gone_is_unavailable_and_looked_for_again(
    server, live
):
    creds, hung = live.creds["anna"], asyncio.Event()

    async def hanging(_, __):
        await hung.wait()

    async with prompting(server, creds) as prompts:
        async with serving(server, creds, hanging):
            with pytest.raises(Unavailable, match=r"echo\.tests\.desk gave no answer"):
                await prompts.ask("buy", 0.2)
            hung.set()
        async with serving(server, creds, echo):
            assert await prompts.ask("buy", 10) == "you said buy"


async def test_a_queue_group_is_allowed_for_what_its_own_programs_send_and_for_nothing_else(server, live):
    sent = {
        wider
        for grant in GRANTS
        if not grant.is_request
        for wider in patterns_of(grant.local_pattern("anna"))
    }

    refused = await refused_in_a_group(server, live.creds["anna"], {"agents.prompt.>", "_INBOX.>", *sent})

    assert refused == {"_inbox.>", *sent}


def patterns_of(subject):
    """Return every pattern that takes a subject: each token as it is or a wildcard, the rest as one wildcard."""
    tokens = [("*", each) for each in subject.split(".")]
    ends = [(*tokens[:length], (">",)) for length in range(len(tokens))]
    return {".".join(each) for whole in (tokens, *ends) for each in product(*whole)}


async def refused_in_a_group(server, creds, subjects):
    """Subscribe to subjects in a queue group; return those that the server refused, in small letters."""
    errors = []

    async def note(error):
        errors.append(str(error))

    client = await connect(server.url, creds, "host", note)
    for subject in subjects:
        await client.subscribe(subject, queue="agents")
    await synchronize(client)
    await client.close()
    return {error.split('"')[1] for error in errors}


async def test_a_trace_of_a_message_ends_at_the_border_of_the_account(server, live):
    client = await connect(server.url, live.creds["anna"], "tracer")
    traces = await client.subscribe("agents.trace")
    header = {"Nats-Trace-Dest": "agents.trace"}
    await client.publish("market.prices.get_prices", b"{}", "agents.answer", headers=header)
    hops = json.loads((await traces.next_msg(10)).data)["events"]
    await client.close()

    assert [hop["type"] for hop in hops] == ["in", "si"]
    assert hops[-1]["to"].endswith(f".{live.run}.anna")


async def test_the_bridge_trades_as_its_host_says_until_the_run_ends(server, live, run, tmp_path):
    sellers = group("seller", "truthful", roles=[role("ask", values=[[1, 1.5, 3]])])
    market = scenario(
        sellers, group("anna", "external"), clock={"ticks_per_period": 4, "deadline_ms": 60_000}
    )
    prompts = []
    answers = iter(
        [call("place_bid", price="1.6"), '{"calls": [{"tool": "pl', call("place_bid", agent="bert")]
    )

    async def deciding(envelope, stream):
        prompts.append(envelope.prompt)
        await stream.send(next(answers, call("place_bid", price="1.6")))

    async with (
        live_run(server, run, market, away=["anna"]) as own,
        serving(server, own.creds["anna"], deciding),
    ):
        status, said = await bridge(tmp_path, server, run, own.creds["anna"])

    assert (status, len(prompts)) == (0, 4)
    assert '"kind": "filled"' in prompts[1]
    assert "no action in this tick: the answer has no complete JSON object" in said
    assert "agent: Extra inputs are not permitted" in prompts[3]


def call(tool, **arguments):
    """Return an answer with one call."""
    return json.dumps(
        {"calls": [{"tool": tool, "arguments": {"resource": "cpu", "price": "1", **arguments}}]}
    )


async def bridge(directory, server, run, creds):
    """Run the command to its end in a directory; return its status and what it said."""
    command = await asyncio.create_subprocess_exec(
        *econsim_command("synadia-bridge", run, "anna", nats=server.url, creds=creds),
        cwd=directory,
        stderr=asyncio.subprocess.PIPE,
    )
    _, said = await asyncio.wait_for(command.communicate(), 60)
    return command.returncode, said.decode()
