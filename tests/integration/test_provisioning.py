"""Who exists on a live server: accounts come and go at once, end by themselves, and outlive the server."""

import asyncio
import shutil
from contextlib import asynccontextmanager
from types import SimpleNamespace

import nats
import pytest

from econsim.adapters.nats.account_push import account_provisioner, rotate
from econsim.adapters.nats.connection import connect, synchronize
from econsim.adapters.nats.credential_renewal import POLL_INTERVAL_S
from econsim.adapters.nats.revocations import outstanding
from econsim.adapters.server.embedded import EmbeddedServer
from econsim.app import Server
from econsim.checks.permissions.prober import probing
from econsim.errors import NotFound, SetupError
from econsim.identity.agent_credentials import each_account, mint
from econsim.identity.nats_jwt import Key, NkeyKind
from econsim.identity.trust_root import SYSTEM_USER
from econsim.runs.launch.agent_accounts import push_accounts, revoke, revoke_later
from econsim.subjects import GET_BALANCE, TICKED

pytestmark = pytest.mark.nats


@asynccontextmanager
async def plain(server, creds):
    """Connect as anybody would who knows nothing of econsim; does not come back when disconnected."""
    gone = asyncio.Event()

    async def disconnected():
        gone.set()

    async def quiet(_):
        pass

    client = await nats.connect(
        server.url,
        user_credentials=str(creds),
        allow_reconnect=False,
        disconnected_cb=disconnected,
        error_cb=quiet,
    )
    try:
        yield SimpleNamespace(client=client, gone=gone)
    finally:
        await client.close()


async def refused(server, creds):
    """Tell whether the server lets nobody in with these credentials."""
    try:
        # The client library leaves its socket open when it is refused.
        async with probing(server.url, creds):
            return False
    except SetupError:
        return True


async def let_in(server, run, *agents, **life):
    """Make accounts the server knows; return them."""
    made = [mint(server.trust, run, agent, **life) for agent in agents]
    async with account_provisioner(server.url, server.trust) as provisioner:
        await provisioner.push(each.jwt() for each in made)
    return made


def copied(creds, tmp_path):
    """Return a copy of credentials that nobody renews or removes."""
    return shutil.copyfile(creds, tmp_path / f"copy-of-{creds.name}")


async def answers(nc, run):
    """Answer questions about balances in SIM with the subject they came on."""

    async def answer(message):
        await message.respond(message.subject.encode())

    await nc.subscribe(GET_BALANCE.pattern(run=run), cb=answer)
    await synchronize(nc)


async def test_an_agent_with_only_its_creds_file_works_within_moments(server, nc, run) -> None:
    await answers(nc, run)

    async with asyncio.timeout(30):
        (anna,) = await let_in(server, run, "anna")
        async with plain(server, anna.creds) as line:
            reply = await line.client.request("market.account.get_balance", b"")

    assert reply.data.decode() == GET_BALANCE(run=run, agent="anna")


async def test_agents_of_one_run_are_told_apart_by_the_server(server, nc, run) -> None:
    await answers(nc, run)

    said = []
    for each in await let_in(server, run, "anna", "bert"):
        async with plain(server, each.creds) as line:
            said.append((await line.client.request("market.account.get_balance", b"")).data.decode())

    assert said == [GET_BALANCE(run=run, agent="anna"), GET_BALANCE(run=run, agent="bert")]


async def test_two_agents_are_each_told_every_tick_and_can_join_no_group_that_shares_them_out(
    server, nc, run
) -> None:
    ticks, groups = [str(number) for number in range(18)], ("workers", "admission", "a.b", ">", "*")

    anna, bert = await let_in(server, run, "anna", "bert")
    async with probing(server.url, anna.creds) as one, probing(server.url, bert.creds) as other:
        joined = [
            await each.filter_allowed(f"clock.ticked {group}" for group in groups) for each in (one, other)
        ]
        for each in (one, other):
            await each.subscribe_only(["clock.ticked"])
        for tick in ticks:
            await nc.publish(TICKED(run=run), tick.encode())
        await nc.flush()
        told = [set(), set()]
        async with asyncio.timeout(60):
            while told != [{*ticks}, {*ticks}]:
                for each, heard in zip((one, other), told, strict=True):
                    heard |= {payload for _, payload in await each.take_deliveries()}

    assert joined == [[], []]


async def test_an_account_ends_by_itself_with_its_connections(server, run) -> None:
    (anna,) = await let_in(server, run, "anna", life_s=2)

    async with plain(server, anna.creds) as line, asyncio.timeout(30):
        await line.gone.wait()

    assert anna.expired(server.trust.now())
    assert await refused(server, anna.creds)


async def test_revoked_an_agent_is_out_at_once_and_for_good(server, run, tmp_path) -> None:
    anna, bert = await let_in(server, run, "anna", "bert")
    kept = copied(anna.creds, tmp_path)
    async with plain(server, anna.creds) as line, plain(server, bert.creds) as other:
        async with account_provisioner(server.url, server.trust) as provisioner, asyncio.timeout(30):
            await revoke(server.trust, provisioner, run, "anna")
            await line.gone.wait()
        await other.client.flush()
        assert not other.gone.is_set()

    assert await refused(server, kept)
    assert [each.agent for each in each_account(server.trust, run)] == ["bert"]


