"""Commands of operators and dead letters over the real server: carried out, announced once, nothing left in a queue."""

import asyncio
import json
from contextlib import asynccontextmanager, suppress
from types import SimpleNamespace

import nats
import nats.errors
import pytest
from eventually import eventually
from live_run import external_scenario, live_run
from nats.js.api import ConsumerConfig
from requirements import requirement
from typer.testing import CliRunner

from econsim import subjects
from econsim.adapters.jetstream import audit_log, dead_letters, direct_get, provision
from econsim.adapters.jetstream.quota_table import KeyQuotaTable
from econsim.adapters.nats.connection import connect
from econsim.adapters.nats.rpc import ask
from econsim.app import Server, running
from econsim.cli import app
from econsim.domain.audit.decoding import decode
from econsim.errors import NotAllowed, Refused
from econsim.runs.remote import close_run, open_run, run_connection
from econsim.schemas import admin
from econsim.schemas.admin import DropLetter, LetterDone, RetryLetter, SetQuota, TellTrust
from econsim.schemas.names import NO_RUN
from econsim.schemas.quota import Quotas, QuotaUpdate
from econsim.services.admin import dead_letter_collector
from econsim.services.admin.dead_letter_collector import EXHAUSTED, TERMINATED
from econsim.subjects import ORDERS

pytestmark = pytest.mark.nats

ORDER = {"command_id": "c", "order_id": "o", "price": 500_000, "quantity": 1}
IDLE = external_scenario()


@asynccontextmanager
async def services(server, *names):
    """Run some services for the time of the context."""
    async with running(names, Server(server.url, server.creds)):
        yield


async def events(nc, run, subject):
    """Return a run's events on a subject."""
    found = audit_log.read(nc, run, [subject(run=run)])
    return [decode(each.subject, each.payload).event async for each in found]


async def letters_of(nc, run):
    return [letter async for letter in dead_letters.each_dead_letter(nc) if letter.run == run]


async def one_letter(nc, run):
    (letter,) = await eventually(lambda: letters_of(nc, run))
    return letter


async def add_letter(nc, run, payload=b"{}", subject=None, sequence=1):
    """Put a letter into the stream, as a handler would have; return its place."""
    subject = subject or subjects.PLACE_BID(resource="cpu", run=run, agent="anna")
    headers = {
        "Nats-Msg-Id": f"{run}:{sequence}",
        "dead-letter-code": "message_is_invalid",
        "dead-letter-reason": "it was wrong",
        "dead-letter-handler": "market",
        "dead-letter-stream": ORDERS,
        "dead-letter-sequence": str(sequence),
    }
    return (await nc.jetstream().publish(f"dead_letter.{subject}", payload, headers=headers)).seq


async def command(operator, row, request, reply):
    return await ask(operator, row(operator="operator"), request, reply)


@asynccontextmanager
async def worker(nc, run, **config):
    """Yield a durable on queue `tasks` that takes a run's messages, and a message in it."""
    subject = f"system.task.delegate.{run}.anna"
    config = ConsumerConfig(ack_wait=0.2, filter_subject=subject, **config)
    found = await nc.jetstream().pull_subscribe(subject, run, stream="tasks", config=config)
    ack = await nc.jetstream().publish(subject, b'{"do":"it"}', headers={"trace": "t"})
    yield SimpleNamespace(subject=subject, sequence=ack.seq, take=found)
    await nc.jetstream().delete_consumer("tasks", run)


async def crash_with_every_delivery(found):
    """Let a worker crash with every delivery of its message."""
    for _ in range(6):
        with suppress(TimeoutError, nats.errors.TimeoutError):
            await found.take.fetch(1, timeout=0.4)


async def test_a_letter_is_announced_once_also_after_a_restart(server, nc, run):
    sequence = await add_letter(nc, run)
    async with services(server, "admin"):
        await eventually(lambda: events(nc, run, subjects.LETTER_BURIED))
    other = await add_letter(nc, run, sequence=2)

    async with services(server, "admin"):
        await eventually(lambda: _count(nc, run, 2))

    announced = [event.data for event in await events(nc, run, subjects.LETTER_BURIED)]
    assert [letter.sequence for letter in announced] == [sequence, other]
    assert (announced[0].code, announced[0].reason, announced[0].origin) == (
        "message_is_invalid",
        "it was wrong",
        f"{ORDERS}:1",
    )


async def _count(nc, run, wanted):
    return len(await events(nc, run, subjects.LETTER_BURIED)) >= wanted


