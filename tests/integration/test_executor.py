"""Whole runs over a real server: equal to runs in memory, stored once whatever fails, and refused where they do not follow."""

from __future__ import annotations

from contextlib import aclosing, suppress
from dataclasses import dataclass

import pytest
from nats.aio.client import Client
from nats_runs import hash_in_memory, over_nats, shortened
from run_builders import canonical_hash, replacing_scenario, small_scenario

from econsim import subjects
from econsim.adapters.clock import SystemClock
from econsim.adapters.jetstream.state_store import JetStreamStateStore
from econsim.adapters.nats.connection import reliable_publish
from econsim.cli.verification import verify_run
from econsim.config import settings
from econsim.domain.agent.active_run import active_run
from econsim.domain.audit.envelope import Envelope
from econsim.errors import Conflict, CorruptJournal, CorruptLog, EconsimError, Unavailable
from econsim.runs.remote import run_events
from econsim.schemas.clock import RunClosed, RunOpened, Ticked
from econsim.schemas.executor import Execution
from econsim.services.executor import bundle, executor
from econsim.services.leadership import LeadershipLost

pytestmark = [pytest.mark.nats, pytest.mark.timeout(300)]


class Crashed(Exception):
    """The worker of a test has died."""


@dataclass
class FaultyClient:
    """A connection that passes a durable write on, or not, and may keep the answer to itself."""

    real: Client
    writes_before_crash: int | None
    answered: bool
    lost: int
    writes: int = 0

    def __getattr__(self, name):
        return getattr(self.real, name)

    async def request(self, subject, payload=b"", timeout=5, headers=None):  # noqa: ASYNC109 - as the client has it
        if subject.startswith("$JS.API"):
            return await self.real.request(subject, payload, timeout=timeout, headers=headers)
        dies = self.writes == self.writes_before_crash
        if dies and not self.answered:
            raise Crashed
        self.writes += 1
        answer = await self.real.request(subject, payload, timeout=timeout, headers=headers)
        if dies:
            raise Crashed
        if self.writes <= self.lost:
            raise TimeoutError
        return answer


class Worker:
    """What an executor needs of its service.

    Its process dies at the durable write after `writes_before_crash`; `answered` if the server gets that write. Of the first
    `lost` writes the answers are lost.
    """

    def __init__(self, nc, writes_before_crash=None, *, answered=True, lost=0):
        self.client = FaultyClient(nc, writes_before_crash, answered, lost)
        self.clock = SystemClock()
        self.jetstream = nc.jetstream()


@pytest.fixture
def tick_by_tick(monkeypatch):
    """Store each tick in a bundle of its own."""
    monkeypatch.setattr(bundle, "MESSAGES_MAX", 1)


async def opened(nc, run, scenario, execution=Execution.WHOLE):
    """Open a run that only the test executes."""
    data = RunOpened(scenario=scenario, salt="salt", execution=execution)
    event = Envelope(run, data.salt, 0, SystemClock().now()).event(subjects.RUN_OPENED, "tester", data)
    await reliable_publish(nc.jetstream(), event.subject, event.json(), event.event.event_id)
    return active_run(event.event)


async def logged(nc, run):
    async with aclosing(run_events(nc, run)) as events:
        return [each async for each in events]


def verified(server, tmp_path, run):
    config = settings(nats=server.url, creds=server.creds("observer"), state=tmp_path)
    return verify_run(config, run)


@pytest.mark.slow
@pytest.mark.parametrize(
    "found",
    [
        shortened("smith1962", 3),
        shortened("zip_learning", 3),
        shortened("call_vs_cda", 3),
        replacing_scenario(),
    ],
    ids=lambda found: found.name,
)
async def test_a_whole_run_is_the_run_in_memory_and_its_books_add_up(server, run, tmp_path, found):
    events = await over_nats(server, found, run, Execution.WHOLE)

    assert canonical_hash(events) == hash_in_memory(found)
    assert (await verified(server, tmp_path, run)).findings == ()


async def test_a_bundle_holds_many_ticks(nc, run):
    opening = await opened(nc, run, small_scenario())
    worker = Worker(nc)

    await executor.serve(worker, opening)

    ticks = sum(isinstance(each.event.data, Ticked) for each in await logged(nc, run))
    assert ticks == 12
    assert worker.client.writes <= 4