async def test_who_has_no_account_cannot_be_revoked(server, run) -> None:
    async with account_provisioner(server.url, server.trust) as provisioner:
        with pytest.raises(NotFound, match="'anna' has no credentials"):
            await revoke(server.trust, provisioner, run, "anna")


async def test_let_in_again_an_agent_has_new_credentials_and_the_old_stay_out(server, run, tmp_path) -> None:
    (anna,) = await let_in(server, run, "anna")
    kept = copied(anna.creds, tmp_path)
    async with account_provisioner(server.url, server.trust) as provisioner:
        await revoke(server.trust, provisioner, run, "anna")

    (again,) = await let_in(server, run, "anna")

    assert not await refused(server, again.creds)
    assert await refused(server, kept)


async def test_an_account_of_another_operator_is_refused(server, run) -> None:
    forged = mint(server.trust, run, "eve")
    stranger = SimpleNamespace(
        operator=Key(NkeyKind.OPERATOR), creds=server.trust.creds, now=server.trust.now
    )

    async with account_provisioner(server.url, stranger) as provisioner:
        with pytest.raises(SetupError, match="refused an account"):
            await provisioner.push([forged.jwt()[:-8] + "AAAAAAAA"])
        with pytest.raises(SetupError, match="refused an account"):
            await provisioner.delete([forged.account])


async def test_a_restarted_server_knows_who_was_let_in_and_who_was_thrown_out(tmp_path) -> None:
    async with EmbeddedServer(tmp_path) as server:
        anna, bert = await let_in(server, "run_1", "anna", "bert")
        kept = copied(bert.creds, tmp_path)
        async with account_provisioner(server.url, server.trust) as provisioner:
            await revoke(server.trust, provisioner, "run_1", "bert")

    async with EmbeddedServer(tmp_path) as server:
        known = [not await refused(server, each) for each in (anna.creds, kept)]

    assert known == [True, False]


async def test_a_server_learns_on_starting_what_was_decided_while_none_ran(tmp_path) -> None:
    async with EmbeddedServer(tmp_path) as server:
        (bert,) = await let_in(server, "run_1", "bert")
    kept = copied(bert.creds, tmp_path)
    revoke_later(server.trust, bert)
    anna = mint(server.trust, "run_1", "anna")
    mint(server.trust, "run_1", "carl", life_s=0)

    async with EmbeddedServer(tmp_path) as server:
        await push_accounts(Server(server.url, server.creds, server.trust))
        known = [not await refused(server, each) for each in (anna.creds, kept)]

    assert known == [True, False]
    assert [each.agent for each in each_account(server.trust)] == ["anna"]
    assert not outstanding(server.trust)


async def test_rotation_ends_old_credentials_and_a_client_that_reads_its_file_goes_on(tmp_path) -> None:
    async with EmbeddedServer(tmp_path) as server:
        (anna,) = await let_in(server, "run_1", "anna")
        kept = [copied(server.creds(role), tmp_path) for role in ("setup", SYSTEM_USER)]
        current = await connect(server.url, server.creds("setup"), "test-current")
        async with (
            plain(server, kept[0]) as old,
            plain(server, kept[1]) as system,
            plain(server, anna.creds) as agent,
        ):
            new = await rotate(server.url, server.trust, lambda _: None, overlap_s=3 * POLL_INTERVAL_S)
            async with asyncio.timeout(30):
                await asyncio.gather(old.gone.wait(), system.gone.wait())

            assert not agent.gone.is_set()
        assert (await current.jetstream().account_info()).streams == 0
        assert [await refused(server, each) for each in kept] == [True, True]
        assert [await refused(server, new.creds(role)) for role in ("setup", SYSTEM_USER)] == [False, False]
        await current.close()


async def test_while_keys_are_rotated_old_and_new_credentials_work(tmp_path) -> None:
    async with EmbeddedServer(tmp_path) as server:
        old = copied(server.creds("setup"), tmp_path)
        new = server.trust.rotate()
        async with account_provisioner(server.url, new) as provisioner:
            await provisioner.push([new.accounts(beside=server.trust)[new.sim.public]])

        assert [await refused(server, each) for each in (old, new.creds("setup"))] == [False, False]


async def test_after_rotation_a_restarted_server_obeys_the_new_trust_alone(tmp_path) -> None:
    async with EmbeddedServer(tmp_path) as server:
        kept = [copied(server.creds(role), tmp_path) for role in ("setup", SYSTEM_USER)]
        await rotate(server.url, server.trust, lambda _: None, overlap_s=0)

    async with EmbeddedServer(tmp_path) as server:
        assert [await refused(server, each) for each in kept] == [True, True]
        assert not await refused(server, server.creds("setup"))