@requirement("queue.dead_letter")
async def test_a_message_delivered_too_often_becomes_a_letter_and_leaves_its_queue(server, nc, run):
    async with services(server, "admin"), worker(nc, run, max_deliver=2) as found:
        await crash_with_every_delivery(found)
        letter = await one_letter(nc, run)
        await eventually(lambda: _gone(nc, found.sequence))

    assert (letter.subject, letter.payload, letter.headers) == (found.subject, b'{"do":"it"}', {"trace": "t"})
    assert (letter.code, letter.handler, letter.origin) == (EXHAUSTED, "server", f"tasks:{found.sequence}")
    assert not letter.lacks


async def test_an_advisory_is_kept_while_no_admin_service_runs(server, nc, run):
    async with worker(nc, run, max_deliver=2) as found:
        await crash_with_every_delivery(found)
        assert await letters_of(nc, run) == []

        async with services(server, "admin"):
            assert (await one_letter(nc, run)).code == EXHAUSTED
            await eventually(lambda: _gone(nc, found.sequence))


async def _gone(nc, sequence):
    return await direct_get.get(nc, "tasks", sequence) is None


async def test_a_terminated_message_without_a_letter_leaves_one_without_content(server, nc, run):
    async with services(server, "admin"), worker(nc, run) as found:
        (message,) = await found.take.fetch(1, timeout=20)
        await message.term()
        letter = await eventually(lambda: _from(nc, f"tasks:{found.sequence}"))

    assert (letter.subject, letter.code, letter.run) == ("unknown.tasks", TERMINATED, NO_RUN)
    assert letter.lacks


async def _from(nc, origin):
    async for letter in dead_letters.each_dead_letter(nc):
        if letter.origin == origin:
            return letter
    return None


async def test_a_message_that_two_services_give_up_makes_one_letter(server, nc, run):
    async with worker(nc, run, max_deliver=2) as found:
        (message,) = await found.take.fetch(1, timeout=20)
        await dead_letters.store_dead_letter(nc.jetstream(), message, Refused("no such tool"), "gateway")
        await crash_with_every_delivery(found)
        async with services(server, "admin"):
            await eventually(lambda: _gone(nc, found.sequence))

            letter = await one_letter(nc, run)

    assert (letter.handler, letter.code) == ("gateway", "refused")


async def test_a_message_with_a_letter_of_long_ago_only_leaves_its_queue(nc, run):
    context = SimpleNamespace(client=nc, jetstream=nc.jetstream())
    async with worker(nc, run) as found:
        advisory = dead_letter_collector.Advisory("tasks", found.sequence, terminated=False, reason="")
        await dead_letter_collector.store_dead_letter(context, advisory, is_stored=True)

    assert await _gone(nc, found.sequence)
    assert await letters_of(nc, run) == []


async def test_a_dropped_letter_is_gone_and_the_log_names_the_operator(server, nc, run, connect_as):
    sequence, operator = await add_letter(nc, run), await connect_as("operator")
    async with services(server, "admin"):
        done = await command(operator, subjects.DROP_LETTER, DropLetter(sequence=sequence), LetterDone)
        (dropped,) = await events(nc, run, subjects.LETTER_DROPPED)
        (commanded,) = await events(nc, run, subjects.COMMANDED)
        with pytest.raises(Refused) as again:
            await command(operator, subjects.DROP_LETTER, DropLetter(sequence=sequence), LetterDone)

    assert await letters_of(nc, run) == []
    assert (done.sequence, dropped.data.sequence, dropped.actor) == (sequence, sequence, "operator")
    assert (commanded.data.operator, commanded.data.command, commanded.data.code) == (
        "operator",
        "dead_letter.drop",
        "done",
    )
    assert dropped.causation_id == commanded.event_id
    assert again.value.error_code == "letter_does_not_exist"


@pytest.mark.parametrize("payload", [b"{", b"[" * 3_000, b'{"sequence":0}', b'{"sequence":1,"colour":"red"}'])
async def test_a_command_that_cannot_be_read_is_audited_too(server, nc, payload, connect_as):
    operator = await connect_as("operator")
    async with services(server, "admin"):
        reply = await operator.request("admin.dead_letter.drop.operator", payload, timeout=5)
        newest = await audit_log.last_event(nc, subjects.COMMANDED(run=NO_RUN))

    recorded = decode(newest.subject, newest.payload).event.data
    assert json.loads(reply.data)["error"]["code"] == recorded.code == "message_is_invalid"
    assert (recorded.operator, recorded.command) == ("operator", "dead_letter.drop")
    assert recorded.summary[:20] == payload.decode()[:20]


