"""Accounts on a running server: made and revoked at once, ended by themselves, kept over a restart."""

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
    """Connect with plain nats-py, without reconnecting; the event tells of the end of the connection."""
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


async def is_refused(server, creds):
    """Tell whether the server refuses these credentials."""
    try:
        # The client library leaves its socket open when it is refused.
        async with probing(server.url, creds):
            return False
    except SetupError:
        return True


async def create_accounts(server, run, *agents, **life):
    """Make accounts and push them to the server; return them."""
    made = [mint(server.trust, run, agent, **life) for agent in agents]
    async with account_provisioner(server.url, server.trust) as provisioner:
        await provisioner.push(each.jwt() for each in made)
    return made


def copy_of(creds, tmp_path):
    """Return a copy of credentials that nobody renews or removes."""
    return shutil.copyfile(creds, tmp_path / f"copy-of-{creds.name}")


async def answer_balances(nc, run):
    """Answer requests for balances in SIM with the subject of the request."""

    async def answer(message):
        await message.respond(message.subject.encode())

    await nc.subscribe(GET_BALANCE.pattern(run=run), cb=answer)
    await synchronize(nc)


async def test_an_agent_with_only_its_creds_file_works_within_moments(server, nc, run) -> None:
    await answer_balances(nc, run)

    async with asyncio.timeout(30):
        (anna,) = await create_accounts(server, run, "anna")
        async with plain(server, anna.creds) as line:
            reply = await line.client.request("market.account.get_balance", b"")

    assert reply.data.decode() == GET_BALANCE(run=run, agent="anna")


async def test_the_server_tells_agents_of_one_run_apart(server, nc, run) -> None:
    await answer_balances(nc, run)

    replies = []
    for each in await create_accounts(server, run, "anna", "bert"):
        async with plain(server, each.creds) as line:
            replies.append((await line.client.request("market.account.get_balance", b"")).data.decode())

    assert replies == [GET_BALANCE(run=run, agent="anna"), GET_BALANCE(run=run, agent="bert")]


async def test_two_agents_each_receive_every_tick_and_can_join_no_queue_group(server, nc, run) -> None:
    ticks, groups = [str(number) for number in range(18)], ("workers", "admission", "a.b", ">", "*")

    anna, bert = await create_accounts(server, run, "anna", "bert")
    async with probing(server.url, anna.creds) as one, probing(server.url, bert.creds) as other:
        joined = [
            await each.filter_allowed(f"clock.ticked {group}" for group in groups) for each in (one, other)
        ]
        for each in (one, other):
            await each.subscribe_only(["clock.ticked"])
        for tick in ticks:
            await nc.publish(TICKED(run=run), tick.encode())
        await nc.flush()
        received = [set(), set()]
        async with asyncio.timeout(60):
            while received != [{*ticks}, {*ticks}]:
                for each, payloads in zip((one, other), received, strict=True):
                    payloads |= {payload for _, payload in await each.take_deliveries()}

    assert joined == [[], []]


async def test_an_account_ends_by_itself_with_its_connections(server, run) -> None:
    (anna,) = await create_accounts(server, run, "anna", life_s=2)

    async with plain(server, anna.creds) as line, asyncio.timeout(30):
        await line.gone.wait()

    assert anna.expired(server.trust.now())
    assert await is_refused(server, anna.creds)


async def test_a_revoked_agent_is_disconnected_at_once_and_stays_out(server, run, tmp_path) -> None:
    anna, bert = await create_accounts(server, run, "anna", "bert")
    kept = copy_of(anna.creds, tmp_path)
    async with plain(server, anna.creds) as line, plain(server, bert.creds) as other:
        async with account_provisioner(server.url, server.trust) as provisioner, asyncio.timeout(30):
            await revoke(server.trust, provisioner, run, "anna")
            await line.gone.wait()
        await other.client.flush()
        assert not other.gone.is_set()

    assert await is_refused(server, kept)
    assert [each.agent for each in each_account(server.trust, run)] == ["bert"]


async def test_an_agent_without_an_account_cannot_be_revoked(server, run) -> None:
    async with account_provisioner(server.url, server.trust) as provisioner:
        with pytest.raises(NotFound, match="'anna' has no credentials"):
            await revoke(server.trust, provisioner, run, "anna")


async def test_an_agent_with_a_new_account_has_new_credentials_and_the_old_stay_refused(
    server, run, tmp_path
) -> None:
    (anna,) = await create_accounts(server, run, "anna")
    kept = copy_of(anna.creds, tmp_path)
    async with account_provisioner(server.url, server.trust) as provisioner:
        await revoke(server.trust, provisioner, run, "anna")

    (again,) = await create_accounts(server, run, "anna")

    assert not await is_refused(server, again.creds)
    assert await is_refused(server, kept)


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


async def test_a_restarted_server_knows_created_and_revoked_accounts(tmp_path) -> None:
    async with EmbeddedServer(tmp_path) as server:
        anna, bert = await create_accounts(server, "run_1", "anna", "bert")
        kept = copy_of(bert.creds, tmp_path)
        async with account_provisioner(server.url, server.trust) as provisioner:
            await revoke(server.trust, provisioner, "run_1", "bert")

    async with EmbeddedServer(tmp_path) as server:
        known = [not await is_refused(server, each) for each in (anna.creds, kept)]

    assert known == [True, False]


async def test_a_server_learns_at_its_start_of_accounts_made_and_revoked_before(tmp_path) -> None:
    async with EmbeddedServer(tmp_path) as server:
        (bert,) = await create_accounts(server, "run_1", "bert")
    kept = copy_of(bert.creds, tmp_path)
    revoke_later(server.trust, bert)
    anna = mint(server.trust, "run_1", "anna")
    mint(server.trust, "run_1", "carl", life_s=0)

    async with EmbeddedServer(tmp_path) as server:
        await push_accounts(Server(server.url, server.creds, server.trust))
        known = [not await is_refused(server, each) for each in (anna.creds, kept)]

    assert known == [True, False]
    assert [each.agent for each in each_account(server.trust)] == ["anna"]
    assert not outstanding(server.trust)


async def test_rotation_ends_old_credentials_and_a_client_that_reads_its_file_goes_on(tmp_path) -> None:
    async with EmbeddedServer(tmp_path) as server:
        (anna,) = await create_accounts(server, "run_1", "anna")
        kept = [copy_of(server.creds(role), tmp_path) for role in ("setup", SYSTEM_USER)]
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
        assert [await is_refused(server, each) for each in kept] == [True, True]
        assert [await is_refused(server, new.creds(role)) for role in ("setup", SYSTEM_USER)] == [
            False,
            False,
        ]
        await current.close()


async def test_while_keys_are_rotated_old_and_new_credentials_work(tmp_path) -> None:
    async with EmbeddedServer(tmp_path) as server:
        old = copy_of(server.creds("setup"), tmp_path)
        new = server.trust.rotate()
        async with account_provisioner(server.url, new) as provisioner:
            await provisioner.push([new.accounts(beside=server.trust)[new.sim.public]])

        assert [await is_refused(server, each) for each in (old, new.creds("setup"))] == [False, False]


async def test_after_rotation_a_restarted_server_obeys_the_new_trust_alone(tmp_path) -> None:
    async with EmbeddedServer(tmp_path) as server:
        kept = [copy_of(server.creds(role), tmp_path) for role in ("setup", SYSTEM_USER)]
        await rotate(server.url, server.trust, lambda _: None, overlap_s=0)

    async with EmbeddedServer(tmp_path) as server:
        assert [await is_refused(server, each) for each in kept] == [True, True]
        assert not await is_refused(server, server.creds("setup"))