@pytest.mark.usefixtures("tick_by_tick")
@pytest.mark.parametrize("answered", [False, True])
async def test_a_worker_that_dies_at_any_durable_write_is_taken_over(server, nc, run, tmp_path, answered):
    """Each worker dies at its second, third or fourth durable write."""
    found = small_scenario()
    opening, deaths = await opened(nc, run, found), 0
    for _ in range(100):
        try:
            await executor.serve(Worker(nc, 1 + deaths % 3, answered=answered), opening)
            break
        except Crashed:
            deaths += 1

    assert deaths > 5
    assert canonical_hash(await logged(nc, run)) == hash_in_memory(found)
    assert (await verified(server, tmp_path, run)).findings == ()


@pytest.mark.usefixtures("tick_by_tick")
async def test_writes_without_an_answer_are_stored_once(nc, run):
    found = small_scenario()
    opening = await opened(nc, run, found)

    await executor.serve(Worker(nc, lost=20), opening)

    events = await logged(nc, run)
    assert len({each.event.event_id for each in events}) == len(events)
    assert canonical_hash(events) == hash_in_memory(found)


@pytest.mark.usefixtures("tick_by_tick")
async def test_a_worker_that_was_replaced_stores_nothing_more(nc, run, monkeypatch):
    monkeypatch.setattr(executor, "TRIES_MAX", 2)
    opening = await opened(nc, run, small_scenario())
    late = executor.Executor(Worker(nc), opening)
    await late.find_place()
    await executor.serve(Worker(nc), opening)
    before = len(await logged(nc, run))

    with pytest.raises((LeadershipLost, Unavailable)):
        await late.execute()

    assert len(await logged(nc, run)) == before


@pytest.mark.usefixtures("tick_by_tick")
async def test_a_journal_of_another_scenario_is_no_place_to_go_on_from(nc, run):
    with suppress(Crashed):
        await executor.serve(Worker(nc, 5), await opened(nc, run, small_scenario()))
    other = active_run(
        Envelope(run, "salt", 0, SystemClock().now())
        .event(
            subjects.RUN_OPENED,
            "tester",
            RunOpened(scenario=small_scenario(seed=7), salt="salt", execution=Execution.WHOLE),
        )
        .event
    )

    with pytest.raises(CorruptJournal, match="does not follow from its scenario"):
        await executor.serve(Worker(nc), other)


async def test_a_log_with_a_foreign_event_is_no_place_to_go_on_from(nc, run):
    opening = await opened(nc, run, small_scenario())
    foreign = Envelope(run, "other salt", 1, SystemClock().now()).event(
        subjects.TICKED, "clock", Ticked(period=1, tick_of_period=1)
    )
    await reliable_publish(nc.jetstream(), foreign.subject, foreign.json(), foreign.event.event_id)

    worker = Worker(nc)

    with pytest.raises(CorruptLog, match="does not follow from its scenario"):
        await executor.serve(worker, opening)

    assert worker.client.writes == 0


async def test_an_operator_who_closes_first_keeps_the_only_closing(nc, run):
    opening = await opened(nc, run, small_scenario())
    closing = Envelope(run, "salt", 0, SystemClock().now()).event(
        subjects.RUN_CLOSED, "tester", RunClosed(ticks=0, periods=0, journal_sequence=0, interrupted=True)
    )
    await reliable_publish(nc.jetstream(), closing.subject, closing.json(), closing.event.event_id)

    await executor.serve(Worker(nc), opening)

    info = await nc.jetstream().stream_info(subjects.AUDIT, subjects_filter=subjects.RUN_CLOSED(run=run))
    assert info.state.subjects == {subjects.RUN_CLOSED(run=run): 1}


async def test_positions_of_a_whole_run_are_readable(nc, run):
    await executor.serve(Worker(nc), await opened(nc, run, small_scenario()))

    found = await JetStreamStateStore(nc).get(f"{run}.buyer_001.balance")

    assert found is not None


async def test_a_scenario_that_services_must_share_is_not_opened_whole(server, run):
    with pytest.raises(EconsimError, match="services must share its run") as refused:
        await over_nats(server, shortened("genesis"), run, Execution.WHOLE)

    assert not isinstance(refused.value, Conflict)