async def test_an_operator_commands_in_no_other_name(server, connect_as):
    operator = await connect_as("operator")
    options = {"user_credentials": str(server.creds("operator")), "inbox_prefix": "_INBOX.operator"}
    unguarded = await nats.connect(server.url, **options)
    async with services(server, "admin"):
        with pytest.raises(NotAllowed):
            await operator.request("admin.dead_letter.drop.somebody", b'{"sequence":1}', timeout=0.5)
        with pytest.raises((TimeoutError, nats.errors.Error)):
            await unguarded.request("admin.dead_letter.drop.somebody", b'{"sequence":1}', timeout=0.5)
    await unguarded.close()


async def test_opening_and_closing_runs_is_audited(server, nc, run, connect_as):
    operator = await connect_as("operator")
    async with services(server, "ledger", "market", "clock"):
        await open_run(operator, run, IDLE)
        other = IDLE.model_copy(update={"seed": 9})
        with pytest.raises(Refused):
            await open_run(operator, run, other)
        await eventually(lambda: _closed(nc, operator, run))

    recorded = [event.data for event in await events(nc, run, subjects.COMMANDED)]
    assert [(each.command, each.code) for each in recorded[:2]] == [
        ("run.open", "done"),
        ("run.open", "run_exists_with_different_scenario"),
    ]
    assert ("run.close", "done") in {(each.command, each.code) for each in recorded}
    assert all(len(each.summary) <= 200 for each in recorded)


async def _closed(nc, operator, run):
    await close_run(operator, run)
    return await audit_log.last_event(nc, subjects.RUN_CLOSED(run=run))


async def test_setting_a_quota_changes_the_bucket_and_is_an_event(server, nc, run, connect_as):
    operator = await connect_as("operator")
    update = QuotaUpdate(max_order_rate=5)
    async with services(server, "ledger", "market", "clock", "admin"):
        await open_run(operator, run, external_scenario())
        request = SetQuota(run=run, agent="anna", update=update)
        quotas = await eventually(lambda: _known(operator, request))
        with pytest.raises(Refused) as unknown:
            await command(operator, subjects.SET_QUOTA, request.model_copy(update={"agent": "eve"}), Quotas)
        kept = await KeyQuotaTable(nc).get(run, "anna"), await KeyQuotaTable(nc).get(run, "bert")
        (changed,) = await events(nc, run, subjects.QUOTA_CHANGED)

    assert quotas == kept[0] == changed.data.quotas == Quotas(max_order_rate=5)
    assert kept[1] == Quotas()
    assert (changed.actor, changed.data.agent, changed.data.update) == ("operator", "anna", update)
    assert unknown.value.error_code == "agent_is_not_in_this_run"
    codes = [event.data.code for event in await events(nc, run, subjects.COMMANDED) if event.actor == "admin"]
    assert codes[-2:] == ["done", "agent_is_not_in_this_run"]


async def test_a_use_of_the_keys_is_recorded_under_its_operator(server, nc, run, connect_as):
    tell = TellTrust(run=run, who="anna", change="agent_thrown_out", reason="it shouted")
    async with services(server, "admin"):
        recorded = await command(
            await connect_as("operator"), subjects.TELL_TRUST, tell, admin.TrustChangedEvent
        )
        (event,) = await events(nc, run, subjects.TRUST_CHANGED)
        (commanded,) = await events(nc, run, subjects.COMMANDED)

    assert event == recorded
    assert (event.actor, event.causation_id) == ("operator", commanded.event_id)
    assert event.data.model_dump() == {"who": "anna", "change": "agent_thrown_out", "reason": "it shouted"}


async def test_accounts_that_the_opening_of_a_run_creates_are_recorded(server, nc, run):
    here = Server(server.url, server.creds, server.trust)
    async with services(server, "clock", "admin"), run_connection(here, run, external_scenario()):
        recorded = [event.data for event in await events(nc, run, subjects.TRUST_CHANGED)]
        await close_run(nc, run)

    assert [(each.who, each.change) for each in recorded] == [
        ("anna", "agent_let_in"),
        ("bert", "agent_let_in"),
    ]


async def _known(operator, request):
    """Set a quota as soon as the service knows of the run."""
    with suppress(Refused):
        return await command(operator, subjects.SET_QUOTA, request, Quotas)


@requirement("queue.dead_letter")
async def test_a_letter_that_is_put_back_runs_and_one_that_fails_again_is_a_new_letter(
    server, run, connect_as
):
    operator = await connect_as("operator")
    async with live_run(server, run, external_scenario()) as live:
        wrong = subjects.PLACE_BID(resource="cpu", run=run, agent="bert")
        await live.nc.jetstream().publish(wrong, b"{", headers={"Nats-Msg-Id": run})
        broken = await one_letter(live.nc, run)
        good = await add_letter(live.nc, run, json.dumps(ORDER).encode())

        done = await command(operator, subjects.RETRY_LETTER, RetryLetter(sequence=good), LetterDone)
        bids = await eventually(lambda: _bids(live))
        await command(operator, subjects.RETRY_LETTER, RetryLetter(sequence=broken.sequence), LetterDone)
        again = await one_letter(live.nc, run)
        retried = await events(live.nc, run, subjects.LETTER_RETRIED)

    assert (done.stream, broken.code, len(bids)) == (ORDERS, "message_is_invalid", 1)
    assert again.sequence > broken.sequence
    assert again.headers == {dead_letters.RETRY_OF: str(broken.sequence)}
    assert [event.data.sequence for event in retried] == [good, broken.sequence]


async def _bids(live):
    return (await live.economy().get_book("cpu")).bids


async def test_putting_a_letter_back_twice_stores_one_message(nc, run):
    letter = await dead_letters.get_dead_letter(nc, await add_letter(nc, run, json.dumps(ORDER).encode()))

    first = await dead_letters.requeue(nc, letter)
    second = await dead_letters.requeue(nc, letter)

    assert (first.seq, first.stream, second.duplicate) == (second.seq, ORDERS, True)
    await direct_get.delete(nc, ORDERS, first.seq)


async def test_messages_are_read_in_pages_and_deleted_once(nc, run):
    places = [await add_letter(nc, run, sequence=number) for number in range(1, 6)]

    read = [
        letter.sequence async for letter in dead_letters.each_dead_letter(nc, places[1]) if letter.run == run
    ]
    deleted = [await direct_get.delete(nc, "dead_letter", places[0]) for _ in range(2)]

    assert read == places[1:]
    assert deleted == [True, False]
    assert await direct_get.get(nc, "dead_letter", places[0]) is None


async def test_more_than_a_page_is_read_whole(nc, run, monkeypatch):
    monkeypatch.setattr(direct_get, "PAGE", 2)
    places = [await add_letter(nc, run, sequence=number) for number in range(1, 6)]

    assert [letter.sequence for letter in await letters_of(nc, run)] == places


async def test_every_right_it_needs_is_the_admin_roles(server, nc, run):
    refused = []

    async def tell(error):
        refused.append(str(error))

    sequence = await add_letter(nc, run)
    client = await connect(server.url, server.creds("admin"), "test-admin", tell)
    await provision.depth(client, "advisories")
    assert [letter async for letter in dead_letters.each_dead_letter(client, sequence)]
    for queue in ("advisories", "tasks", "mcp_requests", ORDERS):
        assert not await direct_get.delete(client, queue, 10**9)
    await client.close()

    assert refused == []


def cli(server, *args, columns="80"):
    where = ["--nats", server.url, "--creds", str(server.creds("operator").parent)]
    return CliRunner().invoke(app, [*args, *where], env={"COLUMNS": columns})


@requirement("queue.dead_letter")
async def test_the_command_line_lists_shows_and_drops(server, nc, run):
    first, second = await add_letter(nc, run, b'{"a":1}'), await add_letter(nc, run, b"\x1b[2J", sequence=2)

    listed = await asyncio.to_thread(cli, server, "dead-letters", "list", "--run", run, columns="200")
    shown = await asyncio.to_thread(cli, server, "dead-letters", "show", str(first))
    nobody = await asyncio.to_thread(cli, server, "dead-letters", "drop", str(first))
    async with services(server, "admin"):
        dropped = await asyncio.to_thread(cli, server, "dead-letters", "drop", "--all", "--run", run)
        missing = await asyncio.to_thread(cli, server, "dead-letters", "retry", str(first), str(second))

    assert "message_is_invalid" in listed.stdout
    assert f" {first} " in listed.stdout
    assert '"a": 1' in shown.stdout
    assert (nobody.exit_code, "no admin service is running" in nobody.stderr) == (1, True)
    assert dropped.stdout.count("was dropped") == 2
    assert (missing.exit_code, missing.stderr.count("there is no dead letter")) == (1, 2)


async def test_the_command_line_sets_and_shows_quotas(server, nc, run):
    async with services(server, "ledger", "market", "clock", "admin"):
        await open_run(nc, run, external_scenario())
        await asyncio.sleep(0.2)
        args = ("quota", "set", run, "--agent", "anna", "max_order_rate=7")
        changed = await asyncio.to_thread(cli, server, *args)
        shown = await asyncio.to_thread(cli, server, "quota", "show", run, "--agent", "anna")

    assert changed.exit_code == shown.exit_code == 0, changed.output
    row = next(line.split() for line in shown.stdout.splitlines() if "max_order_rate" in line)
    assert row[:3] == ["max_order_rate", "7", "50"]
